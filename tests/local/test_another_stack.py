"""A stack whose database comes from the backups of another one, with the data of its people made anonymous."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from auren_infra.files import paths
from sandbox import pulumi_stack
from sandbox.clouds.spaces.regions import endpoint
from tests.local.buckets import HandMade, made_by_hand
from tests.local.deployment import DROPLET, STACK, Deployment, UpdateFailedError, called
from tests.local.events import post_event, read_event
from tests.local.host import Host
from tests.local.one_stack.test_backups import asked, asked_database, asked_redis, log_arrives
from tests.local.one_stack.test_secrets import give, take

pytestmark = pytest.mark.machine

REGION = "ams3"
PEOPLE = ("Ada Lovelace", "Grace Hopper")
OWN_SECRETS = ("backup-passphrase", "backup-key-id", "backup-key-secret")
VOLUME = f"{paths.DATA}/postgres_data"


@pytest.fixture(scope="module")
def origin(cloud: None) -> Iterator[HandMade]:
    """The bucket of the first stack. It outlives it."""
    with made_by_hand("of-production", REGION) as bucket:
        bucket.keep_versions()
        yield bucket


def host_of_now() -> Host:
    """Also after an update that failed, and has no outputs."""
    (droplet,) = (one["id"] for one in pulumi_stack.resources(STACK) if one["type"] == DROPLET)
    return Host(str(droplet))


def names_in_files(host: Host) -> list[str]:
    """The files of the database that hold the name of one of the people."""
    return host.run("grep", "-rlaE", "|".join(PEOPLE), VOLUME, check=False).splitlines()


@pytest.mark.long(600)
def test_a_stack_is_filled_from_anothers_backups_and_knows_nobody(
    deployment: Deployment, origin: HandMade, tmp_path: Path
) -> None:
    there = f"s3://{endpoint(REGION)}/{REGION}/{origin.name}"
    deployment.configure(backups=there)
    for name, value in zip(OWN_SECRETS, ("theirs", origin.key["access_key"], origin.key["secret_key"]), strict=True):
        give(deployment, name, value, "--secret")
    deployment.up()
    first = host_of_now()
    event = post_event(deployment.outputs(), 81.5)
    asked_database(first, "CREATE TABLE people (id integer PRIMARY KEY, name text)")
    asked_database(first, f"INSERT INTO people VALUES (1, '{PEOPLE[0]}')")
    asked_database(first, "CREATE ROLE reader LOGIN PASSWORD 'of production'")
    asked_redis(first, "set", "of-the-first", PEOPLE[0])
    asked("backup", "now")
    asked_database(first, f"INSERT INTO people VALUES (2, '{PEOPLE[1]}')")
    asked_database(first, "ANALYZE people")
    log_arrives(first)
    assert names_in_files(first), "or the search would find nothing in any case"
    deployment.destroy()
    held = origin.objects()

    for name in OWN_SECRETS[1:]:
        take(deployment, name)
    give(deployment, "backup-passphrase", "of its own", "--secret")
    give(deployment, "restore-passphrase", "theirs", "--secret")
    deployment.configure(
        backups=f"spaces://fra1/auren-{STACK}-second",
        restoreFrom=f"spaces://{REGION}/{origin.name}",
        restore="latest",
        sqlAnonymise=str(tmp_path),
    )
    with pytest.raises(UpdateFailedError, match="would bring the data of people here as it is"):
        deployment.up()
    people, more = tmp_path / "10-people.sql", tmp_path / "20-more.sql"
    people.write_text("UPDATE people SET name = 'somebody ' || id;\n")
    more.write_text("DELETE FROM nowhere;\n")
    with pytest.raises(UpdateFailedError) as failed:
        deployment.up()
    assert re.search(r"20-more\.sql of auren:sqlAnonymise failed: .*nowhere. does not exist", str(failed.value))
    host = host_of_now()
    assert host.run("docker", "ps", "--all", "--quiet") == "", "no service runs"
    assert host.run("ls", "-A", VOLUME).split() == [".restored"]
    more.write_text("DELETE FROM people WHERE id = 2;\n")
    deployment.up()

    assert asked_database(host, "SELECT id, name FROM people") == "1|somebody 1\n"
    assert names_in_files(host) == []
    assert asked_database(host, "SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = 'reader'") == "t\n"
    assert asked_redis(host, "exists", "of-the-first") == "0"
    outputs = deployment.outputs()
    assert read_event(outputs, event) == 81.5
    assert read_event(outputs, post_event(outputs, 82.5)) == 82.5
    assert "The drill was good: " in asked("backup", "drill")
    assert asked("backup", "check").startswith("The backups are good. There are 1 in the bucket.")
    asked("restore", "--to", "latest", "--yes")
    assert host.run("cat", f"{VOLUME}/.restored-from").endswith(f"repo1-s3-bucket={origin.name}\n")
    assert "The drill was good: " in asked("backup", "drill"), "of the timeline that it began by itself"
    asked("backup", "check")
    assert called("drift", timeout=300).stdout == "The machine is what was deployed.\n"
    assert origin.objects() == held, "the first one's bucket is only read"

    take(deployment, "restore-passphrase")
    deployment.configure(restoreFrom=None, restore=None, sqlAnonymise=None, backups=there)
    for name, value in zip(OWN_SECRETS, ("theirs", origin.key["access_key"], origin.key["secret_key"]), strict=True):
        give(deployment, name, value, "--secret")
    running = host.container_id("auren-postgres")
    with pytest.raises(UpdateFailedError, match="was restored from another stack's backups"):
        deployment.up()
    assert host.container_id("auren-postgres") == running
    assert origin.objects() == held
    deployment.configure(backups=None)
    for name in OWN_SECRETS:
        take(deployment, name)
    deployment.up()
    assert host.run("sh", "-c", "command -v auren-backup || echo none") == "none\n"
    assert called("drift", timeout=300).stdout == "The machine is what was deployed.\n"
