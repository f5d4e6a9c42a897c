"""All nine are there, healthy, in a 4 GB droplet's memory, and a measurement makes its way through all of them."""

import contextlib
import json
import time
from typing import Any

import docker
import httpx
import pytest
from websockets.sync.client import connect
from websockets.typing import Origin

from auren_infra.files import paths
from tests.local.biometrics import ARRIVED_WITHIN, post_biometric, read_biometric
from tests.local.deployment import DOMAIN, Deployment
from tests.local.host import COMPOSE, Host

pytestmark = pytest.mark.machine

NINE = ["api", "bridge", "chromadb", "kafka", "kafka-ui", "nginx", "postgres", "redis", "zookeeper"]
MEGABYTE = 1 << 20
BUDGET = 3400 * MEGABYTE
"""Of a droplet's 4 GB; the rest is the system's."""


def test_all_nine_run_and_none_had_to_be_started_twice(outputs: dict[str, Any], host: Host) -> None:
    assert sorted(outputs["services"]) == NINE
    containers = host.containers()
    assert sorted(containers) == [f"auren-{name}" for name in NINE]
    for name, container in containers.items():
        assert container["State"]["Health"]["Status"] == "healthy", name
        assert container["RestartCount"] == 0, f"{name} was restarted"
        assert not container["State"]["OOMKilled"], f"{name} had too little memory"


def test_they_fit_a_droplet_of_4_gb(host: Host) -> None:
    """What they may use, and what the whole machine uses, without the files that its kernel has cached."""
    assert sum(container["HostConfig"]["Memory"] for container in host.containers().values()) < BUDGET
    with contextlib.closing(docker.from_env()) as client:
        memory = client.api.stats(host.container, stream=False)["memory_stats"]
    statistics = memory["stats"]
    prefix = "total_" if "total_inactive_file" in statistics else ""  # the first version of control groups
    cached = statistics[f"{prefix}inactive_file"] + statistics[f"{prefix}active_file"]
    assert 0 < memory["usage"] - cached < BUDGET


@pytest.mark.parametrize(("value", "classification"), [(48, "low"), (72.5, "normal"), (131, "high")])
def test_a_measurement_goes_through_kafka_and_the_bridge_to_all_stores(
    outputs: dict[str, Any], value: float, classification: str
) -> None:
    user = f"round-trip-{classification}"
    first = post_biometric(outputs["address"], user, "heart_rate", value)
    read_biometric(outputs["address"], first)
    second = post_biometric(outputs["address"], user, "heart_rate", value)
    answer = read_biometric(outputs["address"], second)  # PostgreSQL
    assert (answer["user_id"], answer["value"]) == (user, value)
    assert answer["classification"] == classification  # the Bridge
    assert answer["checkpoint"]["id"] == second  # Redis
    assert first in answer["similar"]  # Chroma


def test_who_listens_is_told_of_a_measurement_as_it_comes_through(outputs: dict[str, Any]) -> None:
    """Over a WebSocket and as server-sent events, both through nginx: the README's promise of streams."""
    live = f"{outputs['address']}/api/biometrics/live"
    with (
        connect(f"ws://{live}", origin=Origin(f"http://{outputs['address']}"), proxy=None) as websocket,
        httpx.stream("GET", f"http://{live}?user_id=listener", timeout=ARRIVED_WITHIN) as events,
    ):
        websocket.send("listener")
        time.sleep(0.5)
        name = post_biometric(outputs["address"], "listener", "heart_rate", 72)
        assert json.loads(websocket.recv(timeout=ARRIVED_WITHIN))["id"] == name
        event = next(line for line in events.iter_lines() if line.startswith("data: "))
        assert json.loads(event.removeprefix("data: "))["id"] == name


def test_what_the_api_lets_be_kept_is_kept_by_nginx_and_what_is_somebodys_own_is_not(outputs: dict[str, Any]) -> None:
    address = f"http://{outputs['address']}/api/biometrics"
    kept = [httpx.get(f"{address}/ranges", timeout=10) for _ in range(2)]
    assert kept[1].headers["X-Cache-Status"] == "HIT"
    assert kept[0].json() == kept[1].json()
    own = httpx.get(f"{address}/{post_biometric(outputs['address'], 'somebody', 'hrv', 50)}", timeout=10)
    assert own.headers["X-Cache-Status"] != "HIT"


def test_the_kafka_ui_shows_the_topics_to_whom_it_is_open(outputs: dict[str, Any]) -> None:
    """It is asked from this machine, whose address is allowed."""
    clusters = httpx.get(f"http://{outputs['address']}:8081/api/clusters", timeout=10).json()
    assert [(cluster["name"], cluster["status"]) for cluster in clusters] == [("auren", "online")]


def test_compose_on_the_droplet_takes_the_file_and_knows_all_nine(host: Host) -> None:
    host.run(*COMPOSE, "config", "--quiet")
    listed = host.run(*COMPOSE, "ps", "--format", "json").splitlines()
    assert sorted(json.loads(line)["Service"] for line in listed) == NINE


@pytest.mark.long
def test_by_hand_a_container_is_restarted_and_all_are_stopped_and_started(
    deployment: Deployment, host: Host, containers: list[str]
) -> None:
    """The owner's own hands do not disturb Pulumi: it has nothing to do afterwards."""
    before = host.started_at("auren-redis")
    host.run(*COMPOSE, "restart", "redis")
    assert host.started_at("auren-redis") != before
    host.run("systemctl", "stop", "auren", seconds=200)
    assert not host.run("docker", "ps", "--quiet")
    host.run("systemctl", "start", "auren")
    host.wait_until_healthy(containers, 120)
    deployment.up("--expect-no-changes")


def test_requests_are_logged_on_the_data_disk(outputs: dict[str, Any], host: Host) -> None:
    """As a file of nginx's own: the image has links to the container's output in that place."""
    marker = f"/not-there-{time.time_ns()}"
    httpx.get(f"http://{outputs['address']}{marker}", headers={"Host": DOMAIN}, timeout=10)
    log = f"{paths.DATA}/nginx-logs/access.log"
    found = f"until grep -F {marker} {log}; do sleep 0.5; done"
    assert json.loads(host.run("timeout", "15", "sh", "-c", found))["path"] == marker
    assert host.run("stat", "-c", "%F %u:%g", log) == "regular file 101:101\n"
