"""Backups and copies in the bucket: made, tried, and restored, in place and on a machine that has nothing."""

import gzip
import json
import shlex
import tarfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from auren_infra.files import paths
from sandbox import layout
from sandbox.registry import without_tag
from tests.local import cloud
from tests.local.acknowledged import ENOUGH, STORES, WRITE_SECONDS, kept, writing
from tests.local.biometrics import post_biometric, read_biometric
from tests.local.deployment import DROPLET, STACK, Deployment, UpdateFailedError, called
from tests.local.events import post_event, read_event
from tests.local.host import Host
from tests.local.one_stack.test_secrets import give, take

pytestmark = pytest.mark.machine

Outputs = dict[str, Any]
CAUGHT_UP_WITHIN = 120
BACKUPS = f"spaces://fra1/auren-{STACK}-backups"


@pytest.fixture(scope="module", autouse=True)
def backed_up(deployment: Deployment, first_up: str) -> Iterator[None]:
    """The stack as it is, with backups."""
    give(deployment, "backup-passphrase", "in a drawer", "--secret")
    deployment.configure(backups=BACKUPS)
    deployment.up()
    yield
    deployment.configure(backups=None)
    take(deployment, "backup-passphrase")
    deployment.up()


def asked(command: str, *arguments: str, status: int = 0) -> str:
    done = called(command, *arguments, timeout=600)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def moment() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stored(host: Host, *events: int) -> dict[int, float]:
    """Those of the events that PostgreSQL has. The API may have others in its cache."""
    said = asked_database(host, f"SELECT id, value FROM events WHERE id IN ({', '.join(map(str, events))})")
    return {int(event): float(value) for event, value in (line.split("|") for line in said.splitlines())}


def asked_database(host: Host, statement: str) -> str:
    return host.run("docker", "exec", "auren-postgres", "psql", "-U", "auren", "-d", "auren", "-Atc", statement)


def log_arrives(host: Host) -> None:
    """All that was written so far is in the bucket."""
    asked_database(host, "SELECT pg_switch_wal()")
    host.run("docker", "exec", "auren-postgres", "pgbackrest", "check", seconds=120)


def test_an_update_ends_with_a_backup_in_the_bucket(host: Host) -> None:
    (stanza,) = json.loads(host.run("auren-backup", "list"))
    assert stanza["status"]["code"] == 0
    assert [backup["type"] for backup in stanza["backup"]] == ["full"]
    copied = [line.split("\t") for line in host.run("auren-backup", "copies").splitlines()]
    assert [volume for _, volume, _, size in copied if int(size) > 0] == [
        *("kafka-data", "zookeeper-data", "zookeeper-log", "chromadb-data", "redis-data")
    ]
    assert host.run("auren-backup", "archives").startswith("machine\treleases\t2")
    timers = host.run("systemctl", "list-timers", "--output", "json")
    assert {"auren-backup.timer", "auren-drill.timer", "auren-sentinel.timer"} <= {
        each["unit"] for each in json.loads(timers)
    }
    assert called("drift", timeout=300).stdout == "The machine is what was deployed.\n"


def test_a_drill_restores_the_newest_backup_beside_the_database(outputs: Outputs, host: Host) -> None:
    event = post_event(outputs, 71.5)
    before = host.container_id("auren-postgres")
    assert "The drill was good: " in asked("backup", "drill")
    found = json.loads(host.run("cat", paths.DRILLS[1]))
    assert found["rows"] > 0
    assert found["ageSeconds"] < 180
    assert host.container_id("auren-postgres") == before
    assert read_event(outputs, event) == 71.5
    assert host.run("find", paths.DATA, "-maxdepth", "1", "-name", "*drill*") == ""
    host.wait_until_healthy(host.containers(), 60)  # the one whose memory it had, too
    asked("backup", "check")


def test_the_rehearsals_drawer_is_not_complete() -> None:
    """Its state and its settings are on this machine alone, and nobody types its passphrase here."""
    found = asked("backup", "drawer", status=1).partition("By hand:")[0].splitlines()
    assert [line.partition(" is ")[0] for line in found] == [
        "The state",
        f"Pulumi.{STACK}.yaml",
        "What was typed",
    ]


