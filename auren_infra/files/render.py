"""The rendered configuration files, by their path on the machine."""

import json
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from auren_infra.files import compose, paths
from auren_infra.services.model import Service
from auren_infra.settings import Settings

_TEMPLATES = Environment(
    loader=PackageLoader("auren_infra.files"),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,  # these are configuration files, not pages
)


def template(name: str, **values: object) -> str:
    """The template `name` with `values` in it; a value that is missing is an error."""
    return _TEMPLATES.get_template(f"{name}.j2").render(**values)


def configuration_files(settings: Settings, services: Sequence[Service]) -> dict[str, str]:
    """Path below the project's directory on the machine -> text."""
    by_name = {service.name: service for service in services}
    return {
        "docker-compose.prod.yml": compose.render(services),
        "nginx.conf": template(
            "nginx.conf",
            nginx=by_name["nginx"],
            api=by_name["api"],
            domain=settings.domain,
            max_upload_megabytes=settings.max_upload_megabytes,
        ),
        "redis.conf": template("redis.conf", redis=by_name["redis"]),
    }


def docker_daemon() -> str:
    """`/etc/docker/daemon.json`. Containers outlive a restart of the daemon; their logs are rotated."""
    configuration = {
        "live-restore": True,
        "log-driver": "json-file",
        "log-opts": {"max-size": "10m", "max-file": "5"},
    }
    return json.dumps(configuration, indent=2) + "\n"


def operator_keys(settings: Settings) -> str:
    """`paths.OPERATOR_KEYS`: one key a line."""
    return "".join(f"{key}\n" for key in settings.operator_keys)


def data_directories(services: Sequence[Service]) -> str:
    """The data disk's directories: `PATH UID:GID` a line."""
    return "".join(f"{paths.volume(volume)} {service.user}\n" for service in services for volume in service.volumes)
