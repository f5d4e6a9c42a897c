"""auren-restore store: a store beside PostgreSQL comes back from its copy, and what it replaces is kept."""

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.unit.host.bench import Bench
from tests.unit.host.database_machine import MEMORY, STORES, content, events, fails, set_up

DATA = "/mnt/auren-data"
KAFKA = ("kafka", "zookeeper")


@pytest.fixture
def machine(bench: Bench) -> Bench:
    """All stores have one copy, and other data since then."""
    machine = set_up(bench, STORES)
    machine.stub("mountpoint", "exit 1")
    machine.stub("lsattr", 'echo "$(cat "$state/attributes" 2>/dev/null) $2"')
    machine.stub("chattr")
    machine.path(f"{DATA}/chromadb-data/chroma.sqlite3").write_bytes(b"")
    machine.state("no-redis", "")  # so that its copy is made from its files
    for word in ("copied", "now"):
        for service, volume, _ in STORES:
            machine.path(f"{DATA}/{volume}/what").write_text(f"{service} {word}")
        if word == "copied":
            assert machine.run("backup", "run").stderr == "A backup was made, but the bucket does not list it.\n"
    machine.path("/state/no-redis").unlink()
    machine.forget_calls()
    return machine


def _restore(machine: Bench, *arguments: str, text: str | None = None) -> CompletedProcess[str]:
    return machine.run("restore", *arguments, text=text)


def _what(machine: Bench) -> dict[str, str]:
    """What each store has."""
    return {service: machine.path(f"{DATA}/{volume}/what").read_text() for service, volume, _ in STORES}


def _kept(machine: Bench) -> list[Path]:
    return sorted(machine.path(DATA).glob("*.before-*"))


@pytest.mark.parametrize(("named", "restored"), [("redis", ("redis",)), ("kafka", KAFKA), ("zookeeper", KAFKA)])
def test_a_store_comes_back_and_what_was_there_is_kept(machine: Bench, named: str, restored: tuple[str, ...]) -> None:
    """Kafka and ZooKeeper belong together, and ZooKeeper runs as long as Kafka does."""
    before = _what(machine)
    done = _restore(machine, "store", named, "latest")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith(f"{' '.join(restored)}: restored. What was there before is kept, ")
    assert _what(machine) == before | {service: f"{service} copied" for service in restored}
    assert {content(path)["what"] for path in _kept(machine)} == {f"{service} now" for service in restored}
    assert machine.calls("docker stop") == [f"docker stop auren-{service}" for service in restored]
    assert machine.calls("docker start") == [f"docker start auren-{service}" for service in reversed(restored)]
    told = [(service, word) for word in ("restoring", "restored") for service in restored]
    assert [(service, word) for service, _, word, _ in events(machine)] == told
    assert not machine.path(f"{MEMORY}/restoring-store").exists()
    assert not list(machine.path(DATA).glob("*.restored"))
    assert len(_restore(machine, "kept").stdout.splitlines()) == len(restored)
    assert _restore(machine, "discard", _kept(machine)[0].name).returncode == 0
    assert len(_kept(machine)) == len(restored) - 1


def test_a_look_tells_the_copies_and_changes_nothing(machine: Bench) -> None:
    before = _what(machine)
    done = _restore(machine, "look-store", "kafka", "latest")
    assert (done.returncode, done.stderr) == (0, "")
    copies = json.loads(done.stdout)["copies"]
    assert [(copy["service"], copy["volume"]) for copy in copies] == [
        ("kafka", "kafka-data"),
        ("zookeeper", "zookeeper-data"),
    ]
    assert len({copy["made"] for copy in copies}) == 1
    assert _what(machine) == before
    assert machine.calls("docker stop") == []


def test_a_store_that_does_not_start_gives_way_to_what_was_there(machine: Bench) -> None:
    before = _what(machine)
    fails(machine, "start", "no such image")
    done = _restore(machine, "store", "kafka", "latest")
    assert done.returncode == 1
    assert done.stderr == (
        "kafka zookeeper could not be started with what was restored. What was there before runs again.\n"
    )
    assert _what(machine) == before
    assert _kept(machine) == []
    assert not list(machine.path(DATA).glob("*.restored"))
    assert [word for _, _, word, _ in events(machine)] == ["restoring"] * 2 + ["restore-failed"] * 2
    assert _restore(machine, "store", "kafka", "latest").returncode == 0


CUTS = {
    "while it is unpacked": '        echo "$volume: unpacked, from its copy',
    "before the stop": '    stop_restored\n    exchange "$stamp"\n',
    "between the two": '    each_wanted put_restored_in "$1"\n',
    "before the start": '    start_restored || refuse_store "$stamp"\n',
    "before the end": '    rm "$unfinished_store"\n    echo "${restored[*]}: restored.',
}


