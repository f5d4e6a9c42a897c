"""The Bridge stand-in: measurements from the API through Kafka into Redis, PostgreSQL and Chroma, and none is lost."""

import json
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from websockets.sync.client import connect

from tests.sandbox.images.auren import BRIDGE, Auren, address, ask
from tests.sandbox.images.containers import Run, eventually, says

pytestmark = pytest.mark.machine

NORMAL = {"user_id": "athlete-1", "metric": "heart_rate", "value": 71}


@pytest.fixture
def parts(run: Run, volume: str, secrets_folder: Path) -> Auren:
    return Auren(run, volume, secrets_folder)


@pytest.fixture
def auren(parts: Auren) -> Auren:
    """All of it, started in the most awkward order: whoever asks comes before whoever answers."""
    parts.start_api()
    parts.start_bridge()
    parts.start_kafka()
    parts.start_chromadb()
    parts.start_postgres()
    parts.start_redis()
    eventually(parts.make_topics, 120)
    eventually(parts.is_healthy, 60)
    return parts


def report(auren: Auren, **changes: object) -> str:
    status, _, answer = auren.ask("/api/biometrics", post=NORMAL | changes)
    assert status == 202, answer
    return answer["id"]


def through(auren: Auren, biometric_id: str) -> dict:
    """The measurement as it is read back, once it is through."""
    path = f"/api/biometrics/{biometric_id}"
    eventually(lambda: auren.ask(path)[0] == 200, 60)
    return auren.ask(path)[2]


def test_a_measurement_goes_round_through_every_service(auren: Auren) -> None:
    assert set(auren.verdicts()) == {"postgres", "redis", "chroma", "kafka", "consumer"}
    assert set(auren.bridge_verdicts()) == {"postgres", "redis", "kafka", "consumer"}
    assert auren.ask(f"/api/biometrics/{uuid4()}")[0] == 404
    assert auren.ask("/api/biometrics/one")[0] == 422
    assert auren.ask("/api/biometrics", post=NORMAL | {"value": "much"})[0] == 422

    live = f"{address(auren.api)}:8080/api/biometrics/live"
    with (
        connect(f"ws://{live}", proxy=None) as websocket,
        httpx.Client(timeout=60, trust_env=False) as client,
        client.stream("GET", f"http://{live}?user_id=athlete-1") as events,
    ):
        first = through(auren, report(auren))
        told = json.loads(websocket.recv(timeout=30))
        event = next(line for line in events.iter_lines() if line.startswith("data: "))
    assert told == json.loads(event.removeprefix("data: "))
    assert told == {key: first[key] for key in told}
    assert {key: first[key] for key in NORMAL} == NORMAL
    assert first["classification"] == "normal"
    last = through(auren, report(auren, value=180))
    through(auren, report(auren, user_id="athlete-2", metric="steps", value=9000))

    assert last["classification"] == "high"
    answer = through(auren, first["id"])
    assert answer["checkpoint"] == {key: last[key] for key in last if key not in ("checkpoint", "similar")}
    assert answer["similar"][0] == last["id"], "another heart rate is nearer than any number of steps"
    latest = auren.ask("/api/biometrics?limit=2")[2]
    assert [row["classification"] for row in latest] == ["unknown", "high"]


def test_a_bridge_killed_in_the_middle_loses_none_and_doubles_none(auren: Auren) -> None:
    auren.bridge.kill()
    body = json.dumps(NORMAL)
    post = (
        f"curl -sf -H 'Content-Type: application/json' -d '{body}' http://127.0.0.1:8080/api/biometrics || exit 1; echo"
    )
    code, answers = says(auren.api, "sh", "-c", f"for _ in $(seq 200); do {post}; done")
    assert code == 0, answers
    ids = sorted(json.loads(line)["id"] for line in answers.splitlines())

    count = "psql -U auren -d auren -Atc 'SELECT count(*) FROM biometrics'"
    auren.bridge.start()
    assert says(auren.postgres, "timeout", "60", "sh", "-c", f'while [ "$({count})" = 0 ]; do :; done')[0] == 0
    auren.bridge.kill()
    assert 0 < len(auren.rows("SELECT id FROM biometrics")) < len(ids), "it was killed in the middle"

    auren.bridge.start()
    eventually(lambda: len(auren.rows("SELECT id FROM biometrics")) >= len(ids), 60)
    eventually(auren.is_healthy)
    assert sorted(auren.rows("SELECT id FROM biometrics")) == ids
    for biometric_id in (ids[0], ids[-1]):
        through(auren, biometric_id)


@pytest.mark.parametrize("service", ["kafka", "postgres", "redis", "chromadb"])
def test_the_restart_of_a_service_is_survived(auren: Auren, service: str) -> None:
    before = report(auren)
    through(auren, before)
    container = getattr(auren, service)
    container.stop(timeout=30)
    verdict = {"chromadb": "chroma"}.get(service, service)
    assert auren.verdicts()[verdict] != "ok"
    if service == "kafka":
        status, headers, answer = auren.ask("/api/biometrics", post=NORMAL)
        assert (status, headers["retry-after"], answer["detail"]) == (503, "2", "Kafka does not answer; try again")
        meanwhile = before
    else:
        meanwhile = report(auren)
        status, headers, answer = auren.ask(f"/api/biometrics/{before}")
        assert (status, headers["retry-after"]) == (503, "2")
        assert answer["detail"].lower().startswith(verdict)
    container.start()
    eventually(auren.is_healthy, 180)
    through(auren, meanwhile)
    through(auren, report(auren))


def test_what_is_no_measurement_is_passed_over(auren: Auren) -> None:
    topic = "--bootstrap-server kafka:9092 --topic biometric.events"
    assert says(auren.kafka, "sh", "-c", f"echo '{{\"id\": 5}}' | kafka-console-producer {topic}")[0] == 0
    through(auren, report(auren))
    eventually(lambda: b"is no Biometric and is passed over" in auren.bridge.logs())


def test_it_ends_quickly_when_stopped_and_tells_no_secret(parts: Auren) -> None:
    bridge = parts.start_bridge()
    eventually(lambda: ask(bridge, 8002, "/health")[0] == 503)
    assert says(bridge, "id", "-u") == (0, "10003")
    assert "$pass" not in says(bridge, "sh", "-c", "cat /proc/1/environ /proc/1/cmdline")[1]
    bridge.stop(timeout=15)
    bridge.reload()
    assert bridge.attrs["State"]["ExitCode"] == 0
    assert b"$pass" not in bridge.logs()


def test_a_wrong_environment_is_told_at_once_and_whole(run: Run) -> None:
    wrong = {"POSTGRES_PORT": "high", "REDIS_PASSWORD_FILE": "/nowhere"}
    bridge = run("bridge", user="10003:10003", environment=wrong)
    assert bridge.wait(timeout=30)["StatusCode"] != 0
    logs = bridge.logs().decode()
    for fault in ("POSTGRES_HOST is not set", "POSTGRES_PORT is 'high'", "REDIS_PASSWORD_FILE names /nowhere"):
        assert fault in logs
    assert all(f"{key} is not set" in logs for key in BRIDGE if key not in wrong and key != "POSTGRES_PORT")
