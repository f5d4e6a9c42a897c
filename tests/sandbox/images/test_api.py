"""The API stand-in's events with PostgreSQL and Redis beside it: it truly uses both, and outlives their restarts.

Chroma and Kafka are away here: what does not need them is served all the same. `test_bridge` has everything running.
"""

from pathlib import Path

import httpx
import pytest

from tests.sandbox.images.auren import Auren, address
from tests.sandbox.images.containers import Run, eventually, says

pytestmark = pytest.mark.machine


@pytest.fixture
def parts(run: Run, volume: str, secrets_folder: Path) -> Auren:
    return Auren(run, volume, secrets_folder)


@pytest.fixture
def auren(parts: Auren) -> Auren:
    parts.start_postgres()
    parts.start_redis()
    parts.start_api()
    eventually(lambda: has_stores(parts))
    return parts


def has_stores(auren: Auren) -> bool:
    verdicts = auren.verdicts()
    return verdicts.get("postgres") == verdicts.get("redis") == "ok"


def test_an_event_is_written_to_postgresql_and_read_through_redis(auren: Auren) -> None:
    new = {"user_id": "athlete-1", "type": "hrv", "value": 61.5}
    status, _, stored = auren.ask("/api/events", post=new)
    assert status == 201
    assert {key: stored[key] for key in new} == new

    path = f"/api/events/{stored['id']}"
    status, headers, event = auren.ask(path)
    assert (status, headers["x-cache"], event) == (200, "hit", stored)
    assert auren.ask("/api/events?limit=1")[2] == [stored]

    auren.redis.restart(timeout=10)  # it keeps nothing here
    eventually(lambda: auren.ask(path)[0] == 200 and has_stores(auren))
    eventually(lambda: auren.ask(path)[1]["x-cache"] == "hit")
    assert auren.ask(path)[2] == stored
    assert auren.ask("/api/health")[2]["checks"] == auren.verdicts()


def test_a_restart_of_postgresql_is_survived(auren: Auren) -> None:
    stored = auren.ask("/api/events", post={"user_id": "athlete-2", "type": "sleep", "value": 7})[2]
    auren.postgres.stop(timeout=30)
    status, _, health = auren.ask("/health")
    assert status == 503
    assert health["checks"]["redis"] == "ok"
    assert health["checks"]["postgres"] == "unavailable", "in a word: this answer is public"
    assert b"postgres is unavailable: " in auren.api.logs(), "and the reason behind it"
    status, headers, _ = auren.ask("/api/events", post={"user_id": "x", "type": "y", "value": 1})
    assert (status, headers["retry-after"]) == (503, "2")

    auren.postgres.start()
    eventually(lambda: has_stores(auren))
    assert auren.ask("/api/events?limit=1")[2] == [stored]


def test_without_redis_health_says_so_and_events_are_served_all_the_same(auren: Auren) -> None:
    auren.redis.stop(timeout=10)
    status, _, health = auren.ask("/health")
    assert status == 503
    assert health["checks"]["postgres"] == "ok"
    assert health["checks"]["redis"] == "unavailable"
    status, _, stored = auren.ask("/api/events", post={"user_id": "athlete-3", "type": "hrv", "value": 50})
    assert status == 201
    status, headers, event = auren.ask(f"/api/events/{stored['id']}")
    assert (status, headers["x-cache"], event) == (200, "miss", stored)


def test_what_makes_no_sense_is_refused(auren: Auren) -> None:
    refused = [{}, {"user_id": "", "type": "a", "value": 1}, {"user_id": "a\0", "type": "a", "value": 1}]
    refused += [{"user_id": "a", "type": "a", "value": "much"}, {"user_id": "a", "type": "a", "value": 1, "id": 5}]
    for body in refused:
        assert auren.ask("/api/events", post=body)[0] == 422, body
    assert auren.ask("/api/events/999999")[0] == 404
    assert auren.ask("/api/events/99999999999999999999")[0] == 422
    assert auren.ask("/api/events?limit=0")[0] == 422