def copies(host: Host, volume: str) -> list[str]:
    """When they were made."""
    told = [line.split("\t") for line in host.run("auren-backup", "copies").splitlines()]
    return [moment for _, name, moment, _ in told if name == volume]


@pytest.mark.long(90)
def test_a_store_is_copied_before_its_container_changes(deployment: Deployment, host: Host) -> None:
    before = {volume: copies(host, volume) for volume in ("redis-data", "kafka-data")}
    image = deployment.image("redis")
    time.sleep(61)
    deployment.use_image("redis", without_tag(image))
    deployment.configure(freshBackupMinutes=1)
    try:
        printed = deployment.up()
    finally:
        deployment.use_image("redis", image)
        deployment.configure(freshBackupMinutes=None)
    assert "redis-data: a copy of " in printed
    *earlier, made = copies(host, "redis-data")
    assert earlier == before["redis-data"]
    assert made < host.started_at("auren-redis")
    assert copies(host, "kafka-data") == before["kafka-data"], "Kafka does not change"
    deployment.up()
    assert copies(host, "redis-data") == [*earlier, made], "it is not an hour old"


@pytest.mark.long(100)
def test_a_restore_in_place_brings_a_moment_back_and_keeps_what_it_replaces(outputs: Outputs, host: Host) -> None:
    kept = post_event(outputs, 72.5)
    time.sleep(1)
    then = moment()
    time.sleep(1)
    lost = post_event(outputs, 73.5)
    log_arrives(host)
    asked("restore", "--to", then, "--yes")
    assert stored(host, kept, lost) == {kept: 72.5}
    assert read_event(outputs, post_event(outputs, 74.5)) == 74.5
    (aside,) = asked("restore", "kept").split()[:1]
    assert "The drill was good: " in asked("backup", "drill"), "the new timeline can be restored as well"
    asked("restore", "discard", aside)
    assert asked("restore", "kept").strip() == ""


@pytest.mark.long(40)
def test_a_log_of_nginx_and_the_releases_are_fetched_from_the_bucket(
    outputs: Outputs, host: Host, tmp_path: Path
) -> None:
    read_event(outputs, post_event(outputs, 71.25))
    host.run("logrotate", "--force", "/etc/logrotate.d/auren-nginx")
    asked("backup", "now")
    asked("backup", "fetch", "logs", str(tmp_path))
    asked("backup", "fetch", "releases", str(tmp_path))
    logs = [gzip.decompress(path.read_bytes()).decode() for path in tmp_path.glob("access.log-*.gz")]
    assert any('"/api/events' in log for log in logs)
    (releases,) = tmp_path.glob("releases-*.tar.gz")
    with tarfile.open(releases) as archive:
        names = archive.getnames()
    current = host.run("readlink", f"{paths.SERVICES}/postgres/current").strip()
    assert f"services/postgres/{current}/compose.yml" in names
    assert not [name for name in names if "secrets" in name.split("/")]
    asked("backup", "check")


def asked_redis(host: Host, *words: str) -> str:
    ask = 'REDISCLI_AUTH=$(cat /run/secrets/redis_password) exec redis-cli "$@"'
    return host.run("docker", "exec", "auren-redis", "sh", "-c", ask, "redis-cli", *words).strip()


@pytest.mark.long(50)
def test_a_store_alone_comes_back_from_its_copy(outputs: Outputs, host: Host) -> None:
    """Redis, then Kafka with ZooKeeper; PostgreSQL is not touched."""
    event = post_event(outputs, 79.5)
    asked_redis(host, "set", "of-the-test", "copied")
    asked("backup", "now")
    asked_redis(host, "set", "of-the-test", "spoilt")
    assert "Comes back: the volume redis-data, " in asked("restore", "--to", "latest", "--only", "redis", "--yes")
    assert asked_redis(host, "get", "of-the-test") == "copied"
    asked("restore", "--to", "latest", "--only", "kafka", "--yes")
    host.wait_until_healthy(host.containers(), 120)
    measured = post_biometric(outputs["address"], "somebody", "heart_rate", 70)
    assert read_biometric(outputs["address"], measured, within=CAUGHT_UP_WITHIN)["classification"] == "normal"
    assert stored(host, event) == {event: 79.5}
    kept = [line.split()[0] for line in asked("restore", "kept").splitlines()]
    assert [name.partition(".")[0] for name in kept] == ["kafka-data", "redis-data", "zookeeper-data", "zookeeper-log"]
    for name in kept:
        asked("restore", "discard", name)
    assert called("drift", timeout=300).stdout == "The machine is what was deployed.\n"


