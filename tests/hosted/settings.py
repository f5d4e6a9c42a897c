"""Production's settings, as the engine hands them over."""

import json
from collections.abc import Sequence
from pathlib import Path

import yaml

STACK = "prod"
FILE = Path(__file__).parents[2] / f"Pulumi.{STACK}.yaml"


def configuration(changes: Sequence[str]) -> dict[str, str]:
    """Those in the stack's file, with changes as KEY=VALUE over them; the keys without `auren:`."""
    values = yaml.safe_load(FILE.read_text())["config"]
    values |= {f"auren:{key}": value for key, _, value in (change.partition("=") for change in changes)}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
