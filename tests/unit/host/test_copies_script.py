"""What auren-backup does with the stores beside PostgreSQL: copied whole, listed, tried, and brought back."""

import contextlib
import json
import sqlite3
import tarfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.unit.host.bench import Bench
from tests.unit.host.database_machine import (
    CONFIGURATION,
    DOCKER,
    MEMORY,
    RELEASE,
    SERVICES,
    STORES,
    VOLUME,
    content,
    fails,
    kept,
    listed,
    set_up,
)

DATA = "/mnt/auren-data"
AOF = "appendonlydir/appendonly.aof"


@pytest.fixture
def machine(bench: Bench) -> Bench:
    machine = set_up(bench, STORES)
    listed(machine, "info.after", [("20261127-010000F", 1795741200, 1), ("20261127-020000F", 1795744800, 1)])
    machine.path(f"{DATA}/zookeeper-data/snapshot.0").write_text("books")
    machine.path(f"{DATA}/kafka-data/.kafka_cleanshutdown").touch()
    machine.path(f"{DATA}/kafka-data/lost+found").mkdir()
    machine.path(f"{DATA}/kafka-data/biometric.events-0").mkdir()
    machine.path(f"{DATA}/kafka-data/biometric.events-0/0.log").write_text("events")
    machine.path(f"{DATA}/redis-data/dump.rdb").write_text("old\n")
    with contextlib.closing(sqlite3.connect(machine.path(f"{DATA}/chromadb-data/chroma.sqlite3"))) as database:
        database.execute("CREATE TABLE t (n)")
        database.execute("INSERT INTO t VALUES (7)")
        database.commit()
    machine.path(f"{DATA}/chromadb-data/chroma.sqlite3-journal").write_text("half")
    return machine


def _backup(machine: Bench, *arguments: str) -> CompletedProcess[str]:
    return machine.run("backup", *arguments)


def _objects(machine: Bench, volume: str) -> list[Path]:
    return sorted(machine.path(f"/state/bucket/volumes/{volume}").glob("*"))


def _unpacked(machine: Bench, volume: str, into: Path) -> Path:
    with tarfile.open(_objects(machine, volume)[-1]) as archive:
        archive.extractall(into, filter="fully_trusted")
    return into


def _older(machine: Bench, volume: str, days: int) -> Path:
    """The newest copy was made so many days ago."""
    (made,) = _objects(machine, volume)
    then = datetime.now(UTC) - timedelta(days=days)
    return made.rename(made.with_name(f"{then:%Y%m%dT%H%M%SZ}-{made.name.partition('-')[2]}"))


def test_each_store_is_copied_as_it_can_be_read_again(machine: Bench, tmp_path: Path) -> None:
    done = _backup(machine, "run")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.partition(":")[0] for line in done.stdout.splitlines()[1:]] == [
        *(volume for _, volume, _ in STORES),
        "releases",
    ]
    assert content(_unpacked(machine, "redis-data", tmp_path / "redis")) == {
        f"{AOF}.1.base.rdb": "saved\n",
        f"{AOF}.manifest": "file appendonly.aof.1.base.rdb seq 1 type b\n",
    }
    assert content(_unpacked(machine, "kafka-data", tmp_path / "kafka")) == {"biometric.events-0/0.log": "events"}
    chroma = _unpacked(machine, "chromadb-data", tmp_path / "chroma")
    assert [path.name for path in chroma.iterdir()] == ["chroma.sqlite3"], "its journal is not the copy's"
    with contextlib.closing(sqlite3.connect(chroma / "chroma.sqlite3")) as database:
        assert database.execute("SELECT n FROM t").fetchall() == [(7,)]
    assert not machine.path(f"{DATA}/backup-copy").exists()


def test_a_database_that_cannot_be_backed_up_does_not_keep_the_others_from_it(machine: Bench) -> None:
    fails(machine, "backup", "[HostConnectError] on 7 retries")
    fails(machine, "BGSAVE", "ERR Can't save in background: fork")
    done = _backup(machine, "run")
    assert done.returncode == 1
    assert "No backup was made. " in done.stderr
    assert "Redis does not save its data: ERR Can't save in background: fork\n" in done.stderr
    assert _objects(machine, "redis-data") == []
    assert len(_objects(machine, "kafka-data")) == 1


def test_a_redis_that_does_not_run_is_copied_as_it_is(machine: Bench, tmp_path: Path) -> None:
    machine.state("no-redis", "")
    assert _backup(machine, "run").returncode == 0
    assert content(_unpacked(machine, "redis-data", tmp_path / "redis")) == {"dump.rdb": "old\n"}