@pytest.mark.long(110)
def test_what_a_thief_deletes_with_the_machines_key_is_restored(outputs: Outputs, host: Host) -> None:
    event = post_event(outputs, 77.5)
    time.sleep(1)
    then = moment()
    time.sleep(1)
    post_event(outputs, 78.5)
    log_arrives(host)
    before_the_theft = moment()
    time.sleep(1)
    for directory in ("archive", "backup", "volumes"):
        host.run("docker", "exec", "auren-postgres", "pgbackrest", "repo-rm", "--recurse", directory)
    assert "The bucket holds nothing of this database" in asked("backup", "check", status=1)
    assert " full " in asked("backup", "list", "--as-of", before_the_theft)
    asked("restore", "--to", then, "--as-of", before_the_theft, "--yes")
    assert stored(host, event) == {event: 77.5}
    assert "There is no copy of redis-data in the bucket." in asked("backup", "check", status=1)
    past = ["--repo=1", f"--repo-target-time={before_the_theft.replace('T', ' ').replace('Z', '+00')}"]
    inside = ["docker", "exec", "auren-postgres"]
    (name, *_) = host.run(*inside, "pgbackrest", "repo-ls", "volumes/redis-data", *past).split()
    get = shlex.join([*inside, "bash", "/etc/auren/postgres-restore.sh", "get", f"volumes/redis-data/{name}", *past])
    assert host.run("sh", "-c", f"{get} | sha256sum").split()[0] in name, "`auren:restore` reads it so"
    asked("backup", "now")
    assert "The drill was good: " in asked("backup", "drill")
    assert asked("backup", "check", status=1).startswith("The bucket has lost what it had and should still have: ")
    host.run("rm", f"{paths.BACKUPS}/held")
    asked("backup", "check")
    (aside,) = asked("restore", "kept").split()[:1]
    asked("restore", "discard", aside)


def backups(host: Host) -> list[dict[str, Any]]:
    """The oldest first."""
    (stanza,) = json.loads(host.run("auren-backup", "list"))
    return stanza["backup"]


@pytest.mark.long(200)
def test_a_backup_whose_log_was_removed_is_restored_as_it_was_when_it_ended(outputs: Outputs, host: Host) -> None:
    """That is how one is that is kept for a month."""
    kept = post_event(outputs, 80.5)
    asked("backup", "now", "--full")
    ended = datetime.fromtimestamp(backups(host)[-1]["timestamp"]["stop"], UTC)
    lost = post_event(outputs, 81.5)
    asked("backup", "now")
    later = backups(host)[-1]["label"]
    time.sleep(1)
    between = moment()
    for _ in range(2):
        asked("backup", "now", "--full")
    remove = ["docker", "exec", "auren-postgres", "pgbackrest", "expire"]
    host.run(*remove, f"--set={later}")
    host.run(*remove, "--repo1-retention-archive=1")
    said = asked("restore", "--to", between, "--yes", status=1)
    assert f"The last one before it is {ended:%Y-%m-%dT%H:%M:%SZ}" in said
    asked("restore", "--to", f"{ended:%Y-%m-%dT%H:%M:%SZ}", "--yes")
    assert stored(host, kept, lost) == {kept: 80.5}
    (aside,) = asked("restore", "kept").split()[:1]
    asked("restore", "discard", aside)
    host.run("rm", f"{paths.BACKUPS}/held")  # the one that was removed here by hand is missed
    assert "The drill was good: " in asked("backup", "drill")
    asked("backup", "check")


