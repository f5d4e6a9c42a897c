"""Where the API's backing services are."""

from collections.abc import Mapping
from dataclasses import dataclass

from auren_backing.environment import Environment, KafkaSettings, PostgresSettings, RedisSettings


@dataclass(frozen=True)
class ChromaSettings:
    host: str
    port: int

    @classmethod
    def read(cls, environment: Environment) -> "ChromaSettings":
        return cls(host=environment.text("CHROMA_HOST"), port=environment.port("CHROMA_PORT", 8000))


@dataclass(frozen=True)
class Settings:
    postgres: PostgresSettings
    redis: RedisSettings
    chroma: ChromaSettings
    kafka: KafkaSettings

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "Settings":
        """Raises `SettingsError` with all faults at once."""
        environment = Environment(variables)
        settings = cls(
            postgres=PostgresSettings.read(environment),
            redis=RedisSettings.read(environment),
            chroma=ChromaSettings.read(environment),
            kafka=KafkaSettings.read(environment),
        )
        environment.refuse_faults()
        return settings
