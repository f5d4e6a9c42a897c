"""The machine goes down while all four stores are written to. What they had acknowledged is there when it is back.

Nothing but the machine itself brings it back: no Pulumi, no login.
"""

import time
from typing import Any

import pytest

from auren_infra.placement import Instance
from auren_infra.services.model import Service
from tests.local.acknowledged import ENOUGH, STORES, WRITE_SECONDS, kept, writing
from tests.local.all_services.connections import assert_only_the_links_connect
from tests.local.biometrics import post_biometric, read_biometric
from tests.local.cloud import act
from tests.local.deployment import Deployment
from tests.local.host import Host

pytestmark = pytest.mark.machine

BACK_WITHIN = 180
"""Seconds from the power's return until all nine are healthy."""
ARRIVED_WITHIN = 60
CAUGHT_UP_WITHIN = 120
REDIS_MAY_LOSE = 2.5
"""Seconds: its append-only file is synced once a second. Redis waits up to two seconds for a busy disk."""


@pytest.mark.parametrize("kind", ["reboot", "power_cycle"])
@pytest.mark.long
def test_nothing_acknowledged_is_lost_and_all_is_as_it_was(
    deployment: Deployment,
    host: Host,
    outputs: dict[str, Any],
    services: dict[str, Service],
    kind: str,
) -> None:
    run = kind.replace("_", "-")
    with writing(host, run) as acknowledged:
        time.sleep(WRITE_SECONDS)
        began = time.time()
        act(host.droplet, kind)
    host.wait_until_healthy([Instance(service).container for service in services.values()], BACK_WITHIN)

    counts = {store: len(acknowledged.names(store)) for store in STORES}
    assert min(counts.values()) >= ENOUGH, counts
    if kind == "power_cycle":  # it was written to until the very end
        assert all(acknowledged.last(store) > began - 5 for store in STORES), counts

    found = kept(host, run)
    # PostgreSQL acknowledges what is on the disk: its last word was said when the disk was still there.
    redis_kept_before = acknowledged.last("postgres") - REDIS_MAY_LOSE
    missing = {store: acknowledged.names(store) - found[store] for store in ("postgres", "chromadb", "kafka")}
    missing["redis"] = acknowledged.names("redis", before=redis_kept_before) - found["redis"]
    assert {store: len(names) for store, names in missing.items() if names} == {}, counts

    deadline = time.monotonic() + ARRIVED_WITHIN
    while acknowledged.names("kafka") - kept(host, run)["arrived"]:
        assert time.monotonic() < deadline, "the Bridge has not worked out all that Kafka kept"
        time.sleep(1)
    address = outputs["address"]
    last = post_biometric(address, run, "heart_rate", 70)  # behind all the others, on its way to Chroma as well
    assert read_biometric(address, last, within=CAUGHT_UP_WITHIN)["classification"] == "normal"
    assert_only_the_links_connect(host, services)
    assert deployment.planned() == {}
