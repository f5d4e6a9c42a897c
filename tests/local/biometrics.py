"""A measurement's way through all of AUREN, as a client sees it: through nginx, by the droplet's address."""

import time
from typing import Any

import httpx

from tests.local.deployment import DOMAIN

ARRIVED_WITHIN = 30
"""Seconds; the first message after a start waits until the consumers have joined their groups."""


def post_biometric(address: str, user: str, metric: str, value: float) -> str:
    """Report it; its id, once Kafka has acknowledged it."""
    body = {"user_id": user, "metric": metric, "value": value}
    response = httpx.post(f"http://{address}/api/biometrics", headers={"Host": DOMAIN}, json=body, timeout=10)
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


def read_biometric(address: str, name: str, within: float = ARRIVED_WITHIN) -> dict[str, Any]:
    """What came out of it, once it is in every store; `within` so many seconds.

    A store may be slow at its first question. Then the API says that it should be asked again, as it is here.
    """
    deadline = time.monotonic() + within
    url = f"http://{address}/api/biometrics/{name}"
    while (response := httpx.get(url, headers={"Host": DOMAIN}, timeout=10)).status_code != 200:
        assert response.status_code == 404 or "Retry-After" in response.headers, response.text
        assert time.monotonic() < deadline, f"{name} did not arrive within {within:.0f} s"
        time.sleep(0.2)
    return response.json()
