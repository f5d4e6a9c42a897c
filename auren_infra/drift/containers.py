"""Containers: a missing, a stopped or an added one, one of another image, one that was changed while it runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

import yaml

from auren_infra.drift.facts import Container, Facts, Stamp
from auren_infra.drift.finding import Finding
from auren_infra.drift.state import of
from auren_infra.files.compose import PROJECT_NAME
from auren_infra.host.sent import Command

STAMPS = "/var/lib/auren/started"
"""Where container.sh notes what it started. Without its note a container is made anew by the next run."""


@dataclass(frozen=True)
class Started:
    """A container as its command has started it."""

    urn: str
    service: str
    specification: Mapping[str, Any]
    """The service's part of the compose file."""
    digest: str
    """Of the specification with the digests of its files and secrets, as container.sh notes it."""

    @property
    def name(self) -> str:
        return str(self.specification["container_name"])


def anew(service: str) -> str:
    """What is typed so that the next run of the service's command makes its container anew."""
    return f"rm --force {STAMPS}/{service}"


def started(commands: Sequence[Command]) -> list[Started]:
    found: list[Started] = []
    for command in of(commands, "container"):
        text, service = command.data or "", command.arguments[0]
        document = cast("dict[str, dict[str, Any]]", yaml.safe_load(text))
        found.append(Started(command.urn, service, document[service], sha256(text.encode()).hexdigest()))
    return found


def findings(commands: Sequence[Command], facts: Facts) -> Iterator[Finding]:
    there, stamps = facts.containers, facts.stamps
    if there is None:
        what = "does not answer, so no container was looked at. Look again after the repair"
        yield Finding("Docker", what, by_hand="systemctl restart docker")
        return
    wanted = started(commands)
    for one in wanted:
        found = list(_compare(one, there.get(one.name), stamps.get(one.service)))
        yield from found
        if one.service in facts.alarms and not found:
            yield Finding(one.name, "did not become healthy, and the watchdog could not help it", one.urn)
    for name in sorted(there.keys() - {one.name for one in wanted}):
        what = (
            f"is a container that was not deployed, of {there[name].image} on {', '.join(sorted(there[name].networks))}"
        )
        yield Finding(name, what, by_hand=f"docker rm --force {name}")


def _compare(wanted: Started, found: Container | None, stamp: Stamp | None) -> Iterator[Finding]:
    image = str(wanted.specification["image"])
    if found is None:
        yield Finding(wanted.name, "is gone: there is no such container", wanted.urn)
    elif found.image != image:
        yield Finding(wanted.name, f"runs {found.image}, not {image}", wanted.urn, _out_of_the_way(wanted, found))
    elif stamp is None or stamp.container_id != found.id:
        what = "was not made by the last deployment"
        yield Finding(wanted.name, what, wanted.urn, _out_of_the_way(wanted, found))
    elif stamp.digest != wanted.digest:
        what = "was made from another specification, or other files and secrets, than the stack's state has"
        yield Finding(wanted.name, what, wanted.urn)
    else:
        yield from _changed(wanted, found)


def _changed(wanted: Started, found: Container) -> Iterator[Finding]:
    """What became of the right container. One whose health is not known yet was started a moment ago."""
    if found.state.status != "running":
        yield Finding(wanted.name, f"is {found.state.status}, not running", wanted.urn)
        return
    if found.state.health and found.state.health.status == "unhealthy":
        yield Finding(wanted.name, "is unhealthy", wanted.urn)
    deployed, present = _settings(wanted.specification), _present(found)
    for name, value in deployed.items():
        if present[name] != value:
            yield Finding(wanted.name, f"has {name} {present[name]}, not {value}", wanted.urn, anew(wanted.service))


def _settings(specification: Mapping[str, Any]) -> dict[str, object]:
    """What `docker update` and `docker network` can change of a container that runs."""
    return {
        "memory limit": _bytes(specification["mem_limit"]),
        "memory and swap limit": _bytes(specification["memswap_limit"]),
        "processor limit": float(specification["cpus"]),
        "process limit": int(specification["pids_limit"]),
        "restart policy": specification["restart"],
        "addresses": {name: network["ipv4_address"] for name, network in specification["networks"].items()},
    }


def _present(container: Container) -> dict[str, object]:
    return {
        "memory limit": container.host.memory,
        "memory and swap limit": container.host.memory_swap,
        "processor limit": container.host.nano_cpus / 10**9,
        "process limit": container.host.pids_limit,
        "restart policy": container.host.restart_policy.name,
        "addresses": {name: endpoint.address for name, endpoint in container.networks.items()},
    }


def _bytes(text: str) -> int:
    """`512m`, as the compose file has it."""
    return int(text.removesuffix("m")) << 20


def _out_of_the_way(wanted: Started, found: Container) -> str:
    """Compose makes its own containers anew; any other one keeps the name, and it cannot."""
    labels = found.labels or {}
    composed = (labels.get("com.docker.compose.project"), labels.get("com.docker.compose.service"))
    return "" if composed == (PROJECT_NAME, wanted.service) else f"docker rm --force {found.name.removeprefix('/')}"
