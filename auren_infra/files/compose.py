"""The services as Docker Compose runs them on the machine: a file for each release of a service, and one of all.

The network is external: every service is started by a command of its own, side by side, and a network that each of
them would create is created twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import yaml

from auren_infra.files import paths
from auren_infra.placement import Instance, MachinePlan, instances, restore_address
from auren_infra.release_text import RELEASE_ID, RESTORE
from auren_infra.services.model import (
    AUTHORITIES,
    FILES,
    NETWORK_NAME,
    SLOTS,
    Preflight,
    Restore,
    Service,
    Update,
    Volume,
)

PROJECT_NAME = "auren"
LOG_OPTIONS = {"max-size": "10m", "max-file": "5"}
"""What a container may say before its oldest words are dropped."""
NEEDS_LABEL = "auren.needs"
"""What the watchdog knows a container's dependencies by. Compose's own label says nothing of a service that is started
with `--no-deps`."""
RELEASE_LABEL = "auren.release"
"""Which release a container was made from."""
_EMPTY_VOLUME_MB = 16


def preflight_name(service: str) -> str:
    """The name, in the release's compose file, of what judges the release before it is started."""
    return f"{service}-preflight"


def restore_name(service: str) -> str:
    """The name, in the release's compose file, of what restores the service's data."""
    return f"{service}{RESTORE}"


def render(plan: MachinePlan) -> str:
    """`docker-compose.prod.yml`, for people: all services as they run, each from the release that was accepted last."""
    return _text(
        {
            "name": PROJECT_NAME,
            "services": {
                service.name: {
                    "extends": {
                        "file": f"{paths.release(service.name, paths.CURRENT)}/compose.yml",
                        "service": service.name,
                    },
                    **_depends_on(_needed(plan, service)),
                }
                for service in plan.services
            },
            "networks": _networks(),
            "volumes": _volumes(volume for service in plan.services for volume in service.volumes),
        }
    )


def render_release(plan: MachinePlan, service: Service) -> str:
    """`compose.yml` of one release of the service, with each of its instances."""
    own = instances(service)
    services = {instance.name: _service(plan, instance) for instance in own}
    if preflight := service.task(Preflight):
        services[preflight_name(service.name)] = _preflight(plan, own[0], preflight)
    if restore := service.task(Restore):
        services[restore_name(service.name)] = _restore(plan, own[0], restore)
    document: dict[str, Any] = {"name": PROJECT_NAME, "services": services, "networks": _networks()}
    if service.volumes:
        document["volumes"] = _volumes(service.volumes)
    return _text(document)


def _needed(plan: MachinePlan, service: Service) -> list[str]:
    return [target.name for target in plan.targets(service.name)]


def _networks() -> dict[str, Any]:
    return {NETWORK_NAME: {"name": NETWORK_NAME, "external": True}}


def _volumes(volumes: Iterable[Volume]) -> dict[str, Any]:
    return {
        volume.name: {
            "name": volume.name,
            # A directory of the data disk. It is there only while the disk is mounted, so a container can
            # never write beside it.
            "driver": "local",
            "driver_opts": {"type": "none", "o": "bind", "device": paths.volume(volume)},
        }
        for volume in volumes
    }


def _depends_on(needed: Sequence[str]) -> dict[str, Any]:
    return {"depends_on": {target: {"condition": "service_healthy"} for target in needed}} if needed else {}


