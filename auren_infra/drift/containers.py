"""Containers: a missing, a stopped or an added one, one of another release, one that was changed while it runs."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from auren_infra.drift.facts import Accepted, Container, Facts
from auren_infra.drift.finding import Finding
from auren_infra.files.compose import PROJECT_NAME, RELEASE_LABEL
from auren_infra.host.expected import Deployed, Expected
from auren_infra.release_text import RESTORE


def findings(wanted: Expected, facts: Facts) -> Iterator[Finding]:
    there = facts.containers
    if there is None:
        what = "does not answer, so no container was looked at. Look again after the repair"
        yield Finding("Docker", what, by_hand="systemctl restart docker")
        return
    deployed = [replace(one, instance=_accepted(one, facts).instance) for one in wanted.containers]
    for one in deployed:
        found = list(_compare(one, there.get(one.name), facts))
        yield from found
        if one.service in facts.alarms and not found:
            yield Finding(one.name, "did not become healthy, and the watchdog could not help it", one.started)
    # While a restore or a drill of it runs, there is another container of a service that is backed up.
    known = {container for one in deployed for container in (one.name, f"auren-{one.service}{RESTORE}")}
    for name in sorted(there.keys() - known):
        what = (
            f"is a container that was not deployed, of {there[name].image} on {', '.join(sorted(there[name].networks))}"
        )
        yield Finding(name, what, by_hand=f"docker rm --force {name}")


def _compare(wanted: Deployed, found: Container | None, facts: Facts) -> Iterator[Finding]:
    image, release = str(wanted.specification["image"]), wanted.release.id
    made_from = (found.labels or {}).get(RELEASE_LABEL, "") if found else ""
    accepted = _accepted(wanted, facts)
    runs = facts.reloading.get(wanted.service, made_from)
    if found is None:
        yield Finding(wanted.name, "is gone: there is no such container", wanted.started)
    elif accepted.rolled_back and runs == accepted.release != release:
        what = (
            f"was rolled back to {_named(runs)} from {_named(release)}. To keep that, take the change back in the "
            "repository. The repair deploys it again"
        )
        yield Finding(wanted.name, what, wanted.started)
    elif found.image != image:
        yield Finding(wanted.name, f"runs {found.image}, not {image}", wanted.started, _out_of_the_way(wanted, found))
    elif made_from and wanted.service in facts.reloading:
        yield from _reloaded(wanted, found, accepted.release, runs)
    elif made_from != release:
        what = f"was made from {_named(made_from)}, not from {_named(release)}"
        yield Finding(wanted.name, what, wanted.started, _out_of_the_way(wanted, found))
    else:
        yield from _right_release(wanted, found, accepted.release)


def _accepted(wanted: Deployed, facts: Facts) -> Accepted:
    return facts.accepted.get(wanted.service, Accepted())


def _reloaded(wanted: Deployed, found: Container, accepted: str, runs: str) -> Iterator[Finding]:
    """Of a container that reads its files anew: the label names only what it was made from."""
    if not runs:
        what = "would not start again with its files: the link `live` is gone, or leads to those of another container"
        yield Finding(wanted.name, what, wanted.started)
    elif runs != wanted.release.id:
        yield Finding(wanted.name, f"runs {_named(runs)}, not {_named(wanted.release.id)}", wanted.started)
    else:
        yield from _right_release(wanted, found, accepted)


def _right_release(wanted: Deployed, found: Container, accepted: str) -> Iterator[Finding]:
    release = wanted.release.id
    if accepted != release:
        what = f"runs {_named(release)}, and the machine would start {_named(accepted)} in its place"
        yield Finding(wanted.name, what, wanted.started)
    else:
        yield from _changed(wanted, found)


def _named(release: str) -> str:
    return f"the release {release}" if release else "no release"


def _changed(wanted: Deployed, found: Container) -> Iterator[Finding]:
    """What became of the right container. One whose health is not known yet was started a moment ago."""
    if found.state.status != "running":
        yield Finding(wanted.name, f"is {found.state.status}, not running", wanted.started)
        return
    if found.state.health and found.state.health.status == "unhealthy":
        yield Finding(wanted.name, "is unhealthy", wanted.started)
    deployed, present = _settings(wanted.specification), _present(found)
    for name, value in deployed.items():
        if present[name] != value:
            yield Finding(
                wanted.name,
                f"has {name} {present[name]}, not {value}",
                wanted.started,
                f"docker rm --force {wanted.name}",
            )


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


def _out_of_the_way(wanted: Deployed, found: Container) -> str:
    """Compose makes its own containers anew; any other one keeps the name, and it cannot."""
    labels = found.labels or {}
    composed = (labels.get("com.docker.compose.project"), labels.get("com.docker.compose.service"))
    if composed == (PROJECT_NAME, wanted.instance or wanted.service):
        return ""
    return f"docker rm --force {found.name.removeprefix('/')}"
