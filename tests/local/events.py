"""A row in PostgreSQL, through nginx and the API: written, and read again."""

from typing import Any

import httpx

from tests.local.deployment import DOMAIN


def post_event(outputs: dict[str, Any], value: float) -> int:
    """Write a row; its id."""
    event = {"user_id": "ada", "type": "heart_rate", "value": value}
    response = httpx.post(f"http://{outputs['address']}/api/events", headers={"Host": DOMAIN}, json=event, timeout=10)
    assert response.status_code == 201, response.text
    return int(response.json()["id"])


def read_event(outputs: dict[str, Any], event: int) -> float:
    response = httpx.get(f"http://{outputs['address']}/api/events/{event}", headers={"Host": DOMAIN}, timeout=10)
    assert response.status_code == 200, response.text
    return float(response.json()["value"])
