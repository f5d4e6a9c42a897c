"""move_in.sh: how what was brought takes the place of what is in the stores, and how that is taken back."""

from pathlib import Path

import pytest

from tests.unit.host.bench import OWNER, Bench

DISK = "/mnt/auren-data"
INBOX = f"{DISK}/moving-in"
MEMORY = "/var/lib/auren/move-in"
VOLUMES = ("postgres_data", "redis-data", "chromadb-data", "kafka-data")
STORES = ("zookeeper", "kafka", "redis", "chromadb", "postgres")
PLACE = ("place", "auren_user", "auren_production", *VOLUMES)
DOCKER = r"""
case "$*" in
"ps --quiet "*) cat "$state/stays" 2>/dev/null || true ;;
"inspect --format {{.State.Health.Status}} "*)
    [ "$(cat "$state/sick" 2>/dev/null)" = "$4" ] && echo starting || echo healthy ;;
"inspect --format {{.State.Running}} "*) cat "$state/running" 2>/dev/null || echo false ;;
"inspect --format {{.Image}} {{.HostConfig.Memory}} auren-postgres") echo sha256:postgres 600 ;;
"inspect auren-"*) ;;
"rm --force auren-move-in-settle") exit 1 ;;
"run --rm --interactive --name auren-move-in-settle "*)
    cat >"$state/settle"
    [ ! -e "$state/settle.fails" ] || { cat "$state/settle.fails"; exit 1; } ;;
"start "*) [ "$(cat "$state/start.fails" 2>/dev/null)" != "$2" ] || { echo "no such image" >&2; exit 1; } ;;
"logs "*) echo "its last words" ;;
"exec auren-postgres pgbackrest stanza-upgrade") ;;
*) echo "not expected: docker $*" >&2; exit 98 ;;
esac
"""


@pytest.fixture
def new(tmp_path: Path) -> Bench:
    """Each volume has something in it, and something else was brought for it."""
    bench = Bench(tmp_path / "root")
    bench.path("/run/lock").mkdir(parents=True)
    for service in (*STORES, "api"):
        bench.path(f"/opt/auren/services/{service}").mkdir(parents=True)
    for volume in VOLUMES:
        for place, text in ((DISK, "of before"), (INBOX, "brought")):
            bench.path(f"{place}/{volume}").mkdir(parents=True)
            bench.path(f"{place}/{volume}/what").write_text(text)
    for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf"):
        bench.path(f"{DISK}/postgres_data/{name}").write_text("ours")
        bench.path(f"{INBOX}/postgres_data/{name}").write_text("theirs")
    bench.path(f"{INBOX}/postgres_data/postgresql.auto.conf").write_text("port = 1")
    bench.path(f"{INBOX}/chromadb-data/index-is-whole").touch()
    for name in ("systemctl", "mountpoint", "lsattr", "chattr", "rsync", "ssh-keygen"):
        bench.stub(name)
    bench.stub("mountpoint", "exit 1")
    bench.stub("lsattr", 'case "$2" in *chroma*) echo "--S-- $2" ;; *) echo "----- $2" ;; esac')
    bench.stub("docker", DOCKER)
    return bench


def what(new: Bench, volume: str) -> str:
    return new.path(f"{DISK}/{volume}/what").read_text()


def kept(new: Bench) -> list[str]:
    return sorted(path.name.partition(".before-")[0] for path in new.path(DISK).glob("*.before-*"))


