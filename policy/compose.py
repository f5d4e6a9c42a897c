"""The containers that a stack runs, read from the compose files on their way to the machine."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field

from auren_infra.call import TYPE, Call, read
from auren_infra.release_text import COMMAND, RESTORE, parse
from policy.resource import Resource

STAGE = "stage"
"""The order that puts a release on a machine."""


class HealthCheck(BaseModel):
    test: list[str] | str = ""
    disable: bool = False


class ComposeService(BaseModel):
    """What the rules ask of a service; the file holds more."""

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    name: str
    ends: bool = False
    """Whether it does one thing and ends, instead of serving."""
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
    if resource.type != TYPE:
        return ()
    sent = _call(resource)
    # The command line is not known before the digests of the secrets are. Then the name tells.
    is_release = sent.id == STAGE or resource.name.endswith(COMMAND)
    return _parsed(sent.data) if is_release and sent.data is not None else ()


def _call(resource: Resource) -> Call:
    stdin = resource.text("stdin")
    try:
        return read(resource.text("create"), stdin)
    except ValueError:  # somebody else's command line
        return read(None, stdin)


@lru_cache(maxsize=16)
def _parsed(text: str) -> tuple[ComposeService, ...]:
    """Several rules ask for the same text."""
    try:
        release = parse(text, ())
    except ValueError:  # somebody else's command of such a name
        return ()
    document = cast("Mapping[str, Mapping[str, Any]]", yaml.safe_load(release.compose))
    found = document["services"]
    end = {release.preflight, *(f"{name}{RESTORE}" for name in found)}
    return tuple(
        # A key without a value is one that is not there.
        ComposeService.model_validate(
            {key: value for key, value in service.items() if value is not None} | {"name": name, "ends": name in end}
        )
        for name, service in found.items()
    )
