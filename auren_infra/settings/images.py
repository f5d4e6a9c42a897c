"""`auren:images` and `auren:builds`: the form of a reference, and which registries a droplet can reach.

The services are not known here: `auren_infra.services.overrides` validates the names.
"""

import re
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path

from auren_infra.settings.faults import wrong
from auren_infra.settings.networks import is_public
from auren_infra.settings.vocabulary import list_of_texts, texts_of_list

STAND_IN = "docker.io/library/stand-in:0"
"""The placeholder for a malformed image, in a configuration that is refused anyway."""

_REFERENCE = re.compile(
    r"(?P<repository>(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)+)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?P<digest>@sha256:[0-9a-f]{64})?"
)
"""Docker's grammar, but a registry or an owner is required: a bare name does not say whose image it is."""
_LONGEST_REPOSITORY = 255
_NOWHERE = (
    *("example", "example.com", "example.net", "example.org", "invalid", "localhost", "localdomain"),
    *("local", "internal", "intranet", "private", "lan", "home", "home.arpa", "corp", "onion"),
)
"""Endings of names that do not exist in public DNS (RFC 2606, 6761, 6762, 7686, 8375, ICANN's reserved ones). `test`
is left out on purpose: the rehearsal's registry is registry.sandbox.test, and its droplets know that name."""


def reference_fault(reference: str) -> str:
    """Why this reference is refused; empty when it is accepted."""
    match = _REFERENCE.fullmatch(reference)
    if not match or len(match["repository"]) > _LONGEST_REPOSITORY or int(match["port"] or 1) not in range(1, 65536):
        return f"{reference!r} is not REGISTRY/REPOSITORY:TAG[@sha256:DIGEST]"
    if match["tag"] in (None, "latest") and not match["digest"]:
        return "name a tag other than latest, or a digest, so that it cannot change by itself"
    return ""


def unreachable(reference: str) -> str:
    """Why a droplet cannot reach this image's registry; empty if it may reach it."""
    registry = reference.partition("/")[0]
    if not ({".", ":"} & set(registry) or registry == "localhost"):
        return ""  # an owner at Docker Hub
    host = registry.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        # A name whose last part is a number can only be an address, and this one is no valid address.
        nowhere = (
            "." not in host
            or host.rpartition(".")[2].isdigit()
            or any(f".{host}".endswith(f".{ending}") for ending in _NOWHERE)
        )
    else:
        nowhere = not is_public(ip_network(address))
    return f"no droplet reaches {registry}; name a registry that is on the internet" if nowhere else ""


def image_map(value: object) -> dict[str, str]:
    """Read the entries `SERVICE=REFERENCE`."""
    images, faults = _images(list_of_texts(value))
    if faults:
        raise wrong("{faults}", faults="; ".join(faults))
    return images


def build_map(value: object) -> dict[str, str]:
    """Read the entries `SERVICE=DIRECTORY`. The service's image is the reference that a build is pushed to."""
    builds, faults = _builds(list_of_texts(value))
    if faults:
        raise wrong("{faults}", faults="; ".join(faults))
    return builds


def readable_images(value: object) -> list[str]:
    """The valid entries of a wrong `auren:images`."""
    images, _ = _images(texts_of_list(value))
    return [f"{service}={reference}" for service, reference in images.items()]


def readable_builds(value: object) -> list[str]:
    """The valid entries of a wrong `auren:builds`."""
    builds, _ = _builds(texts_of_list(value))
    return [f"{service}={directory}" for service, directory in builds.items()]


def _images(entries: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Service -> image, and the faults. A malformed image is replaced by `STAND_IN`."""
    chosen: dict[str, str] = {}
    faults: list[str] = []
    for entry in entries:
        service, sign, reference = entry.partition("=")
        fault = reference_fault(reference) or unreachable(reference)
        if not sign or not service:
            faults.append(f"{entry!r} is not SERVICE=REGISTRY/REPOSITORY:TAG[@sha256:DIGEST]")
        elif service in chosen:
            faults.append(f"{service} is named twice; keep one")
            continue
        elif fault:
            faults.append(f"{service}: {fault}")
        if service:
            chosen[service] = reference if sign and not fault else STAND_IN
    return chosen, faults


def _builds(entries: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Service -> directory, and the faults."""
    builds: dict[str, str] = {}
    faults: list[str] = []
    for entry in entries:
        service, _, directory = entry.partition("=")
        if not service or not directory:
            faults.append(f"{entry!r} is not SERVICE=DIRECTORY")
        elif service in builds:
            faults.append(f"{service} is named twice; keep one")
        elif not _has_dockerfile(directory):
            faults.append(
                f"{service}: {directory!r} has no Dockerfile; name the directory that the image is built from"
            )
        else:
            builds[service] = directory
    return builds, faults


def _has_dockerfile(directory: str) -> bool:
    try:
        return (Path(directory) / "Dockerfile").is_file()
    except OSError:  # a name that is too long, a directory that may not be read
        return False
