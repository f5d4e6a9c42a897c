"""The containers that a stack runs, read from the compose files on their way to the machine."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field

from auren_infra.release_text import COMMAND, parse
from policy.resource import Resource

REMOTE_COMMAND = "command:remote:Command"
END_OF_SCRIPT = 'main "$@"; exit\n'
"""A command's standard input is a script; its data begins behind this line (see `auren_infra.host.machine`)."""


class HealthCheck(BaseModel):
    test: list[str] | str = ""
    disable: bool = False


class ComposeService(BaseModel):
    """What the rules ask of a service; the file holds more."""

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    name: str
    is_preflight: bool = False
    """Whether it judges the release and ends, instead of serving."""
    image: str = ""
    ports: list[str] = []
    volumes: list[str] = []
    environment: dict[str, str] = {}
    privileged: bool = False
    cap_add: list[str] = []
    devices: list[str] = []
    security_opt: list[str] = []
    network_mode: str = ""
    pid: str = ""
    ipc: str = ""
    userns_mode: str = ""
    mem_limit: str = ""
    cpus: float = 0
    pids_limit: int = 0
    healthcheck: HealthCheck = Field(default_factory=HealthCheck)


def services(resource: Resource) -> tuple[ComposeService, ...]:
    """The services of the release that this resource puts on a machine; empty for all other resources.

    With an image that is built by the update, the text is unknown before: then the update looks, not the preview.
    """
    if resource.type != REMOTE_COMMAND or not resource.name.endswith(COMMAND):
        return ()
    stdin = resource.text("stdin")
    if not isinstance(stdin, str):
        return ()
    return _parsed(stdin.partition(END_OF_SCRIPT)[2])


@lru_cache(maxsize=16)
def _parsed(text: str) -> tuple[ComposeService, ...]:
    """Several rules ask for the same text."""
    try:
        release = parse(text, ())
    except ValueError:  # somebody else's command of such a name
        return ()
    document = cast("Mapping[str, Mapping[str, Any]]", yaml.safe_load(release.compose))
    return tuple(
        # A key without a value is one that is not there.
        ComposeService.model_validate(
            {key: value for key, value in service.items() if value is not None}
            | {"name": name, "is_preflight": name == release.preflight}
        )
        for name, service in document["services"].items()
    )
