"""Where the backing services are, from the container's environment. Passwords come from files alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class SettingsError(RuntimeError):
    """The environment is incomplete; the text names every fault."""


class Environment:
    """Reads variables and collects what is wrong with them, so that all faults are told at once."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._faults: list[str] = []

    def text(self, key: str) -> str:
        value = self._variables.get(key, "")
        if not value:
            self._faults.append(f"{key} is not set")
        return value

    def port(self, key: str, default: int) -> int:
        value = self._variables.get(key, str(default))
        if not value.isdecimal() or not 0 < int(value) < 65536:
            self._faults.append(f"{key} is {value!r}, not a port")
            return default
        return int(value)

    def secret(self, key: str) -> str:
        name = self.text(key)
        try:
            value = Path(name).read_text(encoding="utf-8").rstrip("\r\n") if name else ""
        except (OSError, UnicodeDecodeError) as error:
            self._faults.append(f"{key} names {name}, which cannot be read: {error}")
            return ""
        if name and not value:
            self._faults.append(f"{key} names {name}, which is empty")
        return value

    def refuse_faults(self) -> None:
        if self._faults:
            raise SettingsError("this service cannot start:\n  " + "\n  ".join(self._faults))


@dataclass(frozen=True)
class PostgresSettings:
    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)

    @classmethod
    def read(cls, environment: Environment) -> "PostgresSettings":
        return cls(
            host=environment.text("POSTGRES_HOST"),
            port=environment.port("POSTGRES_PORT", 5432),
            database=environment.text("POSTGRES_DB"),
            user=environment.text("POSTGRES_USER"),
            password=environment.secret("POSTGRES_PASSWORD_FILE"),
        )


@dataclass(frozen=True)
class RedisSettings:
    host: str
    port: int
    password: str = field(repr=False)

    @classmethod
    def read(cls, environment: Environment) -> "RedisSettings":
        return cls(
            host=environment.text("REDIS_HOST"),
            port=environment.port("REDIS_PORT", 6379),
            password=environment.secret("REDIS_PASSWORD_FILE"),
        )


@dataclass(frozen=True)
class KafkaSettings:
    bootstrap_servers: str
    """`host:port`, several with commas between."""

    @classmethod
    def read(cls, environment: Environment) -> "KafkaSettings":
        return cls(bootstrap_servers=environment.text("KAFKA_BOOTSTRAP_SERVERS"))