@pytest.mark.long(60)
def test_a_bucket_that_is_away_stops_no_service_and_loses_nothing(outputs: Outputs, host: Host) -> None:
    """Every request to Spaces is answered with 503."""
    control = f"http://{layout.API_ADDRESS}:{layout.API_PORT}/_sandbox/faults"
    fault = {"path": r"digitaloceanspaces\.com/", "status": 503, "times": 1000}
    assert httpx.post(control, json=fault, timeout=5).is_success
    try:
        event = post_event(outputs, 90)
        assert read_event(outputs, event) == 90
        ended = asked_database(host, "SELECT pg_walfile_name(pg_switch_wal())")
        time.sleep(10)
        assert ended not in asked_database(host, "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver")
    finally:
        assert httpx.delete(control, timeout=5).is_success
    log_arrives(host)
    asked("backup", "check")


@pytest.mark.long(60)
def test_a_page_that_is_damaged_on_the_disk_is_told_after_the_next_backup(host: Host) -> None:
    """A disk that returns other bytes than were written. PostgreSQL itself notices it only when somebody reads them."""
    # Without a vacuum, nobody writes the page again.
    options = "WITH (autovacuum_enabled = off)"
    asked_database(host, f"CREATE TABLE damaged {options} AS SELECT generate_series(1, 10000) AS number")
    asked_database(host, "CHECKPOINT")
    path = asked_database(host, "SELECT current_setting('data_directory') || '/' || pg_relation_filepath('damaged')")
    overwrite = f"printf damaged | dd of={path.strip()} bs=1 seek=8292 conv=notrunc && sync"
    host.run("docker", "exec", "auren-postgres", "sh", "-c", overwrite)
    asked("backup", "now", "--full")
    assert "holds damaged pages" in asked("backup", "check", status=1)
    asked_database(host, "DROP TABLE damaged")
    asked("backup", "now", "--full")
    asked("backup", "check")


@pytest.mark.long(430)
@pytest.mark.parametrize("lost", ["droplet and volume", "volume"])
def test_the_data_is_lost_while_everybody_writes_and_the_stores_are_back(deployment: Deployment, lost: str) -> None:
    """PostgreSQL up to the last minute, the others as they were when they were copied. Nothing starts empty."""
    before = deployment.outputs()
    droplet, host = before["droplet"]["id"], Host(before["droplet"]["id"])
    run = lost.replace(" ", "-")
    with writing(host, run) as written:
        time.sleep(WRITE_SECONDS)
        copied = time.time()
        asked("backup", "now")
    counts = {store: len(written.names(store, before=copied)) for store in STORES}
    assert min(counts.values()) >= ENOUGH, counts
    event = post_event(before, 75.5)
    log_arrives(host)
    volume = before["volumes"][0]["id"]
    if lost == "volume":
        cloud.detach(volume, droplet)
    else:
        cloud.delete(droplet)
    cloud.delete_volume(volume)
    with pytest.raises(UpdateFailedError, match="auren:restore"):
        deployment.up("--refresh")
    deployment.configure(restore="latest")
    deployment.up(*(["--refresh", "--replace", deployment.urn(DROPLET)] if lost == "volume" else []))
    after = deployment.outputs()
    found = kept(Host(after["droplet"]["id"]), run)
    missing = {store: written.names(store, before=copied) - found[store] for store in STORES}
    missing["postgres"] = written.names("postgres") - found["postgres"]
    assert {store: len(names) for store, names in missing.items() if names} == {}, counts
    assert read_event(after, event) == 75.5
    assert read_event(after, post_event(after, 76.5)) == 76.5
    last = post_biometric(after["address"], run, "heart_rate", 70)
    assert read_biometric(after["address"], last, within=CAUGHT_UP_WITHIN)["classification"] == "normal"
    assert "The drill was good: " in asked("backup", "drill")
    asked("backup", "check")
    deployment.configure(restore=None)
    deployment.up()
    assert called("drift", timeout=300).stdout == "The machine is what was deployed.\n"
