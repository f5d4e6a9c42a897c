"""The releases that are to run, each in its container."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auren_infra.files import paths
from auren_infra.host.orders import Stage, Start
from auren_infra.host.sent import Command, of
from auren_infra.release_text import Release


@dataclass(frozen=True)
class Deployed:
    """A service's release, as it was staged, and the command that has started it."""

    staged: str
    """The URN of the command that put the release on the machine."""
    started: str
    """The URN of the command that started the container."""
    service: str
    release: Release
    instance: str = ""
    """The one that is live, when the service has two. The machine knows it."""

    @property
    def specification(self) -> Mapping[str, Any]:
        """The instance's part of the compose file."""
        return self.release.specification(self.instance or self.service)

    @property
    def name(self) -> str:
        """Of the container."""
        return str(self.specification["container_name"])

    @property
    def directory(self) -> str:
        return paths.release(self.service, self.release.id)


def deployed(commands: Sequence[Command]) -> list[Deployed]:
    started = {command.order.service: command.urn for command in of(commands, Start)}
    return [
        Deployed(command.urn, started[command.order.service], command.order.service, release)
        for command in of(commands, Stage)
        for release in [command.order.release()]
    ]
