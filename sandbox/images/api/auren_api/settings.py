"""Where PostgreSQL and Redis are, from the container's environment. Passwords come from files alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class SettingsError(RuntimeError):
    """The environment is incomplete; the text names every fault."""


@dataclass(frozen=True)
class Settings:
    postgres_host: str
    postgres_port: int
    postgres_db: str
    postgres_user: str
    postgres_password: str = field(repr=False)
    redis_host: str
    redis_port: int
    redis_password: str = field(repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Raises `SettingsError` with all faults at once."""
        faults: list[str] = []

        def text(key: str) -> str:
            value = environment.get(key, "")
            if not value:
                faults.append(f"{key} is not set")
            return value

        def port(key: str, default: int) -> int:
            value = environment.get(key, str(default))
            if not value.isdecimal() or not 0 < int(value) < 65536:
                faults.append(f"{key} is {value!r}, not a port")
                return default
            return int(value)

        def secret(key: str) -> str:
            name = text(key)
            try:
                value = Path(name).read_text(encoding="utf-8").rstrip("\r\n") if name else ""
            except (OSError, UnicodeDecodeError) as error:
                faults.append(f"{key} names {name}, which cannot be read: {error}")
                return ""
            if name and not value:
                faults.append(f"{key} names {name}, which is empty")
            return value

        settings = cls(
            postgres_host=text("POSTGRES_HOST"),
            postgres_port=port("POSTGRES_PORT", 5432),
            postgres_db=text("POSTGRES_DB"),
            postgres_user=text("POSTGRES_USER"),
            postgres_password=secret("POSTGRES_PASSWORD_FILE"),
            redis_host=text("REDIS_HOST"),
            redis_port=port("REDIS_PORT", 6379),
            redis_password=secret("REDIS_PASSWORD_FILE"),
        )
        if faults:
            raise SettingsError("the API cannot start:\n  " + "\n  ".join(faults))
        return settings
