"""Where the image registry keeps its things and listens, and whether it runs. For `sandbox.ready`: needs no package."""

from dataclasses import dataclass
from pathlib import Path

from sandbox import layout
from sandbox.processes import BackgroundProcess


@dataclass(frozen=True)
class Place:
    """Where a registry keeps its things and listens."""

    state: Path = layout.STATE / "registry"
    """Certificates, keys and configuration; goes with the cloud."""
    storage: Path = layout.CACHE / "registry"
    run: Path = layout.RUN
    logs: Path = layout.STATE / "logs"
    pull: str = f"{layout.GATEWAY}:443"
    """The TLS door. Its address must exist on this machine when the registry starts."""
    push: str = layout.REGISTRY_PUSH

    @property
    def authority(self) -> Path:
        """The certificate that droplets trust."""
        return self.state / "ca.pem"

    def door(self, name: str) -> BackgroundProcess:
        return BackgroundProcess(
            name=f"registry ({name})",
            pidfile=self.run / f"registry-{name}.pid",
            marks=("serve", str(self.state / f"{name}.json")),
            log=self.logs / f"registry-{name}.log",
        )


HERE = Place()


def is_running(place: Place = HERE) -> bool:
    """Whether any of the two doors is open; `registry.start` opens the other one."""
    return any(place.door(name).pid() is not None for name in ("push", "pull"))
