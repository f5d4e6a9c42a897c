"""What auren-backup archives of the machine: the releases without their secrets, and each rotated log of nginx once."""

import base64
import gzip
import os
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.unit.host.bench import Bench
from tests.unit.host.database_machine import HISTORY, RELEASE, SERVICES, fails, listed, set_up

LOGS = "/mnt/auren-data/nginx-logs"
DAY = timedelta(days=1)


@pytest.fixture
def machine(bench: Bench) -> Bench:
    machine = set_up(bench)
    listed(machine, "info.after", [("20261127-010000F", 1795741200, 1), ("20261127-020000F", 1795744800, 1)])
    for secret in (f"{SERVICES}/secrets/key.0", f"{SERVICES}/releases/{RELEASE}/secrets/key"):
        machine.path(secret).parent.mkdir()
        machine.path(secret).write_text("hunter2")
    machine.path(HISTORY).write_text("of deployments\n")
    machine.path(LOGS).mkdir()
    machine.path(f"{LOGS}/access.log").write_text("of today\n")
    log(machine, "access.log.1", b"of yesterday\n", DAY)
    log(machine, "access.log.2.gz", gzip.compress(b"of the day before\n"), 2 * DAY)
    log(machine, "error.log.1", b"a fault\n", DAY)
    return machine


def log(machine: Bench, name: str, content: bytes, ago: timedelta) -> Path:
    """It was written last so long ago."""
    path = machine.path(f"{LOGS}/{name}")
    path.write_bytes(content)
    then = (datetime.now(UTC) - ago).timestamp()
    os.utime(path, (then, then))
    return path


def backup(machine: Bench, *arguments: str) -> CompletedProcess[str]:
    return machine.run("backup", *arguments)


def another_day(machine: Bench) -> None:
    """Of the database there is no other backup here, which is told. Everything else goes on."""
    done = backup(machine, "run")
    assert done.stderr == "A backup was made, but the bucket does not list it.\n"


def objects(machine: Bench, name: str) -> list[Path]:
    """The oldest first."""
    return sorted(machine.path(f"/state/bucket/machine/{name}").glob("*"))


def test_the_releases_are_archived_without_their_secrets(machine: Bench) -> None:
    done = backup(machine, "run")
    assert (done.returncode, done.stderr) == (0, "")
    (made,) = objects(machine, "releases")
    with tarfile.open(made) as archive:
        names = archive.getnames()
        assert all(b"hunter2" not in opened.read() for one in archive if (opened := archive.extractfile(one)))
    assert {"services/postgres/current", f"services/postgres/releases/{RELEASE}/files/pgbackrest.conf", "history"} <= {
        *names
    }
    assert not machine.path("/mnt/auren-data/backup-copy").exists()


def test_each_rotated_log_is_archived_once_whatever_its_name_is_by_then(machine: Bench) -> None:
    backup(machine, "run")
    assert [gzip.decompress(path.read_bytes()) for path in objects(machine, "access.log")] == [
        b"of the day before\n",
        b"of yesterday\n",
    ]
    machine.path(f"{LOGS}/access.log.2.gz").rename(machine.path(f"{LOGS}/access.log.3.gz"))
    yesterday = machine.path(f"{LOGS}/access.log.1")
    written, compressed = yesterday.stat().st_mtime, yesterday.with_name("access.log.2.gz")
    compressed.write_bytes(gzip.compress(yesterday.read_bytes()))
    os.utime(compressed, (written, written))
    log(machine, "access.log.1", b"of today\n", timedelta(0))
    another_day(machine)
    assert [gzip.decompress(path.read_bytes()) for path in objects(machine, "access.log")] == [
        b"of the day before\n",
        b"of yesterday\n",
        b"of today\n",
    ]
    assert len(objects(machine, "error.log")) == 1


def test_a_log_that_is_being_compressed_is_archived_the_next_time(machine: Bench) -> None:
    log(machine, "access.log.3.gz", gzip.compress(b"of three days ago\n")[:-3], timedelta(0))
    assert backup(machine, "run").returncode == 0
    assert len(objects(machine, "access.log")) == 2


def test_archives_go_when_they_are_too_old_and_such_logs_are_not_sent(machine: Bench) -> None:
    backup(machine, "run")
    old = f"{datetime.now(UTC) - 31 * DAY:%Y%m%dT%H%M%SZ}"
    for name in ("releases", "error.log"):
        (made,) = objects(machine, name)
        made.rename(made.with_name(f"{old}-{made.name.partition('-')[2]}"))
    log(machine, "error.log.2", b"an old fault\n", 31 * DAY)
    another_day(machine)
    for name in ("releases", "error.log"):
        (made,) = objects(machine, name)
        assert not made.name.startswith(old)


def test_what_cannot_be_archived_is_told_and_keeps_nothing_else_from_it(machine: Bench) -> None:
    machine.stub("tar", "echo 'tar: an error of the disk' >&2; exit 2")
    done = backup(machine, "run")
    assert done.returncode == 1
    assert done.stderr == "The releases cannot be read: tar: an error of the disk\n"
    assert len(objects(machine, "access.log")) == 2
    fails(machine, "repo-put", "[HostConnectError] on 7 retries")
    log(machine, "access.log.1", b"of today\n", timedelta(0))
    assert "No archive of access.log was made. The bucket cannot be reached" in backup(machine, "run").stderr


def test_the_first_backups_have_an_archive(machine: Bench) -> None:
    for _ in range(2):
        assert backup(machine, "ready").returncode == 0
        assert len(objects(machine, "releases")) == 1


def test_archives_are_told_and_fetched(machine: Bench) -> None:
    assert backup(machine, "archives").stdout == "machine\treleases\n"
    backup(machine, "run")
    lines = [line.split("\t") for line in backup(machine, "archives").stdout.splitlines()]
    assert [(kind, name) for kind, name, *_ in lines] == [
        *(("machine", "access.log"), ("machine", "access.log"), ("machine", "error.log"), ("machine", "releases"))
    ]
    _, name, time, size = lines[1]
    done = backup(machine, "fetch", name, time)
    assert (done.returncode, done.stderr) == (0, "")
    fetched = base64.b64decode(done.stdout)
    assert len(fetched) == int(size)
    assert gzip.decompress(fetched) == b"of yesterday\n"
    past = backup(machine, "fetch", name, time, "--as-of", "2026-11-27T01:00:00Z")
    assert past.returncode == 0
    asked = [call for call in machine.calls("docker exec") if "--repo-target-time=2026-11-27 01:00:00+00" in call]
    assert len(asked) == 2, "for the list, and for the object"
    assert backup(machine, "fetch", name, "2026-11-20T00:00:00Z").stderr == (
        "The bucket has no archive of access.log of 2026-11-20T00:00:00Z.\n"
    )
    made = objects(machine, name)[1]
    made.write_bytes(bytes(reversed(made.read_bytes())))
    done = backup(machine, "fetch", name, time)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"The archive of access.log of {time} in the bucket is damaged.\n"
