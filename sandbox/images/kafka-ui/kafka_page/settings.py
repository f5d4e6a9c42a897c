"""What the Kafka UI's environment says; what is not in `Settings` is ignored, as it is of no use here."""

from collections.abc import Mapping
from dataclasses import dataclass


class SettingsError(RuntimeError):
    """The environment is incomplete; the text names every fault."""


@dataclass(frozen=True)
class Settings:
    port: int
    cluster: str
    """The cluster's name, as it is shown and asked for."""
    bootstrap_servers: str
    """`host:port`, several with commas between."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Raises `SettingsError` with all faults at once."""
        faults: list[str] = []
        values: dict[str, str] = {}
        for key in ("KAFKA_CLUSTERS_0_NAME", "KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS"):
            values[key] = environment.get(key, "")
            if not values[key]:
                faults.append(f"{key} is not set")
        port = environment.get("SERVER_PORT", "8080")
        if not port.isdecimal() or not 0 < int(port) < 65536:
            faults.append(f"SERVER_PORT is {port!r}, not a port")
        if faults:
            raise SettingsError("the Kafka page cannot start:\n  " + "\n  ".join(faults))
        return cls(int(port), *values.values())