def place(new: Bench) -> str:
    done = new.run("move_in", *PLACE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_was_brought_takes_the_place_of_what_is_kept(new: Bench) -> None:
    place(new)
    assert [what(new, volume) for volume in VOLUMES] == ["brought"] * 4
    assert kept(new) == sorted(VOLUMES)
    calls = new.calls("systemctl", "docker start", "docker run")
    assert calls[0] == "systemctl stop auren"
    assert calls[1].startswith("docker run --rm --interactive --name auren-move-in-settle --network none --memory 600 ")
    assert f" --user {OWNER} " in calls[1]
    assert calls[1].endswith(" --entrypoint bash sha256:postgres -s -- auren_user auren_production")
    assert calls[2:] == [f"docker start auren-{store}" for store in STORES]
    assert new.path(f"{MEMORY}/placed").read_text().split()[1:] == list(VOLUMES)


def test_it_is_what_our_services_start_with(new: Bench) -> None:
    place(new)
    database = new.path(f"{DISK}/postgres_data")
    assert [(database / name).read_text() for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf")] == [
        "ours"
    ] * 3
    assert (database / "postgresql.auto.conf").read_text() == ""
    redis = new.path(f"{DISK}/redis-data/appendonlydir")
    assert (redis / "appendonly.aof.1.base.rdb").read_text() == "brought"
    assert (redis / "appendonly.aof.manifest").read_text() == "file appendonly.aof.1.base.rdb seq 1 type b\n"
    assert not new.path(f"{DISK}/chromadb-data/index-is-whole").exists()
    assert {"moving-in/chromadb-data" in call for call in new.calls("chattr +S ")} == {True}


@pytest.mark.parametrize(
    ("state", "value", "said"),
    [
        ("settle.fails", "role is in the way", "The database could not be prepared: role is in the way"),
        ("start.fails", "auren-kafka", "auren-kafka could not be started: no such image"),
        ("sick", "auren-redis", "auren-redis did not become healthy with what was moved: its last words"),
    ],
)
def test_what_fails_is_named_and_undone(new: Bench, state: str, value: str, said: str) -> None:
    new.state(state, value)
    text = new.text("move_in").replace("patience=300", "patience=0")
    done = new.run("move_in", *PLACE, text=text)
    assert done.returncode == 1
    assert said in done.stderr
    (new.root / "state" / state).unlink()
    assert new.run("move_in", "undo").returncode == 0
    assert [what(new, volume) for volume in VOLUMES] == ["of before"] * 4
    assert kept(new) == []
    assert new.path(f"{INBOX}/kafka-data/what").read_text() == "brought", "the next copy brings the difference alone"
    assert not new.path(f"{MEMORY}/placed").exists()
    assert new.calls("systemctl")[-1] == "systemctl start auren"
    assert new.calls("docker start")[-1] == "docker start auren-zookeeper", "all services run"
    place(new)


@pytest.mark.parametrize(
    "line",
    [
        '        [ ! -d "$inbox/$volume" ] || [ ! -d "$disk/$volume" ] || mv',
        '        [ ! -d "$inbox/$volume" ] || mv --no-target-directory "$inbox/$volume" "$disk/$volume"',
        '    [[ " $* " != *" postgres_data "* ]] || settle',
    ],
)
def test_a_cut_is_undone(new: Bench, line: str) -> None:
    new.run("move_in", *PLACE, text=new.cut_before("move_in", line))
    assert new.path(f"{MEMORY}/placed").exists()
    assert new.run("move_in", *PLACE).stderr.startswith("Data is in its place already.")
    assert new.run("move_in", "undo").returncode == 0
    assert [what(new, volume) for volume in VOLUMES] == ["of before"] * 4
    place(new)
    assert [what(new, volume) for volume in VOLUMES] == ["brought"] * 4


def test_nothing_is_placed_that_was_not_copied(new: Bench) -> None:
    done = new.run("move_in", "place", "a", "b", "zookeeper-data")
    assert done.returncode == 1
    assert "zookeeper-data was not copied." in done.stderr
    assert not new.calls("systemctl")


@pytest.mark.parametrize(("state", "said"), [("stays", "Not all services could be stopped."), ("", "Docker has the")])
def test_nothing_is_exchanged_under_a_service(new: Bench, state: str, said: str) -> None:
    if state:
        new.state(state, "auren-api")
    else:
        new.stub("mountpoint")
    done = new.run("move_in", *PLACE)
    assert done.returncode == 1
    assert said in done.stderr
    assert [what(new, volume) for volume in VOLUMES] == ["of before"] * 4


def test_what_was_accepted_is_not_undone(new: Bench) -> None:
    place(new)
    assert new.run("move_in", "serve", "198.51.100.7", data="count\tredis\tdb0\t3\n").returncode == 0
    assert new.run("move_in", "since").stdout == "count\tredis\tdb0\t3\n"
    assert new.run("move_in", "undo").returncode == 0
    assert [what(new, volume) for volume in VOLUMES] == ["brought"] * 4
    assert not new.calls("docker exec"), "there are no backups"


def test_the_bucket_learns_of_another_database(new: Bench) -> None:
    new.path("/usr/local/sbin").mkdir(parents=True)
    new.path("/usr/local/sbin/auren-backup").touch()
    place(new)
    assert new.run("move_in", "serve", "198.51.100.7").returncode == 0
    assert new.calls("docker exec") == ["docker exec auren-postgres pgbackrest stanza-upgrade"]


def test_going_back_leaves_the_data_where_it_is(new: Bench) -> None:
    assert new.run("move_in", "back").returncode == 1, "nothing has moved"
    place(new)
    new.run("move_in", "serve", "198.51.100.7")
    assert new.run("move_in", "back").returncode == 0
    assert new.calls("systemctl")[-1] == "systemctl stop auren"
    assert new.run("move_in", "rest").returncode == 0
    assert new.calls("systemctl")[-1] == "systemctl start auren"
    assert [what(new, volume) for volume in VOLUMES] == ["brought"] * 4
    assert not new.path(f"{MEMORY}/served").exists()
    assert new.run("move_in", "discard").returncode == 0
    assert kept(new) == []


def test_what_was_kept_is_deleted_when_somebody_says_so(new: Bench) -> None:
    place(new)
    assert new.run("move_in", "discard").returncode == 1, "it is not over"
    assert kept(new) == sorted(VOLUMES)
    new.run("move_in", "serve", "198.51.100.7")
    assert new.run("move_in", "discard").returncode == 0
    assert kept(new) == []
    assert not new.path(INBOX).exists()
    assert [what(new, volume) for volume in VOLUMES] == ["brought"] * 4


def pull(new: Bench, *words: str) -> tuple[int, str]:
    new.path("/run/auren-move-in").mkdir(exist_ok=True)
    for name in ("key", "host-key"):
        new.path(f"/run/auren-move-in/{name}").write_text("ssh-ed25519 AAAA\n")
    new.stub("du", "printf '4\\tx\\n'")
    done = new.run("move_in", "pull", "198.51.100.7", *words)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("status", "which", "ends"), [(0, "first", 0), (24, "first", 0), (24, "last", 1), (23, "first", 1), (5, "last", 1)]
)
def test_files_may_go_while_they_are_copied_and_not_in_the_window(
    new: Bench, status: int, which: str, ends: int
) -> None:
    new.stub("rsync", f"echo gone >&2; exit {status}")
    ended, said = pull(new, "kafka-data", which)
    assert ended == ends
    expected = (
        "pulled\tkafka-data\t4096\t"
        if ends == 0
        else f"kafka-data could not be copied (rsync ended with {status}): gone"
    )
    assert expected in said


def test_a_copy_trusts_one_host_key_and_takes_what_is_wanted(new: Bench) -> None:
    pull(new, "redis-data", "last", "dump.rdb")
    assert new.path("/run/auren-move-in/known").read_text() == "198.51.100.7 ssh-ed25519 AAAA\n"
    (call,) = new.calls("rsync")
    assert " --include=/dump.rdb --exclude=* " in call
    assert " --rsh=ssh -F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityFile=/run/auren-move-in/" in call
    assert " -o UserKnownHostsFile=/run/auren-move-in/known -o GlobalKnownHostsFile=/dev/null -o Strict" in call


def test_zookeepers_logs_and_snapshots_are_kept_apart(new: Bench) -> None:
    pull(new, "zookeeper-data", "last")
    pull(new, "zookeeper-log", "last")
    data, log = new.calls("rsync")
    assert " --exclude=/version-2/log.* " in data
    assert " --include=/version-2 --include=/version-2/log.* --exclude=* " in log
