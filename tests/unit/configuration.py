"""A complete stack configuration, for tests that change one thing of it. No Pulumi."""

from pathlib import Path

from auren_infra.services.images import IMAGES
from auren_infra.settings import Settings, load

ROOT = Path(__file__).parents[2]
DIGEST = "sha256:" + "0123456789abcdef" * 4
COMPLETE = {
    "sshAllowed": '["198.51.100.1/32"]',
    "kafkaUiAllowed": '["10.200.0.0/20"]',
    "images": f'["api=registry.example:5000/auren/api:1.0@{DIGEST}", "bridge=registry.example:5000/auren/bridge:1.0"]',
    "website": str(ROOT / "website"),
    "sqlInit": str(ROOT / "sql/init"),
}
"""What has no default; the images of the API and the Bridge among it."""


def engine_values(values: dict[str, str]) -> dict[str, str]:
    """Configuration as the engine hands it over: full keys, all values text."""
    return {f"auren:{name}": value for name, value in values.items()}


def settings(**changes: str) -> Settings:
    """The complete configuration with `changes`, by the names after `auren:`."""
    return load(engine_values({**COMPLETE, **changes}), IMAGES)
