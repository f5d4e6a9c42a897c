"""old_machine.sh: what it lets a key do, what it stops, and how the old machine comes back."""

import subprocess
from pathlib import Path

import pytest

from tests.unit.host.bench import Bench

KEYS = "/root/.ssh/authorized_keys"
STOPPED = "/var/lib/auren-move-in/stopped"
HANDED = "/var/lib/auren-move-in/handed-over"
STORES = ("postgres=db", "zookeeper=zk", "kafka=kafka")
LABELLED = {"db": "postgres:17", "zk": "cp-zookeeper:7", "kafka": "cp-kafka:7", "api": "api:1", "grafana": "grafana:1"}
DOCKER = r"""
name=${*: -1}
case "$*" in
"ps --quiet") for each in "$state"/running/*; do echo "${each##*/}"; done ;;
"inspect --format {{.Config.Image}} {{.Name}} "*) echo "registry.test:5000/auren/$(cat "$state/image/$name") /$name " ;;
"inspect --format {{.Config.Image}} "*) cat "$state/image/$name" ;;
"inspect --format {{.Name}} "*) echo "/$name" ;;
*com.docker.compose.project*) [ "$name" = grafana ] || echo auren ;;
*.NetworkSettings.Networks*) [ "$name" = grafana ] && echo other || echo auren_default ;;
"inspect --format {{.HostConfig.RestartPolicy.Name}}"*) echo always ;;
"inspect --format {{.State.Running}} {{if"*)
    [ -e "$state/running/$name" ] && echo "true $(cat "$state/health" 2>/dev/null)" || echo false ;;
"inspect --format {{.State.Running}} "*) [ -e "$state/running/$name" ] && echo true || echo false ;;
"inspect --format {{.State.ExitCode}} "*) cat "$state/code" 2>/dev/null || echo 0 ;;
"inspect --format "*) ;;
"inspect "*) ;;
"stop "*) shift 3; for each in "$@"; do rm -f "$state/running/$each"; done ;;
"start "*) shift; for each in "$@"; do touch "$state/running/$each"; done ;;
"update "*) ;;
"exec db sh -c "*) echo auren_user ;;
"exec --interactive db "*) case "$(cat)" in *pg_stat_activity*) cat "$state/clients" 2>/dev/null ;; esac ;;
"exec "*) ;;
*) echo "not expected: docker $*" >&2; exit 98 ;;
esac
"""


@pytest.fixture
def old(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path / "root")
    for directory in ("image", "running"):
        (bench.root / "state" / directory).mkdir()
    for name, image in LABELLED.items():
        (bench.root / "state" / "image" / name).write_text(image)
        (bench.root / "state" / "running" / name).touch()
    bench.path("/run/lock").mkdir(parents=True)
    for name in ("systemctl", "systemd-run", "rsync", "du"):
        bench.stub(name)
    bench.stub("docker", DOCKER)
    return bench


def running(old: Bench) -> set[str]:
    return {path.name for path in (old.root / "state" / "running").iterdir()}


def stop_all(old: Bench) -> None:
    done = old.run("old_machine", "stop-writers", "1800", *STORES, data="the script")
    assert done.returncode == 0, done.stderr
    done = old.run("old_machine", "stop-stores", *STORES)
    assert done.returncode == 0, done.stderr


def test_a_look_finds_the_stores_by_their_images_and_who_writes(old: Bench) -> None:
    lines = old.run("old_machine", "look").stdout.splitlines()
    assert "store\tpostgres\tdb\tpostgres:17" in lines
    assert "store\tkafka\tkafka\tcp-kafka:7" in lines
    assert "missing\tredis\t" in lines
    assert "writer\tapi" in lines
    assert "other\tgrafana" in lines
    assert running(old) == set(LABELLED)
    assert not old.calls("docker stop", "docker start", "docker update", "systemctl")


def test_two_containers_that_may_hold_a_store_are_both_named(old: Bench) -> None:
    (old.root / "state" / "image" / "db2").write_text("postgres:16-alpine")
    (old.root / "state" / "running" / "db2").touch()
    assert "missing\tpostgres\tdb db2" in old.run("old_machine", "look").stdout.splitlines()
    assert "store\tpostgres\tdb2\tpostgres:16-alpine" in old.run("old_machine", "look", "postgres=db2").stdout


def allow(old: Bench) -> str:
    done = old.run("old_machine", "allow", "198.51.100.10", "ssh-ed25519", "AAAAnew", "kafka-data=/srv/kafka")
    assert done.returncode == 0, done.stderr
    return old.path(KEYS).read_text()