def _service(plan: MachinePlan, instance: Instance) -> dict[str, Any]:
    service, health = instance.service, instance.service.health
    release = paths.release(service.name, RELEASE_ID)
    files = f"{paths.SERVICES}/{service.name}" if service.update is Update.RELOAD else f"{release}/files"
    mounted = {FILES: files} if service.files else {}
    mounted |= {"/run/secrets": f"{release}/secrets"} if service.secrets else {}
    mounted |= {directory.target: f"{paths.PROJECT}/{directory.source}" for directory in service.directories}
    if plan.chooses(service.name):
        mounted[SLOTS] = paths.SLOTS
    if service.https:
        mounted[AUTHORITIES] = AUTHORITIES
    needed = " ".join(_needed(plan, service))
    specification: dict[str, Any] = {
        "image": service.image,
        "container_name": instance.container,
        "hostname": service.name,
        "entrypoint": list(service.entrypoint),
        "command": list(service.command),
        "user": str(service.user),
        "environment": {"TZ": "UTC", **service.environment},
        "networks": {NETWORK_NAME: {"ipv4_address": str(instance.address)}},
        "ports": [f"0.0.0.0:{port}:{port}" for port in service.published],
        "volumes": _data(service) + [f"{source}:{target}:ro" for target, source in mounted.items()],
        "tmpfs": [
            _tmpfs(service, tmpfs.target, tmpfs.megabytes, "exec" if tmpfs.executable else "noexec")
            for tmpfs in service.tmpfs
        ],
        "labels": {RELEASE_LABEL: RELEASE_ID, **({NEEDS_LABEL: needed} if needed else {})},
        "healthcheck": {
            "test": ["CMD", *health.command],
            "interval": f"{health.interval}s",
            "timeout": f"{health.timeout}s",
            "retries": health.retries,
            "start_period": f"{health.start_period}s",
        },
        "restart": "always",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": f"{service.limits.memory_mb}m",
        "cpus": service.limits.cpus,
        "pids_limit": service.limits.pids,
        "shm_size": f"{service.limits.shared_memory_mb}m",
        "memswap_limit": f"{service.limits.memory_mb}m",  # no swap beside it
        "ulimits": {"nofile": service.limits.open_files, "core": 0},
        "logging": {"driver": "json-file", "options": LOG_OPTIONS},
        "stop_signal": service.stop_signal,
        "stop_grace_period": f"{service.stop_grace}s",
    }
    return {key: _escaped(value) for key, value in specification.items() if value not in ([], {})}


def _preflight(plan: MachinePlan, instance: Instance, preflight: Preflight) -> dict[str, Any]:
    """Like the service, but for what it would share with the container that runs: name, network, ports, volumes."""
    service = instance.service
    # It has the files of this release alone, also where the container reads those of the next one as well.
    own = _service(plan, replace(instance, service=replace(service, update=Update.STOP_FIRST)))
    data = _data(service)
    empty = [_tmpfs(service, volume.target, _EMPTY_VOLUME_MB, "noexec") for volume in service.volumes]
    words: list[str] = _escaped(list(preflight.command))
    if service.entrypoint:  # which starts the service
        own["entrypoint"], words = words[:1], words[1:]
    changed = {
        "command": words,
        "network_mode": "none",
        "volumes": [mount for mount in own.get("volumes", []) if mount not in data],
        "tmpfs": [*own.get("tmpfs", []), *empty],
        "profiles": ["preflight"],  # nobody starts it with the service
        "restart": "no",
    }
    return _alone(own | changed)


def _restore(plan: MachinePlan, instance: Instance, restore: Restore) -> dict[str, Any]:
    """Like the service, beside it: with less memory, and without its volume. Who runs it mounts a directory there."""
    own = _service(plan, instance)
    data = _data(instance.service)
    changed = {
        "hostname": restore_name(instance.service.name),  # Docker's DNS knows a container by it, too
        "entrypoint": list(restore.command),
        "command": [],
        "volumes": [mount for mount in own["volumes"] if mount not in data],
        "mem_limit": f"{restore.memory_mb}m",
        "memswap_limit": f"{restore.memory_mb}m",
        "profiles": ["restore"],  # nobody starts it with the service
        "restart": "no",
    }
    address = restore_address(instance.service)
    return _alone(own | changed) | {"networks": {NETWORK_NAME: {"ipv4_address": str(address)}}}


def _data(service: Service) -> list[str]:
    """The mounts of its volumes.

    nocopy: Docker would fill an empty volume with what the image has there (nginx: links to its output), as its owner.
    """
    return [f"{volume.name}:{volume.target}:nocopy" for volume in service.volumes]


def _alone(specification: dict[str, Any]) -> dict[str, Any]:
    """Without what the container of the service has, and no other one can have."""
    left_out = ("container_name", "networks", "ports", "healthcheck", "labels")
    return {key: value for key, value in specification.items() if key not in left_out and value != []}


def _tmpfs(service: Service, target: str, megabytes: int, executable: str) -> str:
    return f"{target}:size={megabytes}m,uid={service.user.uid},gid={service.user.gid},mode=0700,{executable}"


def _escaped(value: Any) -> Any:
    """Compose replaces `$NAME` in every string; `$$` is a dollar sign."""
    match value:
        case str():
            return value.replace("$", "$$")
        case list():
            return [_escaped(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        case dict():
            return {key: _escaped(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value


def _text(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, width=120)
