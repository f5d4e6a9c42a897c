"""The data of a droplet that scripts have set up moves in: copied while it serves, counted, and taken back."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox import environment, layout
from tests.local import cloud
from tests.local.acknowledged import ENOUGH, STORES, kept, writing
from tests.local.all_services.drift import RIGHT, drift
from tests.local.deployment import DOMAIN, STACK, Deployment
from tests.local.host import Host, wait_for
from tests.local.old_droplet import DATABASE, USER, OldDroplet, old_droplet
from tests.local.one_stack.test_secrets import give

pytestmark = pytest.mark.machine

NAMES = (DOMAIN, f"www.{DOMAIN}")
STORES_THERE = {f"auren-{name}" for name in ("postgres", "redis", "chromadb", "zookeeper", "kafka")}
ACTUAL = "pg_database_collation_actual_version(oid)"
OF_OURS = "FROM pg_database WHERE datname = 'auren'"
SERVICES_THERE = STORES_THERE | {"auren-api", "auren-nginx"}


@pytest.fixture(scope="module")
def old(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OldDroplet]:
    """It has the domain's records."""
    services = ("postgres", "redis", "chromadb", "zookeeper", "kafka", "api", "nginx")
    images = {name: deployment.image(name) for name in services}
    with old_droplet(images, layout.PROJECT / "sql" / "init", tmp_path_factory.mktemp("old")) as droplet:
        for name in NAMES:
            cloud.create_record(name, droplet.address)
        yield droplet


def move_in(old: OldDroplet, command: str, *options: str, status: int = 0) -> str:
    """As an operator calls it; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "auren_infra", "move-in", command, "--stack", STACK]
        + (["--from", old.login] if command != "discard" else [])
        + list(options),
        cwd=layout.PROJECT,
        env=environment.complete(STACK) | old.variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def post(address: str, value: float) -> int:
    """A row, through nginx and the API of the machine with this address; its id."""
    event = {"user_id": "ada", "type": "heart_rate", "value": value}
    answer = httpx.post(f"http://{address}/api/events", headers={"Host": DOMAIN}, json=event, timeout=10)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def read(address: str, event: int) -> float | None:
    answer = httpx.get(f"http://{address}/api/events/{event}", headers={"Host": DOMAIN}, timeout=10)
    return float(answer.json()["value"]) if answer.status_code == 200 else None


@pytest.mark.long(540)
def test_the_data_moves_in_while_somebody_writes_and_can_go_back(deployment: Deployment, old: OldDroplet) -> None:
    give(deployment, "backup-passphrase", "in a drawer", "--secret")
    deployment.configure(movingFrom=old.address, backups=f"spaces://fra1/auren-{STACK}-backups")
    planned = deployment.planned()
    assert {name: planned[name] for name in NAMES} == dict.fromkeys(NAMES, "import")
    deployment.up()
    assert cloud.records(*NAMES) == {name: [old.address] for name in NAMES}, "they are the stack's, as they were"
    assert deployment.planned() == {}
    outputs: dict[str, Any] = deployment.outputs()
    new, address = Host(outputs["droplet"]["id"]), str(outputs["address"])

    sorted_elsewhere(old)
    first = post(old.address, 60.5)
    looked = move_in(old, "look")
    assert "Is stopped with them in the window: auren-api, auren-nginx." in looked
    assert old.running() == SERVICES_THERE

    with writing(old.host, "copied") as acknowledged:
        wait_for(lambda: all(len(acknowledged.names(store)) >= ENOUGH for store in STORES), 60)
        move_in(old, "copy")
        assert old.running() == SERVICES_THERE
        before = {store: len(acknowledged.names(store)) for store in STORES}
        wait_for(lambda: all(len(acknowledged.names(store)) > before[store] for store in STORES), 60)

        fails_in_the_window(old)
        said = move_in(old, "switch", "--yes", status=1)
        assert "The old machine serves again, as before. Nobody was served for " in said
        assert old.running() == SERVICES_THERE
        assert read(old.address, first) == 60.5
        assert cloud.records(*NAMES) == {name: [old.address] for name in NAMES}
        assert drift() == (0, RIGHT)
        works_again(old)

    with writing(old.host, "moved") as more:
        wait_for(lambda: all(len(more.names(store)) >= ENOUGH for store in STORES), 60)
        last = post(old.address, 61.5)
        switched = move_in(old, "switch", "--yes")
    assert re.search(r"Nobody was served for (\d+ min )?\d+ s, from ", switched)
    assert "A full backup of what has moved in is in the bucket." in switched
    assert cloud.records(*NAMES) == {name: [address] for name in NAMES}
    assert old.running() == set()
    assert asked(new, "auren-postgres", "auren", "auren", f"SELECT datcollversion = {ACTUAL} {OF_OURS}") == "t"
    for run, written in {"copied": acknowledged, "moved": more}.items():
        found = kept(new, run)
        assert {store: written.names(store) - found[store] for store in STORES} == {store: set() for store in STORES}, (
            run
        )
    assert [read(address, event) for event in (first, last)] == [60.5, 61.5]
    assert old.host.run("cat", "/root/.ssh/authorized_keys").count("auren-move-in") == 0

    deployment.config.pop("auren:movingFrom")
    assert deployment.planned() == {f"auren-{STACK}": "update"}, "the firewall lets it go to the old machine no more"
    deployment.up()
    assert drift() == (0, RIGHT)
    here = post(address, 62.5)

    returned = move_in(old, "back", "--yes")
    assert "postgres, auren public.events: +1" in returned
    assert old.running() == SERVICES_THERE
    assert cloud.records(*NAMES) == {name: [old.address] for name in NAMES}
    assert [read(old.address, event) for event in (first, last, here)] == [60.5, 61.5, None]
    new.wait_until_healthy(new.containers(), 120)
    move_in(old, "discard", "--yes")
    assert new.run("find", "/mnt/auren-data", "-maxdepth", "1", "-name", "*.before-*", "-o", "-name", "moving-in") == ""


def asked(host: Host, container: str, user: str, database: str, statement: str) -> str:
    return host.run("docker", "exec", container, "psql", "-U", user, "-d", database, "-Atc", statement).strip()


def sorted_elsewhere(old: OldDroplet) -> None:
    """As if another system's C library had sorted the indexes."""
    statement = f"UPDATE pg_database SET datcollversion = '2.1' WHERE datname = '{DATABASE}'"
    asked(old.host, "auren-postgres", USER, DATABASE, statement)


def fails_in_the_window(old: OldDroplet) -> None:
    """rsync there, from when its services are stopped."""
    program = '#!/bin/sh\n[ ! -e /var/lib/auren-move-in/stopped ] || exit 5\nexec /usr/bin/rsync "$@"\n'
    old.host.run("sh", "-c", "cat >/usr/local/bin/rsync && chmod +x /usr/local/bin/rsync", stdin=program)


def works_again(old: OldDroplet) -> None:
    old.host.run("rm", "/usr/local/bin/rsync")