def test_what_json_cannot_hold_is_refused_and_large_headers_are_taken(auren: Auren) -> None:
    event = '{"user_id": "a", "type": "a", "value": 1}'
    wrong = (
        *(event.replace("1", value) for value in ("NaN", "Infinity", "1e400", "1" * 5000)),
        *(event.replace('"a"', text, 1) for text in ('"\\ud800"', '"a\\u0000b"', "[" * 10_000)),
        '{"\\ud800": 1}',
        "\xff",
    )
    with httpx.Client(base_url=f"http://{address(auren.api)}:8080", timeout=20, trust_env=False) as client:
        for body in wrong:
            for content_type in ("application/json", "text/plain"):
                answer = client.post(
                    "/api/events", content=body.encode("latin-1"), headers={"Content-Type": content_type}
                )
                assert answer.status_code in (400, 422), (body[:80], answer.text)
                assert answer.json()["detail"]
        assert client.post("/api/events", content=b" " * 70_000).status_code == 413
        assert client.get("/api/events", headers={"Cookie": "c" * 100_000}).status_code == 200
    extreme = {"user_id": "\U0001f9d1\u200d\U0001f4bb", "type": "\uffff\n", "value": 5e-324}
    status, _, stored = auren.ask("/api/events", post=extreme)
    assert (status, stored["value"], stored["user_id"]) == (201, 5e-324, extreme["user_id"])


def test_a_store_that_cannot_write_is_told_without_its_reason(auren: Auren) -> None:
    """As with a full disk: PostgreSQL reads, and refuses every change."""
    say = ("psql", "-U", "auren", "-d", "auren", "-c")
    assert says(auren.postgres, *say, "ALTER SYSTEM SET default_transaction_read_only = on")[0] == 0
    assert says(auren.postgres, *say, "SELECT pg_reload_conf()")[0] == 0
    event = {"user_id": "a", "type": "a", "value": 1}
    answer = eventually(lambda: (said := auren.ask("/api/events", post=event))[0] == 503 and said)
    assert answer[2] == {"detail": "PostgreSQL does not answer; try again"}
    assert auren.ask("/api/events")[0] == 200


def test_it_ends_quickly_when_stopped_and_tells_no_secret(auren: Auren) -> None:
    assert says(auren.api, "id", "-u") == (0, "10001")
    assert "$pass" not in says(auren.api, "sh", "-c", "cat /proc/1/environ /proc/1/cmdline")[1]
    auren.api.stop(timeout=25)
    auren.api.reload()
    assert auren.api.attrs["State"]["ExitCode"] == 0
    assert b"$pass" not in auren.api.logs()


def test_a_wrong_environment_is_told_at_once_and_whole(run: Run) -> None:
    api = run("api", user="10001:10001", environment={"POSTGRES_PORT": "high", "REDIS_PASSWORD_FILE": "/nowhere"})
    assert api.wait(timeout=30)["StatusCode"] != 0
    logs = api.logs().decode()
    for fault in ("POSTGRES_HOST is not set", "POSTGRES_PORT is 'high'", "REDIS_PASSWORD_FILE names /nowhere"):
        assert fault in logs


def test_it_waits_for_a_database_that_starts_later(parts: Auren) -> None:
    parts.start_redis()
    parts.start_api()
    eventually(lambda: parts.verdicts().get("redis") == "ok")
    assert parts.verdicts()["postgres"] != "ok"
    parts.start_postgres()
    eventually(lambda: has_stores(parts))


def test_without_chroma_and_kafka_health_says_so_and_measurements_are_not_accepted(auren: Auren) -> None:
    status, _, health = auren.ask("/health")
    assert (status, health["status"]) == (503, "unavailable")
    assert [name for name, verdict in health["checks"].items() if verdict != "ok"] == ["chroma", "kafka", "consumer"]
    measurement = {"user_id": "athlete-4", "metric": "hrv", "value": 50}
    status, headers, answer = auren.ask("/api/biometrics", post=measurement)
    assert (status, headers["retry-after"], answer["detail"]) == (503, "2", "Kafka does not answer; try again")
    assert auren.ask("/api/biometrics")[2] == []
