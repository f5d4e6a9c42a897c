"""Where things stand on the machine: each path once, for the files, the scripts' arguments and the outputs."""

from auren_infra.services.model import Volume

PROJECT = "/opt/auren"
COMPOSE_FILE = f"{PROJECT}/docker-compose.prod.yml"
SERVICES = f"{PROJECT}/services"
"""A directory for each service, with its releases. Only root may look into it, since it holds the secrets."""
CURRENT = "current"
PROGRAMS = "/usr/local/lib/auren"
STOP = f"{PROGRAMS}/stop"
WATCHDOG = f"{PROGRAMS}/watchdog"
COMMANDS = "/usr/local/sbin"
"""The programs for whoever is logged in: `auren-rollback`, `auren-releases`."""
CONTAINER_RULES = "/etc/auren/containers.rules"
UNITS = "/etc/systemd/system"
DATA = "/mnt/auren-data"
SLOTS = f"{DATA}/slots"
"""For each service with two slots, a file `SERVICE-green` while its green instance is the one that is asked."""
BACKUPS = "/var/lib/auren/backup"
DRILLS = (f"{BACKUPS}/drill.json", f"{BACKUPS}/good-drill.json")
"""The record of the newest drill of the backups, and that of the last good one."""
DRILL_UNIT = "auren-drill.service"
REGISTRY_LOGINS = "/etc/auren/registries/config.json"
"""Docker's own file, in a directory that the commands which pull have for their DOCKER_CONFIG."""
OPERATOR_KEYS = "/root/.ssh/operators"
"""Read by sshd beside `authorized_keys`, so that people's keys can change without a new machine."""


def release(service: str, name: str) -> str:
    """The directory of the release with this id. `CURRENT` in place of an id is the one that was accepted last."""
    return f"{SERVICES}/{service}/{'' if name == CURRENT else 'releases/'}{name}"


def secrets(service: str) -> str:
    """The directory of what the releases of the service read: `NAME.DIGEST` for each secret that there was."""
    return f"{SERVICES}/{service}/secrets"


def volume(volume: Volume) -> str:
    return f"{DATA}/{volume.name}"
