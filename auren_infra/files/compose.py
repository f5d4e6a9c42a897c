"""`docker-compose.prod.yml`: the services as Docker Compose runs them on the machine.

The network is external: every service is started by a command of its own, side by side, and a network that each of
them would create is created twice.
"""

from collections.abc import Sequence
from typing import Any

import yaml

from auren_infra.blueprint import Blueprint
from auren_infra.files import paths
from auren_infra.services.model import NETWORK_NAME, Service

PROJECT_NAME = "auren"
LOG_OPTIONS = {"max-size": "10m", "max-file": "5"}
"""What a container may say before its oldest words are dropped."""
NEEDS_LABEL = "auren.needs"
"""What the watchdog knows a container's dependencies by. Compose's own label says nothing of a service that is started
with `--no-deps`."""


def render(blueprint: Blueprint) -> str:
    """The whole file."""
    services = blueprint.services
    return _text(
        {
            "name": PROJECT_NAME,
            "services": {service.name: _service(service, blueprint.targets(service.name)) for service in services},
            "networks": {NETWORK_NAME: {"name": NETWORK_NAME, "external": True}},
            "volumes": {
                volume.name: {
                    "name": volume.name,
                    # A directory of the data disk. It is there only while the disk is mounted, so a container can
                    # never write beside it.
                    "driver": "local",
                    "driver_opts": {"type": "none", "o": "bind", "device": paths.volume(volume)},
                }
                for service in services
                for volume in service.volumes
            },
            "secrets": {
                f"{service.name}_{file.name}": {"file": paths.secret(service, file)}
                for service in services
                for file in service.secrets
            },
        }
    )


def render_service(blueprint: Blueprint, name: str) -> str:
    """One service's own part: what its container depends on, and nothing else."""
    return _text({name: _service(blueprint.by_name[name], blueprint.targets(name))})


def _service(service: Service, needed: Sequence[str]) -> dict[str, Any]:
    health = service.health
    specification: dict[str, Any] = {
        "image": service.image,
        "container_name": service.container,
        "hostname": service.name,
        "entrypoint": list(service.entrypoint),
        "command": list(service.command),
        "user": str(service.user),
        "environment": {"TZ": "UTC", **service.environment},
        "networks": {NETWORK_NAME: {"ipv4_address": str(service.address)}},
        "ports": [f"0.0.0.0:{port}:{port}" for port in service.published],
        # nocopy: Docker would fill an empty volume with what the image has there (nginx: links to its output), as
        # its owner.
        "volumes": [f"{volume.name}:{volume.target}:nocopy" for volume in service.volumes]
        + [f"{paths.PROJECT}/{mount.source}:{mount.target}:ro" for mount in (*service.files, *service.directories)],
        "secrets": [{"source": f"{service.name}_{file.name}", "target": file.name} for file in service.secrets],
        "tmpfs": [
            f"{tmpfs.target}:size={tmpfs.megabytes}m,uid={service.user.uid},gid={service.user.gid},mode=0700,"
            + ("exec" if tmpfs.executable else "noexec")
            for tmpfs in service.tmpfs
        ],
        "labels": {NEEDS_LABEL: " ".join(needed)} if needed else {},
        "depends_on": {target: {"condition": "service_healthy"} for target in needed},
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
