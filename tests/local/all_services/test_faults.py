"""Faults of the machine: each is named, harms nothing else, and ends by itself when its cause is gone.

`docs/operations.md` names these tests.
"""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from auren_infra.files import paths
from tests.local.acknowledged import ENOUGH, STORES, WRITE_SECONDS, kept, writing
from tests.local.all_services.drift import RIGHT, drift
from tests.local.deployment import Deployment
from tests.local.events import post_event, read_event
from tests.local.host import Host, wait_for

pytestmark = pytest.mark.machine

FILLER = f"{paths.DATA}/filler"
FULL_SECONDS = 30
RECOVERED_WITHIN = 240
"""Seconds until all is healthy. A container that ended again and again is started after a pause of a minute at most."""
REDIS_MAY_LOSE = 2.5
"""Seconds, as in a power cut."""


@pytest.fixture
def full(host: Host) -> Iterator[None]:
    """The data disk has no room for anybody."""
    try:
        host.run("sh", "-c", f"cat /dev/zero >{FILLER}", check=False, seconds=300)
        yield
    finally:
        host.run("rm", "-f", FILLER)


def website(outputs: dict[str, Any]) -> int:
    headers = {"Host": outputs["domain"]}
    return httpx.get(f"http://{outputs['address']}/", headers=headers, timeout=10).status_code


@pytest.mark.long(120)
def test_a_full_data_disk_is_told_loses_nothing_and_is_recovered_from(
    deployment: Deployment, host: Host, outputs: dict[str, Any], containers: list[str], request: pytest.FixtureRequest
) -> None:
    event = post_event(outputs, 77)
    with writing(host, "full") as acknowledged:
        time.sleep(WRITE_SECONDS)
        request.getfixturevalue("full")
        full_since = time.time()
        time.sleep(FULL_SECONDS)
    assert website(outputs) == 200
    status, told = drift()
    assert status == 1
    assert f"{paths.DATA} is almost full: " in told
    host.run("rm", FILLER)

    host.wait_until_healthy(containers, RECOVERED_WITHIN)
    found = kept(host, "full")
    missing = {store: acknowledged.names(store) - found[store] for store in ("postgres", "chromadb", "kafka")}
    missing["redis"] = acknowledged.names("redis", before=full_since - REDIS_MAY_LOSE) - found["redis"]
    assert {store: len(names) for store, names in missing.items() if names} == {}
    assert min(len(acknowledged.names(store)) for store in STORES) >= ENOUGH
    assert read_event(outputs, event) == 77
    assert read_event(outputs, post_event(outputs, 78)) == 78
    wait_for(lambda: drift() == (0, RIGHT), RECOVERED_WITHIN)
    assert deployment.planned() == {}


@pytest.mark.long(60)
def test_a_container_that_takes_all_memory_is_ended_alone(
    host: Host, outputs: dict[str, Any], containers: list[str]
) -> None:
    """Its limit ends it. The others have theirs."""
    before = {name: host.started_at(name) for name in containers}
    greedy = host.live("bridge")
    takes = f"docker exec {greedy} python3 -c 'x = bytearray(b\"x\" * (4 << 30))'; echo $?"
    assert host.run("sh", "-c", takes).strip() == "137", "killed"
    host.wait_until_healthy(containers, RECOVERED_WITHIN)
    after = {name: host.started_at(name) for name in containers}
    assert {name for name in containers if after[name] != before[name]} <= {greedy}
    assert read_event(outputs, post_event(outputs, 79)) == 79
    assert drift() == (0, RIGHT)


@pytest.mark.long(60)
def test_names_that_nobody_answers_stop_no_service_and_no_deployment_of_an_image_that_is_there(
    deployment: Deployment, host: Host, outputs: dict[str, Any]
) -> None:
    """The machine's name server is away."""
    host.run("cp", "/etc/resolv.conf", "/run/resolv.conf.kept")
    host.run("sh", "-c", "echo nameserver 192.0.2.1 >/etc/resolv.conf")
    try:
        assert read_event(outputs, post_event(outputs, 80)) == 80
        assert website(outputs) == 200
        deployment.configure(apiRequestBurst=41)
        deployment.up()
    finally:
        host.run("sh", "-c", "cat /run/resolv.conf.kept >/etc/resolv.conf")
        deployment.configure(apiRequestBurst=None)
    deployment.up()
    assert drift() == (0, RIGHT)
