"""The rendered configuration files.

A service's file is rendered from the template of its name, with `settings`, all `instances` of its machine by name, and
the `service` whose file it is. `release` stands for the release's id, which the machine puts in. `cloudflare_ranges`
says whom to believe, and `content_policy` what the website's pages may load.
"""

import json

from jinja2 import Environment, PackageLoader, StrictUndefined

from auren_infra.files import cloudflare, compose, content_policy, paths
from auren_infra.placement import Instance, MachinePlan
from auren_infra.release_text import RELEASE_ID
from auren_infra.services.backups import STANZA
from auren_infra.services.model import AUTHORITIES, LIVE_FILES, SLOTS, Service
from auren_infra.settings import Settings
from auren_infra.settings.networks import DOCKER_BRIDGE, DOCKER_POOL

_TEMPLATES = Environment(
    loader=PackageLoader("auren_infra.files"),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,  # these are configuration files, not pages
)


def template(name: str, **values: object) -> str:
    """The template `name` with `values` in it; a value that is missing is an error."""
    return _TEMPLATES.get_template(f"{name}.j2").render(**values)


def service_files(plan: MachinePlan, service: Service) -> dict[str, str]:
    """The text of each file in the service's `FILES`, by name."""
    settings = plan.blueprint.settings
    return {
        name: template(
            name,
            settings=settings,
            instances=plan.by_name,
            slots=SLOTS,
            release=RELEASE_ID,
            service=service,
            cloudflare_ranges=cloudflare.RANGES,
            content_policy=content_policy.render(settings.content_sources),
            authorities=AUTHORITIES,
            stanza=STANZA,
            data=next((volume.target for volume in service.volumes), ""),
        )
        for name in service.files
    }


def docker_daemon() -> str:
    """`/etc/docker/daemon.json`. Containers outlive a restart of the daemon; their logs are rotated."""
    configuration = {
        "live-restore": True,
        "log-driver": "json-file",
        "log-opts": compose.LOG_OPTIONS,
        "no-new-privileges": True,
        # Fixed, so that none of Docker's networks meets the VPC's: by default they are wherever there is room.
        "bip": f"{DOCKER_BRIDGE[1]}/{DOCKER_BRIDGE.prefixlen}",
        "default-address-pools": [{"base": str(DOCKER_POOL), "size": 24}],
        # Docker 29 would begin with another image store, in which an older release finds neither images nor containers.
        "features": {"containerd-snapshotter": False},
        "icc": False,  # on Docker's own default network, which nothing of AUREN is on
        "userland-proxy": False,  # a published port keeps its client's address, and listens on no IPv6 address
    }
    return json.dumps(configuration, indent=2) + "\n"


def system_updates(settings: Settings) -> str:
    """apt's settings for security updates and the reboot after them, the same for Debian and Ubuntu."""
    return template("system-updates.conf", settings=settings)


def operator_keys(settings: Settings) -> str:
    """`paths.OPERATOR_KEYS`: one key a line."""
    return "".join(f"{key}\n" for key in settings.operator_keys)


def web_server(plan: MachinePlan) -> Instance | None:
    """nginx, on the machine that has it."""
    return plan.by_name.get("nginx")


def log_writer(nginx: Service) -> tuple[str, int, int]:
    """Whose nginx's log files are on the machine: the user's name there, its uid and gid.

    The name goes with the ids, so a change of them needs another user and never changes one that has processes.
    """
    return f"auren-{nginx.user.uid}-{nginx.user.gid}", nginx.user.uid, nginx.user.gid


def log_rotation(nginx: Instance) -> str:
    """logrotate's rule for nginx's log files on the data disk."""
    (logs,) = nginx.service.volumes
    user, _, _ = log_writer(nginx.service)
    return template(
        "logrotate-nginx",
        directory=paths.volume(logs),
        container=nginx.container,
        user=user,
        directory_of_files=LIVE_FILES,
    )


def data_directories(plan: MachinePlan) -> str:
    """The data disk's directories: `PATH UID:GID` a line, with `sync` behind it where writes must not be cached."""
    volumes = [
        f"{paths.volume(volume)} {service.user}{' sync' if volume.synchronous else ''}\n"
        for service in plan.services
        for volume in service.volumes
    ]
    readers = [service for service in plan.services if plan.chooses(service.name)]
    return "".join([*volumes, *(f"{paths.SLOTS} {reader.user}\n" for reader in readers[:1])])
