"""A state as the engine keeps it in a bucket, and the key that a test asks with."""

from typing import Any

import pytest

from auren_infra.state.bucket import Bucket
from tests.state.spaces import Spaces

BUCKET = Bucket("auren-state", "nyc3")
KEY = ".pulumi/stacks/auren/prod.json"


def kept(*names: str) -> dict[str, Any]:
    """A state as the engine writes it."""
    latest = {"resources": [{"urn": name} for name in names], "pending_operations": [{}] * names.count("half made")}
    return {"version": 3, "checkpoint": {"stack": "organization/auren/prod", "latest": latest}}


def log_in(account: Spaces, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the key of full access from the environment."""
    for name, value in account.environment("full").items():
        monkeypatch.setenv(name, value)