@pytest.mark.parametrize("line", CUTS.values(), ids=CUTS.keys())
def test_a_restore_that_was_cut_is_finished_by_the_same_call(machine: Bench, line: str) -> None:
    cut = _restore(machine, "store", "kafka", "latest", text=machine.cut_before("restore", line))
    assert cut.returncode == -9
    if machine.path(f"{MEMORY}/restoring-store").exists():
        other = _restore(machine, "store", "redis", "latest")
        assert other.stderr == "Another restore was cut. Finish it first: auren-restore store kafka latest\n"
        assert [_restore(machine, "discard", path.name).returncode for path in _kept(machine)] in ([], [1], [1, 1])
    done = _restore(machine, "store", "kafka", "latest")
    assert (done.returncode, done.stderr) in {(0, ""), (0, "Going on with the restore that was cut.\n")}
    assert _what(machine) | {service: f"{service} copied" for service in KAFKA} == _what(machine)
    assert {content(path)["what"] for path in _kept(machine)} == {f"{service} now" for service in KAFKA}


@pytest.mark.parametrize(
    "line",
    [
        '    exchange_back "$1"\n',
        '    each_wanted put_volume_back "$1"\n',
        "    tell_restored restore-failed\n",
    ],
)
def test_the_way_back_that_was_cut_is_finished_too(machine: Bench, line: str) -> None:
    before = _what(machine)
    fails(machine, "start", "no such image")
    cut = _restore(machine, "store", "kafka", "latest", text=machine.cut_before("restore", line))
    assert cut.returncode == -9
    done = _restore(machine, "store", "kafka", "latest")
    assert done.returncode == 1
    assert done.stderr.endswith("What was there before runs again.\n")
    assert (_what(machine), _kept(machine)) == (before, [])


def test_what_cannot_be_restored_is_told_and_nothing_is_stopped(machine: Bench) -> None:
    before = _what(machine)
    for service, target, said in (
        ("re.*", "latest", "re.* has no copies. These have: redis chromadb kafka zookeeper."),
        ("postgres", "latest", "postgres has no copies. These have: redis chromadb kafka zookeeper. The database is"),
        ("redis", "2026-01-01T00:00:00Z", "The bucket has no copy of redis-data from before 2026-01-01T00:00:00Z"),
    ):
        for command in ("look-store", "store"):
            done = _restore(machine, command, service, target)
            assert done.returncode == 1
            assert done.stderr.startswith(said)
    machine.stub("df", "echo Avail; echo 409600")
    done = _restore(machine, "store", "redis", "latest")
    assert "A restore of redis-data needs 512 MB on the data disk" in done.stderr
    assert not list(machine.path(DATA).glob("*.restored"))
    assert (_what(machine), machine.calls("docker stop"), events(machine)) == (before, [], [])


def test_a_volume_that_docker_has_mounted_is_left_as_it_is(machine: Bench) -> None:
    """A container of somebody else has it: the store would go on with what was there."""
    before = _what(machine)
    machine.stub("mountpoint", "[[ $2 == *redis-data/_data ]]")
    done = _restore(machine, "store", "redis", "latest")
    assert done.returncode == 1
    assert "Docker has the volume redis-data mounted, though no container of AUREN has it." in done.stderr
    assert _what(machine) == before


def test_a_store_that_is_written_through_is_so_afterwards(machine: Bench) -> None:
    """New files in a directory inherit it."""
    assert _restore(machine, "store", "redis", "latest").returncode == 0
    assert machine.calls("chattr") == []
    assert _restore(machine, "discard", _kept(machine)[0].name).returncode == 0
    machine.state("attributes", "--S-----------e-------")
    assert _restore(machine, "store", "redis", "latest").returncode == 0
    assert machine.calls("chattr") == [f"chattr +S {DATA}/redis-data.restored"]


def test_a_restore_needs_room_for_what_is_in_the_copy(machine: Bench) -> None:
    """The store may have been emptied, and a copy is compressed."""
    large = machine.path(f"{DATA}/zookeeper-data/large")
    large.write_bytes(b"books" * (40 << 20))
    machine.run("backup", "run")
    large.unlink()
    machine.stub("df", "echo Avail; echo 614400")
    done = _restore(machine, "store", "kafka", "latest")
    assert "A restore of zookeeper-data needs 712 MB on the data disk, which has 600 MB." in done.stderr
    assert not list(machine.path(DATA).glob("*.restored"))


def test_what_a_cut_has_unpacked_is_gone_with_the_next_copies(machine: Bench) -> None:
    left = machine.path(f"{DATA}/redis-data.restored")
    left.mkdir()
    machine.path(f"{MEMORY}/restoring-store").write_text("redis latest\n20261127T010000Z\n")
    machine.run("backup", "run")
    assert left.exists(), "a restore is not over"
    machine.path(f"{MEMORY}/restoring-store").unlink()
    machine.run("backup", "run")
    assert not left.exists()


def test_a_directory_that_was_made_anew_after_a_cut_is_kept_as_well(machine: Bench) -> None:
    line = '    each_wanted put_restored_in "$1"\n'
    text = machine.cut_before("restore", line)
    assert _restore(machine, "store", "redis", "latest", text=text).returncode == -9
    (before,) = _kept(machine)
    before.rename(before.with_name("redis-data.before-20261127T010000Z"))
    machine.path(f"{MEMORY}/restoring-store").write_text("redis latest\n20261127T010000Z\n")
    machine.path(f"{DATA}/redis-data").mkdir()
    machine.path(f"{DATA}/redis-data/what").write_text("redis anew")
    assert _restore(machine, "store", "redis", "latest").returncode == 0
    assert _what(machine)["redis"] == "redis copied"
    assert {content(path)["what"] for path in _kept(machine)} == {"redis now", "redis anew"}
