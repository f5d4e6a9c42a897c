"""How containers run: what they may do, what they may use, how they prove that they work."""

import re
from collections.abc import Iterable

from policy.compose import ComposeService, services
from policy.resource import Resource, Rule

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_MIGHTY = ("ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "NET_ADMIN", "DAC_READ_SEARCH", "BPF")
"""Capabilities that lead out of a container, or are all but root's on the machine."""
_SOCKETS = ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd")
"""Whoever may talk to these is root on the machine."""


def _privileged(resource: Resource) -> Iterable[str]:
    for service in services(resource):
        if powers := [*_powers(service)]:
            yield f"{service.name} has {', '.join(powers)}: take it away, or find it a weaker one."


def _powers(service: ComposeService) -> Iterable[str]:
    if service.privileged:
        yield "privileged: true"
    yield from (f"cap_add {name}" for name in service.cap_add if name.upper().removeprefix("CAP_") in _MIGHTY)
    yield from (f"device {device}" for device in service.devices)
    yield from (f"security_opt {option}" for option in service.security_opt if option.endswith("unconfined"))
    namespaces = {
        "network_mode": service.network_mode,
        "pid": service.pid,
        "ipc": service.ipc,
        "userns_mode": service.userns_mode,
    }
    yield from (f"{name}: host" for name, value in namespaces.items() if value == "host")
    yield from (f"volume {volume}" for volume in service.volumes if volume.startswith(_SOCKETS))


def _image_without_digest(resource: Resource) -> Iterable[str]:
    # A preflight has the image of its service: that is said once.
    by_image = {service.image: service for service in reversed(services(resource))}
    for service in reversed(by_image.values()):
        if not _DIGEST.search(service.image):
            yield f"{service.name} runs {service.image}: append @sha256:… of what was tried, in auren:images."


def _without_limits(resource: Resource) -> Iterable[str]:
    for service in services(resource):
        limits = {"mem_limit": service.mem_limit, "cpus": service.cpus, "pids_limit": service.pids_limit}
        # Docker reads nothing, 0 and -1 as no limit at all.
        if missing := [name for name, value in limits.items() if str(value) in ("", "0", "0.0", "-1")]:
            yield f"{service.name} has no {', '.join(missing)}: one container could take the whole machine."


def _without_health_check(resource: Resource) -> Iterable[str]:
    for service in services(resource):
        health = service.healthcheck
        if not service.ends and (health.disable or health.test in ("", [], "NONE", ["NONE"])):
            yield f"{service.name} has no health check: nobody would wait for it, or notice that it fails."


RULES = (
    Rule("privileged-container", "No container can take over the machine.", _privileged),
    Rule("image-without-digest", "Every image is pinned by its digest.", _image_without_digest),
    Rule("container-without-limits", "Every service has limits of memory, CPU and processes.", _without_limits),
    Rule("container-without-health-check", "Every service has a health check.", _without_health_check),
)