def test_a_redis_that_is_saving_already_is_asked_again(machine: Bench) -> None:
    """What it saves then may be from before."""
    machine.state("busy", "")
    assert _backup(machine, "run").returncode == 0
    assert len(machine.calls("docker exec auren-redis sh -c")) == 2


def test_what_was_saved_before_is_no_copy(machine: Bench) -> None:
    """Redis ended while it saved."""
    machine.stub("docker", DOCKER.replace("echo saved >", "true ").replace("touch -d", "true"))
    text = machine.text("backup").replace("save_patience=300", "save_patience=0")
    done = machine.run("backup", "run", text=text)
    assert "Redis has not saved its data. See: docker logs auren-redis\n" in done.stderr
    assert _objects(machine, "redis-data") == []


def test_a_copy_that_was_cut_while_it_was_sent_is_none(machine: Bench) -> None:
    assert _backup(machine, "run").returncode == 0
    (made,) = _objects(machine, "redis-data")
    made.write_bytes(made.read_bytes()[:-20])
    assert "redis\tredis-data\n" in _backup(machine, "copies").stdout


def test_a_database_that_is_not_there_is_no_good_copy(machine: Bench) -> None:
    machine.path(f"{DATA}/chromadb-data/chroma.sqlite3").unlink()
    done = _backup(machine, "run")
    assert (done.returncode, _objects(machine, "chromadb-data")) == (1, [])
    assert "chromadb has no database in /mnt/auren-data/chromadb-data.\n" in done.stderr


def test_a_copy_that_does_not_arrive_is_none(machine: Bench) -> None:
    fails(machine, "repo-put", "ERROR: [039]: <Code>InvalidAccessKeyId</Code>")
    done = _backup(machine, "run")
    assert done.returncode == 1
    for _, volume, _ in STORES:
        assert f"No copy of {volume} was made. The bucket refuses the key of this machine." in done.stderr


def test_a_copy_that_does_not_fit_the_disk_is_not_begun(machine: Bench) -> None:
    machine.stub("df", "echo Avail; echo 409600")
    done = _backup(machine, "run")
    assert (
        "A copy of redis-data needs 612 MB on the data disk, which has 400 MB. Give it a larger volume." in done.stderr
    )
    assert machine.calls("docker exec auren-redis") == []


def test_copies_that_are_too_old_go_and_the_others_stay(machine: Bench) -> None:
    for days, copies in ((31, 2), (29, 3)):
        _backup(machine, "run")
        _older(machine, "redis-data", 50)
        _backup(machine, "run")
        (_, made) = _objects(machine, "redis-data")
        then = datetime.now(UTC) - timedelta(days=days)
        made.rename(made.with_name(f"{then:%Y%m%dT%H%M%SZ}-{made.name.partition('-')[2]}"))
        _backup(machine, "run")
        assert len(_objects(machine, "redis-data")) == copies
        for path in _objects(machine, "redis-data"):
            path.unlink()


@pytest.mark.parametrize("text", ["", "0 0 0", "30 8", "thirty 0 0"])
def test_without_a_retention_nothing_is_removed(machine: Bench, text: str) -> None:
    _backup(machine, "run")
    _older(machine, "kafka-data", 400)
    machine.path("/usr/local/lib/auren/retention").write_text(f"{text}\n")
    assert "does not say for how long backups are kept. Run pulumi up." in _backup(machine, "run").stderr
    assert len(_objects(machine, "kafka-data")) == 2


@pytest.mark.parametrize(("days", "weeks", "months"), [(30, 8, 12), (7, 3, 2)])
def test_a_copy_of_each_week_and_month_is_kept(machine: Bench, days: int, weeks: int, months: int) -> None:
    machine.path("/usr/local/lib/auren/retention").write_text(f"{days} {weeks} {months}\n")
    _backup(machine, "run")
    (made,) = _objects(machine, "kafka-data")
    (other,) = _objects(machine, "zookeeper-data")
    now = datetime.now(UTC)
    moments = [now - timedelta(days=day, minutes=5) for day in range(1, 100)]
    half = moments[10]
    for moment in moments:
        for path in (made, other) if moment != half else (made,):
            path.with_name(f"{moment:%Y%m%dT%H%M%SZ}-{path.name.partition('-')[2]}").write_bytes(path.read_bytes())
    done = _backup(machine, "run")
    assert "redis-data: a copy of " in done.stdout
    left = {path.name.partition("-")[0] for path in _objects(machine, "kafka-data")}
    assert {f"{moment:%Y%m%dT%H%M%SZ}" for moment in moments} & left == {
        f"{moment:%Y%m%dT%H%M%SZ}"
        for moment in kept([one for one in moments if one != half], now, days, weeks, months)
        | {one for one in (half,) if half > now - timedelta(days=days)}
    }


