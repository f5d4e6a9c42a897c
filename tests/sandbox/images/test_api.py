"""The API stand-in with PostgreSQL and Redis beside it: it truly reads and writes both, and outlives their restarts."""

import json
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container

from tests.sandbox.images.containers import Run, eventually, says

pytestmark = pytest.mark.machine

ENVIRONMENT = {
    "POSTGRES_HOST": "postgres",
    "POSTGRES_DB": "auren",
    "POSTGRES_USER": "auren",
    "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres",
    "REDIS_HOST": "redis",
    "REDIS_PASSWORD_FILE": "/run/secrets/redis",
}


def ask(api: Container, path: str, *, post: Any = None) -> tuple[int, dict[str, str], Any]:
    """Status, headers and the parsed body of a request from inside the API's container; status 0 without an answer."""
    body = [] if post is None else ["-H", "Content-Type: application/json", "-d", json.dumps(post)]
    code, text = says(api, "curl", "-s", "-i", "--max-time", "15", *body, f"http://127.0.0.1:8080{path}")
    if code:
        return 0, {}, None
    head, _, content = text.partition("\r\n\r\n")
    status, *lines = head.splitlines()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(status.split()[1]), headers, json.loads(content)


class Auren:
    """The three services, each started when a test wants it."""

    def __init__(self, run: Run, volume: str, secrets_folder: Path) -> None:
        self._run = run
        self._volume = volume
        self._secrets = secrets_folder
        self._shared = f"{secrets_folder}:/run/secrets:ro"

    def start_postgres(self) -> Container:
        return self._run(
            "postgres",
            user="999:999",
            tmpfs={"/var/run/postgresql": "mode=3777", "/tmp": ""},
            environment={key: ENVIRONMENT[key] for key in ("POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD_FILE")},
            volumes=[self._shared, f"{self._volume}:/var/lib/postgresql/data"],
        )

    def start_redis(self) -> Container:
        password = json.dumps((self._secrets / "redis").read_text().strip())
        (self._secrets / "redis.conf").write_text(f"requirepass {password}\nsave ''\n")
        command = ["redis-server", "/run/secrets/redis.conf"]
        return self._run("redis", user="999:999", command=command, volumes=[self._shared], tmpfs={"/data": "mode=1777"})

    def start_api(self) -> Container:
        return self._run("api", user="10001:10001", volumes=[self._shared], environment=ENVIRONMENT)

    def start_all(self) -> "Auren":
        self.postgres, self.redis, self.api = self.start_postgres(), self.start_redis(), self.start_api()
        eventually(self.is_healthy)
        return self

    def ask(self, path: str, *, post: Any = None) -> tuple[int, dict[str, str], Any]:
        return ask(self.api, path, post=post)

    def is_healthy(self) -> bool:
        return self.ask("/health")[0] == 200


@pytest.fixture
def parts(run: Run, volume: str, secrets_folder: Path) -> Auren:
    return Auren(run, volume, secrets_folder)


@pytest.fixture
def auren(parts: Auren) -> Auren:
    return parts.start_all()


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
    eventually(lambda: auren.ask(path)[0] == 200 and auren.is_healthy())
    eventually(lambda: auren.ask(path)[1]["x-cache"] == "hit")
    assert auren.ask(path)[2] == stored
    assert auren.ask("/api/health")[2] == {"status": "ok", "checks": {"postgres": "ok", "redis": "ok"}}


def test_a_restart_of_postgresql_is_survived(auren: Auren) -> None:
    stored = auren.ask("/api/events", post={"user_id": "athlete-2", "type": "sleep", "value": 7})[2]
    auren.postgres.stop(timeout=30)
    status, _, health = auren.ask("/health")
    assert status == 503
    assert health["checks"]["redis"] == "ok"
    assert health["checks"]["postgres"] != "ok"
    status, headers, _ = auren.ask("/api/events", post={"user_id": "x", "type": "y", "value": 1})
    assert (status, headers["retry-after"]) == (503, "2")

    auren.postgres.start()
    eventually(auren.is_healthy)
    assert auren.ask("/api/events?limit=1")[2] == [stored]


def test_without_redis_health_says_so_and_events_are_served_all_the_same(auren: Auren) -> None:
    auren.redis.stop(timeout=10)
    status, _, health = auren.ask("/health")
    assert status == 503
    assert health["checks"]["postgres"] == "ok"
    assert health["checks"]["redis"] != "ok"
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
    api = parts.start_api()
    eventually(lambda: ask(api, "/health")[0] == 503)
    parts.start_postgres()
    eventually(lambda: ask(api, "/health")[0] == 200)