def test_the_key_may_do_one_thing_from_one_address_for_half_a_day(old: Bench) -> None:
    old.path("/root/.ssh").mkdir()
    old.path(KEYS).write_text("ssh-ed25519 AAAAada ada@example.org")
    first, line = allow(old).splitlines()
    assert first == "ssh-ed25519 AAAAada ada@example.org"
    assert line.startswith('restrict,expiry-time="20')
    assert ',from="198.51.100.10",command="bash ' in line
    assert line.endswith('/run/auren-move-in/serve" ssh-ed25519 AAAAnew auren-move-in')
    assert len(allow(old).splitlines()) == 2, "the one of before is gone"
    assert old.run("old_machine", "forbid").returncode == 0
    assert old.path(KEYS).read_text() == "ssh-ed25519 AAAAada ada@example.org\n"
    assert not old.path("/run/auren-move-in").exists()


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("rsync --server --sender -ltprSe.iLsfxCIvu --timeout=120 --numeric-ids . kafka-data/", True),
        ("rsync --server --sender -logDtprSe.iLsfxCIvu . kafka-data/", True),
        ("rsync --server -logDtprSe.iLsfxCIvu . kafka-data/", False),
        ("rsync --server --sender -logDtpr --remove-source-files . kafka-data/", False),
        ("rsync --server --sender -logDtpr --log-file=/etc/passwd . kafka-data/", False),
        ("rsync --server --sender -logDtpr . /etc/", False),
        ("rsync --server --sender -logDtpr . redis-data/", False),
        ("rsync --server --sender -logDtpr . kafka-data/; id", False),
        ("bash", False),
        ("", False),
    ],
)
def test_whoever_has_the_key_can_read_the_volumes_and_nothing_else(old: Bench, asked: str, answered: bool) -> None:
    allow(old)
    done = subprocess.run(
        ["bash", old.path("/run/auren-move-in/serve")],
        env={"PATH": f"{old.root / 'bin'}:/usr/bin:/bin", "SSH_ORIGINAL_COMMAND": asked},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode == 0) is answered
    assert [call.endswith(" . /srv/kafka/") for call in old.calls("rsync")] == [True] * answered


def test_what_writes_is_stopped_first_and_the_stores_last(old: Bench) -> None:
    stop_all(old)
    assert running(old) == {"grafana"}
    stops = old.calls("docker stop")
    assert stops == ["docker stop -t 30 api", *(f"docker stop -t 120 {name}" for name in ("kafka", "zk", "db"))]
    (timer,) = old.calls("systemd-run")
    assert "--on-active=1800 " in timer
    assert timer.endswith("/var/lib/auren-move-in/program start by-itself")
    assert old.path("/var/lib/auren-move-in/program").read_text() == "the script"


def test_a_client_that_is_left_is_named(old: Bench) -> None:
    old.state("clients", "203.0.113.9 as auren_user")
    done = old.run("old_machine", "stop-writers", "1800", *STORES)
    assert done.returncode == 1
    assert "PostgreSQL still has clients: 203.0.113.9 as auren_user. End them" in done.stderr


def test_a_store_that_was_killed_is_not_taken_for_whole(old: Bench) -> None:
    old.run("old_machine", "stop-writers", "1800", *STORES)
    old.state("code", "137")
    done = old.run("old_machine", "stop-stores", *STORES)
    assert done.returncode == 1
    assert "kafka did not end within two minutes, and was killed." in done.stderr


def test_stores_do_not_stop_under_their_writers(old: Bench) -> None:
    done = old.run("old_machine", "stop-stores", *STORES)
    assert done.returncode == 1
    assert running(old) == set(LABELLED)


def test_a_start_brings_back_what_ran_each_store_before_those_that_need_it(old: Bench) -> None:
    stop_all(old)
    old.forget_calls()
    assert old.run("old_machine", "start").returncode == 0
    assert old.calls("docker start") == [f"docker start {name}" for name in ("db", "zk", "kafka", "api")]
    assert old.calls("systemctl") == ["systemctl stop auren-move-in-return.timer"]
    assert running(old) == set(LABELLED)
    assert not old.path(STOPPED).exists()
    old.forget_calls()
    assert old.run("old_machine", "start").returncode == 0, "a second time it does nothing"
    assert old.calls("docker start") == []


def test_what_is_not_healthy_is_started_all_the_same_and_named(old: Bench) -> None:
    stop_all(old)
    old.stub("sleep")
    text = old.text("old_machine").replace("SECONDS + 120", "SECONDS + 1")
    old.state("health", "unhealthy")
    done = old.run("old_machine", "start", text=text)
    assert done.returncode == 1
    assert "these are not healthy after two minutes: db zk kafka api." in done.stderr
    assert running(old) == set(LABELLED)


def test_once_handed_over_it_comes_back_only_when_somebody_says_so(old: Bench) -> None:
    stop_all(old)
    assert old.run("old_machine", "hand-over").returncode == 0
    assert old.calls("docker update") == [f"docker update --restart=no {name}" for name in ("db", "zk", "kafka", "api")]
    assert old.run("old_machine", "start", "by-itself").returncode == 0
    assert running(old) == {"grafana"}
    done = old.run("old_machine", "stop-writers", "1800", *STORES)
    assert "has been handed over already. To go back to it: move-in back." in done.stderr
    look = old.run("old_machine", "look").stdout.splitlines()
    assert "state\thanded-over" in look
    assert "store\tpostgres\tdb\tpostgres:17" in look, "what it was before"
    assert old.run("old_machine", "start").returncode == 0
    assert old.calls("docker update --restart=always")
    assert running(old) == set(LABELLED)
    assert not old.path(HANDED).exists()


@pytest.mark.parametrize("when", ["by itself", "by hand"])
def test_a_machine_that_runs_again_is_not_handed_over(old: Bench, when: str) -> None:
    stop_all(old)
    if when == "by itself":
        old.run("old_machine", "start", "by-itself")
    else:
        (old.root / "state" / "running" / "api").touch()
    assert old.run("old_machine", "hand-over").returncode == 1
    assert not old.path(HANDED).exists()
