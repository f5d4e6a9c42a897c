"""A complete stack configuration, for tests that change one thing of it. No Pulumi."""

from pathlib import Path
from typing import Any

from auren_infra.blueprint import Blueprint, describe
from auren_infra.placement import MachinePlan, place
from auren_infra.services.catalogue import described
from auren_infra.settings import Settings, load

ROOT = Path(__file__).parents[2]
DIGEST = "sha256:" + "0123456789abcdef" * 4
ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEUYhuYWGOf5YauHxn7jFb2yn87VX6Mmv7qqC28KDfoJ ada@example.org"
ECDSA = (
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBCTGj4apNaTn"
    "py255V5Ccw2mYLWSR8XFm0siRJhGhGtoF2PLpZE8xOLwHO8kjBZTEqqSoZXuOoXuUI68AyEC8oI="
)
"""Public keys of people."""
NAME = "auren-test"
"""Of what the stack makes."""
REGISTRY = "registry.auren.test:5000"
COMPLETE = {
    "sshAllowed": '["198.51.100.1/32"]',
    "kafkaUiAllowed": '["10.200.0.0/20"]',
    "images": f'["api={REGISTRY}/auren/api:1.0@{DIGEST}", "bridge={REGISTRY}/auren/bridge:1.0"]',
    "website": str(ROOT / "website"),
    "sqlInit": str(ROOT / "sql/init"),
}
"""What has no default; the images of the API and the Bridge among it."""

DASHBOARD = f"{REGISTRY}/auren/dashboard:1.0@{DIGEST}"
WITH_WEBSITE = COMPLETE["images"].replace("]", f', "website={DASHBOARD}"]')
"""`auren:images` with the website's image. `auren:website` is the usual directory then."""

BACKED_UP: dict[str, Any] = {
    "backups": "spaces://fra1/auren-test-backups",
    "secrets": '{"backup-passphrase": "a passphrase in a drawer"}',
}
"""What backups need in the configuration."""
BACKED_UP_ELSEWHERE: dict[str, Any] = {
    "backups": "s3://s3.example.org:9000/eu-central-1/auren.backups",
    "secrets": '{"backup-passphrase": "a drawer", "backup-key-id": "AKIA0", "backup-key-secret": "a key"}',
}
"""The same with a bucket that the program does not make."""
FROM_ELSEWHERE: dict[str, Any] = {
    "restoreFrom": "spaces://ams3/auren-prod-backups",
    "restore": "latest",
    "realData": "true",
    "secrets": '{"restore-passphrase": "a passphrase of production"}',
}
"""A stack without backups of its own, from the backups of another one."""


def engine_values(values: dict[str, str]) -> dict[str, str]:
    """Configuration as the engine hands it over: full keys, all values text."""
    return {f"auren:{name}": value for name, value in values.items()}


def settings(**changes: str) -> Settings:
    """The complete configuration with `changes`, by the names after `auren:`."""
    return load(engine_values({**COMPLETE, **changes}), name=NAME)


def blueprint(**changes: str) -> Blueprint:
    """What is deployed with the complete configuration and `changes`."""
    return describe(settings(**changes))


def planned(chosen: Blueprint) -> MachinePlan:
    """The machine of the stack."""
    (machine,) = place(chosen).machines
    return machine


PINS = {service.name: service.image for service in described(settings())}
"""The catalogue's images; empty for a service that has none."""