def test_an_update_makes_those_that_are_missing(machine: Bench) -> None:
    assert _backup(machine, "ready").returncode == 0
    machine.forget_calls()
    assert _backup(machine, "ready").returncode == 0
    assert machine.calls("docker exec --interactive auren-postgres pgbackrest repo-put") == []
    _objects(machine, "redis-data")[0].unlink()
    assert _backup(machine, "ready").returncode == 0
    puts = machine.calls("docker exec --interactive auren-postgres pgbackrest repo-put")
    assert len(puts) == len(STORES), "they are of one run"


def test_what_the_bucket_had_is_not_forgotten_before_it_is_too_old(machine: Bench) -> None:
    """Somebody deletes everything, and the next night there are new backups."""
    now = int(time.time())
    held = [("20261127-010000F", now - 86400, 1), ("20261001-010000F", now - 31 * 86400, 1)]
    listed(machine, "info", held)
    listed(machine, "info.after", [*held, ("20261127-010000F_20261128-010000D", now, 1)])
    _backup(machine, "run")
    assert _backup(machine, "lost").stdout == ""
    assert _backup(machine, "ready").returncode == 0
    (copied,) = _objects(machine, "redis-data")
    copied.unlink()
    listed(machine, "info", [("20261128-010000F", now, 1)])
    listed(machine, "info.after", [("20261128-010000F", now, 1), ("20261129-010000F", now, 1)])
    for _ in range(2):
        lost = [line.split()[0] for line in _backup(machine, "lost").stdout.splitlines()]
        assert lost == [
            "20261001-010000F",
            "20261127-010000F",
            "20261127-010000F_20261128-010000D",
            f"redis-data/{copied.name.partition('-')[0]}",
        ]
        _backup(machine, "run")
    _backup(machine, "ready")
    other = CONFIGURATION.replace("auren-backups", "another")
    machine.path(f"{SERVICES}/current/files/pgbackrest.conf").write_text(other)
    assert _backup(machine, "lost").stdout == "", "it is not of this bucket"
    _backup(machine, "run")
    assert machine.path(f"{MEMORY}/held").read_text().startswith("another\n")


def test_before_a_change_a_store_has_a_fresh_copy(machine: Bench) -> None:
    """Kafka's and ZooKeeper's are of one run."""
    _backup(machine, "run")
    listed(machine, "info", [("20261127-020000F", int(time.time()), 1)])
    machine.forget_calls()
    assert _backup(machine, "fresh", "60").returncode == 0
    assert machine.calls("docker exec --interactive auren-postgres pgbackrest repo-put") == []
    for volume in ("redis-data", "kafka-data", "chromadb-data"):
        _older(machine, volume, 1)
    done = _backup(machine, "fresh", "60", "redis", "zookeeper")
    assert (done.returncode, done.stderr) == (0, "")
    assert [len(_objects(machine, volume)) for _, volume, _ in STORES] == [2, 1, 2, 2]
    assert _backup(machine, "fresh", "60").returncode == 0
    assert [len(_objects(machine, volume)) for _, volume, _ in STORES] == [2, 2, 2, 2]
    fails(machine, "repo-put", "[HostConnectError] on 7 retries")
    _objects(machine, "redis-data")[-1].unlink()
    done = _backup(machine, "fresh", "60", "redis")
    assert done.returncode == 1
    assert "No copy of redis-data was made. The bucket cannot be reached" in done.stderr


def test_the_copies_are_told_and_the_stores_without_one(machine: Bench) -> None:
    assert _backup(machine, "copies").stdout == "".join(f"{service}\t{volume}\n" for service, volume, _ in STORES)
    _backup(machine, "run")
    done = _backup(machine, "copies", "--as-of", "2026-11-27T01:00:00Z")
    assert done.stderr == ""
    for line, (service, volume, _) in zip(done.stdout.splitlines(), STORES, strict=True):
        assert line.startswith(f"{service}\t{volume}\t2")
        assert int(line.rpartition("\t")[2]) == _objects(machine, volume)[0].stat().st_size
    (asked,) = [call for call in machine.calls("docker exec") if "repo-target-time" in call]
    assert asked.endswith(
        " repo-ls volumes --recurse --output=json --io-timeout=10 --repo=1 --repo-target-time=2026-11-27 01:00:00+00"
    )


