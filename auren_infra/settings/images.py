"""Images: how a reference is written, which one each service has, and what is built here."""

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationInfo

from auren_infra.settings.faults import wrong
from auren_infra.settings.networks import is_public
from auren_infra.settings.releases import misfit
from auren_infra.settings.vocabulary import list_of_texts

STAND_IN = "docker.io/library/stand-in:0"
"""For a service whose image is missing from a configuration that is refused anyway."""

_REFERENCE = re.compile(
    r"(?P<repository>(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)+)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?P<digest>@sha256:[0-9a-f]{64})?"
)
"""Docker's own grammar, with a registry or an owner in front: a bare name may be anybody's."""
_LONGEST_REPOSITORY = 255
_NOWHERE = (
    *("example", "example.com", "example.net", "example.org", "invalid", "localhost", "localdomain"),
    *("local", "internal", "intranet", "private", "lan", "home", "home.arpa", "corp", "onion"),
)
"""Endings of names that public DNS never has (RFC 2606, 6761, 6762, 7686, 8375, ICANN's reserved ones). `test` is left
out on purpose: the rehearsal's registry is registry.sandbox.test, and its droplets know that name."""


def reference_fault(reference: str) -> str:
    """Why no container may run this; empty when one may."""
    match = _REFERENCE.fullmatch(reference)
    if not match or len(match["repository"]) > _LONGEST_REPOSITORY or int(match["port"] or 1) not in range(1, 65536):
        return f"{reference!r} is not REGISTRY/REPOSITORY:TAG[@sha256:DIGEST]"
    if match["tag"] in (None, "latest") and not match["digest"]:
        return "name a tag other than latest, or a digest, so that it cannot change by itself"
    return ""


def unreachable(reference: str) -> str:
    """Why no droplet gets to this image's registry; empty when nothing speaks against it."""
    registry = reference.partition("/")[0]
    if not ({".", ":"} & set(registry) or registry == "localhost"):
        return ""  # an owner at Docker Hub
    host = registry.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        # A last part of digits alone is of an address, and this one is none.
        nowhere = (
            "." not in host
            or host.rpartition(".")[2].isdigit()
            or any(f".{host}".endswith(f".{ending}") for ending in _NOWHERE)
        )
    else:
        nowhere = not is_public(ip_network(address))
    return f"no droplet reaches {registry}; name a registry that is on the internet" if nowhere else ""


def _pins(info: ValidationInfo) -> Mapping[str, str | None]:
    return cast("dict[str, Any]", info.context)["images"]


def image_map(value: object, info: ValidationInfo) -> dict[str, str]:
    """Lay the entries `SERVICE=REFERENCE` over the catalogue's pins; every service ends up with an image."""
    pins = _pins(info)
    chosen = dict(pins)
    faults: list[str] = []
    seen: set[str] = set()
    for entry in list_of_texts(value):
        service, sign, reference = entry.partition("=")
        if not sign or not service:
            faults.append(f"{entry!r} is not SERVICE=REGISTRY/REPOSITORY:TAG[@sha256:DIGEST]")
        elif service not in pins:
            faults.append(f"there is no service {service!r}; the services are {', '.join(sorted(pins))}")
        elif service in seen:
            faults.append(f"{service} is named twice; keep one")
        elif fault := reference_fault(reference) or unreachable(reference) or misfit(service, reference):
            faults.append(f"{service}: {fault}")
        else:
            chosen[service] = reference
        seen.add(service)
    for service, reference in chosen.items():
        if reference is None and service not in seen:
            faults.append(f"{service} has no public image; add {service}=REGISTRY/REPOSITORY:TAG")
    if faults:
        raise wrong("{faults}", faults="; ".join(faults))
    return {service: reference for service, reference in chosen.items() if reference is not None}


def build_map(value: object, info: ValidationInfo) -> dict[str, str]:
    """Read the entries `SERVICE=DIRECTORY`. Where a build is pushed to is the service's image in `auren:images`."""
    pins = _pins(info)
    images: Mapping[str, str] = info.data.get("images", {})  # not there when its own faults are told already
    builds: dict[str, str] = {}
    faults: list[str] = []
    for entry in list_of_texts(value):
        service, _, directory = entry.partition("=")
        if service not in pins:
            faults.append(f"there is no service {service!r}; the services are {', '.join(sorted(pins))}")
        elif service in builds:
            faults.append(f"{service} is named twice; keep one")
        elif not directory:
            faults.append(f"{entry!r} is not SERVICE=DIRECTORY")
        elif not _has_dockerfile(directory):
            faults.append(
                f"{service}: {directory!r} has no Dockerfile; name the directory that the image is built from"
            )
        elif service in images and images[service] == pins[service]:
            faults.append(f"{service} would be pushed over its public image; name your own for it in auren:images")
        elif "@" in images.get(service, ""):
            faults.append(
                f"{service}: its image in auren:images has a digest, which a build gives; leave the tag alone"
            )
        builds[service] = directory
    if faults:
        raise wrong("{faults}", faults="; ".join(faults))
    return builds


def _has_dockerfile(directory: str) -> bool:
    try:
        return (Path(directory) / "Dockerfile").is_file()
    except OSError:  # a name that is too long, a directory that may not be read
        return False
