"""Where things stand on the machine: each path once, for the files, the scripts' arguments and the outputs."""

from auren_infra.services.model import SecretFile, Service, Volume

PROJECT = "/opt/auren"
COMPOSE_FILE = f"{PROJECT}/docker-compose.prod.yml"
SECRETS = f"{PROJECT}/secrets"
DATA = "/mnt/auren-data"
OPERATOR_KEYS = "/root/.ssh/operators"
"""Read by sshd beside `authorized_keys`, so that people's keys can change without a new machine."""


def secret(service: Service, file: SecretFile) -> str:
    """One copy for each service that reads it, since each belongs to that service's own user."""
    return f"{SECRETS}/{service.name}/{file.name}"


def volume(volume: Volume) -> str:
    return f"{DATA}/{volume.name}"