def _damage(path: Path) -> None:
    held = bytearray(path.read_bytes())
    held[len(held) // 2] ^= 1
    path.write_bytes(held)


def _drilled(machine: Bench) -> str:
    return json.loads(_backup(machine, "drill", "kafka-ui").stdout)["fault"]


def test_a_drill_tries_each_copy(machine: Bench) -> None:
    assert _drilled(machine) == "There is no copy of redis-data in the bucket."
    _backup(machine, "run")
    assert _drilled(machine) == ""
    (tried,) = machine.calls("docker run")
    assert "--network none --memory 268435456" in tried
    assert not machine.path(f"{DATA}/backup-copy").exists()
    fails(machine, "prove", "Bad file format reading the append only file")
    fault = _drilled(machine)
    assert "The copy of redis-data of 2" in fault
    assert fault.endswith("cannot be used: Redis does not start with it. Bad file format reading the append only file")
    assert machine.calls("docker start")[-1] == "docker start auren-kafka-ui"


def test_a_drill_finds_a_flipped_bit(machine: Bench) -> None:
    _backup(machine, "run")
    _damage(_objects(machine, "kafka-data")[0])
    assert _drilled(machine).startswith("The copy of kafka-data of 2")
    assert _drilled(machine).endswith("in the bucket is damaged.")


@pytest.mark.parametrize("said", ["unable to flush", "cipher header invalid"])
def test_what_cannot_be_decrypted_is_damaged(machine: Bench, said: str) -> None:
    _backup(machine, "run")
    machine.state("broken", "kafka-data")
    fails(machine, "get", f"ERROR: [095]: {said}")
    assert _drilled(machine).endswith("in the bucket is damaged.")
    fails(machine, "get", "ERROR: [124]: HostConnectError")
    assert _drilled(machine) == "The bucket cannot be reached from this machine."


def test_a_drill_finds_a_damaged_database_in_a_copy(machine: Bench) -> None:
    path = machine.path(f"{DATA}/chromadb-data/chroma.sqlite3")
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executemany("INSERT INTO t VALUES (?)", [("x" * 500,) for _ in range(200)])
        database.commit()
    held = bytearray(path.read_bytes())
    held[4096 * 3 : 4096 * 4] = bytes(4096)
    path.write_bytes(held)
    _backup(machine, "run")
    assert "chroma.sqlite3 is damaged, or empty." in _drilled(machine)


def test_a_drill_finds_a_redis_copy_without_its_file(machine: Bench) -> None:
    """Redis would start, and be empty."""
    machine.state("no-redis", "")
    _backup(machine, "run")
    machine.path("/state/no-redis").unlink()
    assert _drilled(machine).endswith("cannot be used: There is no append-only file in it.")


def _emptied(machine: Bench) -> None:
    for name in ("PG_VERSION", "what"):
        machine.path(f"{VOLUME}/{name}").unlink()
    for _, volume, _ in STORES:
        for path in sorted(machine.path(f"{DATA}/{volume}").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    machine.path("/state/status").unlink()
    machine.path(f"{SERVICES}/current").unlink()


def test_empty_volumes_are_filled_from_their_copies(machine: Bench) -> None:
    _backup(machine, "run")
    _emptied(machine)
    done = _backup(machine, "fill", RELEASE, "latest")
    assert (done.returncode, done.stderr) == (0, "")
    assert content(machine.path(f"{DATA}/kafka-data")) == {"biometric.events-0/0.log": "events"}
    assert content(machine.path(f"{DATA}/redis-data"))[f"{AOF}.1.base.rdb"] == "saved\n"
    assert not list(machine.path(DATA).glob(".filling-*"))


def test_what_is_restored_to_a_time_is_the_copy_before_it(machine: Bench) -> None:
    now = int(time.time())
    listed(machine, "info.after", [("20261124-010000F", now - 3 * 86400, 1), ("20261127-020000F", now, 1)])
    _backup(machine, "run")
    for _, volume, _ in STORES:
        _older(machine, volume, 2)
    machine.path(f"{DATA}/kafka-data/later").touch()
    _backup(machine, "run")
    _emptied(machine)
    then = datetime.now(UTC) - timedelta(days=1)
    assert _backup(machine, "fill", RELEASE, f"{then:%Y-%m-%dT%H:%M:%SZ}").returncode == 0
    assert content(machine.path(f"{DATA}/kafka-data")) == {"biometric.events-0/0.log": "events"}


def _twice(machine: Bench) -> None:
    """There are copies of two days. Those of the second day have a file more. The volumes are empty."""
    _backup(machine, "run")
    for _, volume, _ in STORES:
        _older(machine, volume, 1)
    for name in ("kafka-data/later", "zookeeper-data/later"):
        machine.path(f"{DATA}/{name}").write_text("later")
    _backup(machine, "run")
    _emptied(machine)


def test_kafka_and_zookeeper_are_of_one_run(machine: Bench) -> None:
    _twice(machine)
    _objects(machine, "zookeeper-data")[1].unlink()
    assert _backup(machine, "fill", RELEASE, "latest").returncode == 0
    assert content(machine.path(f"{DATA}/kafka-data")) == {"biometric.events-0/0.log": "events"}
    assert content(machine.path(f"{DATA}/zookeeper-data")) == {"snapshot.0": "books"}


def test_a_damaged_copy_gives_way_to_the_one_before_it(machine: Bench) -> None:
    _twice(machine)
    _damage(_objects(machine, "zookeeper-data")[1])
    done = _backup(machine, "fill", RELEASE, "latest")
    assert done.returncode == 0
    assert done.stderr.startswith("The copy of zookeeper-data of 2")
    assert content(machine.path(f"{DATA}/kafka-data")) == {"biometric.events-0/0.log": "events"}


def test_no_store_is_filled_when_one_has_no_copy(machine: Bench) -> None:
    """Somebody may have deleted it. It begins empty only if somebody says so."""
    _backup(machine, "run")
    _emptied(machine)
    gone = _objects(machine, "zookeeper-data")[0]
    gone.rename(machine.path("/state/gone"))
    done = _backup(machine, "fill", RELEASE, "latest")
    assert done.returncode == 1
    assert "The bucket has no copy of kafka-data, so nothing was restored." in done.stderr
    for _, volume, _ in STORES:
        assert content(machine.path(f"{DATA}/{volume}")) == {}
    machine.path("/state/gone").rename(gone)
    assert _backup(machine, "fill", RELEASE, "latest").returncode == 0
    assert content(machine.path(f"{DATA}/zookeeper-data")) == {"snapshot.0": "books"}


def test_volumes_with_data_are_left_alone_and_so_are_empty_ones_without_a_target(machine: Bench) -> None:
    _backup(machine, "run")
    log = machine.path(f"{DATA}/kafka-data/biometric.events-0/0.log")
    log.write_text("newer")
    assert _backup(machine, "fill", RELEASE, "latest").returncode == 0
    assert log.read_text() == "newer"
    machine.path(f"{DATA}/redis-data/dump.rdb").unlink()
    assert _backup(machine, "fill", RELEASE, "").returncode == 0
    assert content(machine.path(f"{DATA}/redis-data")) == {}


@pytest.mark.parametrize(
    "line", ["    fill_database\n", '        unpack_copy "$disk/$volume"', '        rm "$(filling "$volume")"\n']
)
def test_a_filling_that_was_cut_is_finished_or_refused(machine: Bench, line: str) -> None:
    _backup(machine, "run")
    _emptied(machine)
    cut = machine.run("backup", "fill", RELEASE, "latest", text=machine.cut_before("backup", line))
    assert cut.returncode == -9
    machine.path(f"{DATA}/kafka-data/half").touch()
    assert _backup(machine, "fill", RELEASE, "").returncode == 1
    assert _backup(machine, "fill", RELEASE, "latest").returncode == 0
    assert content(machine.path(f"{DATA}/kafka-data")) == {"biometric.events-0/0.log": "events"}
    assert content(machine.path(VOLUME))["what"] == "restored\n"


def test_a_volume_under_a_service_that_runs_is_not_filled(machine: Bench) -> None:
    _backup(machine, "run")
    machine.path(f"{DATA}/redis-data/dump.rdb").unlink()
    done = _backup(machine, "fill", RELEASE, "latest")
    assert done.returncode == 1
    assert done.stderr.startswith("auren-redis runs, so its empty volume is not filled.")


def test_a_restore_that_was_not_finished_is_named_with_its_repair(machine: Bench) -> None:
    machine.path(f"{DATA}/.filling-kafka-data").touch()
    done = _backup(machine, "fill", RELEASE, "")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "The volume kafka-data was to be restored, and that did not come to its end. Set auren:r"
    )
    assert machine.path(MEMORY).exists()
