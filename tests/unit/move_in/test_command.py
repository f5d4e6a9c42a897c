"""`python -m auren_infra move-in` as it is typed, with two machines that answer."""

import re
import sys

import pytest

from auren_infra.__main__ import main
from auren_infra.apis.http import CloudError
from auren_infra.move_in import records
from tests.unit.move_in.conftest import COUNTS_HERE, LOGIN, LOOK_NEW, LOOK_OLD, VOLUMES, Machines, Terminal

STORES = "postgres=auren-db redis=auren-cache chromadb=auren-chroma kafka=auren-kafka zookeeper=auren-zk"
WAY = [
    "new key ssh-ed25519 AAAAold",
    (
        "old allow 198.51.100.10 ssh-ed25519 AAAAthrowaway postgres_data=/var/lib/docker/volumes/pg/_data "
        "redis-data=/var/lib/docker/volumes/redis/_data chromadb-data=/var/lib/docker/volumes/chroma/_data "
        "kafka-data=/srv/kafka zookeeper-data=/srv/zookeeper/data zookeeper-log=/srv/zookeeper/log"
    ),
]
CLOSED = ["old forbid", "new forget"]
IN_WINDOW = [f"old stop-writers 1800 {STORES}", f"old count {STORES}", f"old stop-stores {STORES}"]
PLACED = f"new place auren_user auren_production {' '.join(VOLUMES)}"
TARGET = "--target urn:pulumi:prod::*::auren:cloud:Dns**"
LEAD_HERE = [
    "pulumi config rm auren:movingFrom --non-interactive --stack prod",
    f"pulumi up --yes --skip-preview {TARGET} --non-interactive --color never --stack prod",
]


def pulls(which: str) -> list[str]:
    return [f"new pull 198.51.100.7 {name} {which}" + (" dump.rdb" if "redis" in name else "") for name in VOLUMES]


def move_in(command: str, *options: str) -> int:
    return main(["move-in", command, "--stack", "prod", "--from", LOGIN, *options])


def test_a_look_says_what_moves_and_changes_nothing(machines: Machines, capsys: pytest.CaptureFixture[str]) -> None:
    assert move_in("look") == 0
    assert machines.calls == []
    lines = capsys.readouterr().out.splitlines()
    assert "Is moved: /srv/kafka, 3.0 MB, to the volume kafka-data." in lines
    assert "Holds now: 15 rows in 2 tables, 7 keys, 40 embeddings in 1 collection, 2 topics with 16 events." in lines
    assert "Is stopped with them in the window: auren-api, auren-nginx." in lines
    assert "Is left running, since it belongs to none of them: grafana." in lines
    assert "Its other roles keep their passwords: reader." in lines


@pytest.mark.parametrize(
    ("before", "after", "finding"),
    [
        (
            "version\t17\nfact\tpostgres.ext",
            "version\t15\nfact\tpostgres.ext",
            "The old machine has PostgreSQL 15, and",
        ),
        (
            "extensions\tplpgsql",
            "extensions\tplpgsql,timescaledb",
            "The database uses the extension timescaledb, which",
        ),
        (
            "redis.version\t7.4.1",
            "redis.version\t8.2.0",
            "The old machine has Redis 8.2.0, and this stack 8.0.6, which",
        ),
        (
            "kafka.version\t7.5.0-ccs",
            "kafka.version\t4.0.0",
            "The old machine has Kafka 4.0.0, and this stack 7.9.2-ccs",
        ),
        ("sysdb=9", "sysdb=10", "The old machine has a newer Chroma, whose files this stack's cannot read."),
        ("kafka.broker\t1", "kafka.broker\t1001", "Kafka's broker there has the number 1001, and this stack's has 1"),
        ("volume\tredis-data", "other\tredis-data", "auren-cache holds its data in no volume and no directory of the"),
        ("store\tredis\tauren-cache\tredis:7.4", "missing\tredis\ta b", "Several containers may hold redis: a, b."),
        ("store\tredis\tauren-cache\tredis:7.4\n", "", "No running container holds redis. Name it with --container"),
        ("\t80000000", "\t80000000000", "The data disk needs 80.5 GB for the data, and 30.0 GB are free."),
        (
            "fact\tpostgres.version",
            "fact\tpostgres.tablespaces\t2\nfact\tpostgres.version",
            "PostgreSQL has tablespaces",
        ),
        ("host-key\tssh-ed25519 AAAAold", "lacks\trsync", "The old machine has no rsync. Install it there."),
    ],
)
@pytest.mark.parametrize("command", ["look", "copy", "switch"])
def test_what_does_not_fit_is_said_with_its_repair_before_anything_is_touched(
    machines: Machines, capsys: pytest.CaptureFixture[str], *, command: str, before: str, after: str, finding: str
) -> None:
    changed = LOOK_OLD.replace(before, after)
    assert changed != LOOK_OLD
    machines.says("old", "look", changed.replace("other\tredis-data\t/var/lib/docker/volumes/redis/_data\t1000\n", ""))
    assert move_in(command, *(["--yes"] if command == "switch" else [])) == 1
    assert machines.calls == []
    assert f"Speaks against it: {finding}" in capsys.readouterr().out


def test_a_store_that_is_left_out_is_no_finding(machines: Machines, capsys: pytest.CaptureFixture[str]) -> None:
    machines.says("old", "look", LOOK_OLD.replace("broker\t1", "broker\t1001"))
    assert move_in("look", "--without", "kafka") == 1
    assert "Kafka and ZooKeeper belong together" in capsys.readouterr().out
    assert move_in("look", "--without", "kafka", "--without", "zookeeper") == 0
    assert "Is not moved: kafka, as you said. This stack's own stays." in capsys.readouterr().out


def test_a_stack_whose_stores_do_not_run_takes_nothing(machines: Machines, capsys: pytest.CaptureFixture[str]) -> None:
    machines.says("new", "look", f"{LOOK_NEW}stopped\tkafka\nlacks\trsync\n")
    assert move_in("copy") == 1
    said = capsys.readouterr().out
    assert "The new machine's kafka does not run." in said
    assert "The new machine has no rsync." in said


def test_a_copy_opens_a_way_for_its_time_alone(machines: Machines) -> None:
    assert move_in("copy") == 0
    assert machines.calls == [*WAY, *pulls("first"), *CLOSED]


def test_the_way_is_closed_after_a_copy_that_failed(machines: Machines, capsys: pytest.CaptureFixture[str]) -> None:
    machines.fails("new", "pull", "postgres_data could not be copied")
    assert move_in("copy") == 2
    assert machines.calls == [*WAY, pulls("first")[0], *CLOSED]
    assert "error: postgres_data could not be copied" in capsys.readouterr().err


def test_a_switch_goes_from_step_to_step(machines: Machines, capsys: pytest.CaptureFixture[str]) -> None:
    assert move_in("switch", "--yes") == 0
    assert machines.calls == [
        *WAY,
        *pulls("first"),
        *IN_WINDOW,
        *pulls("last"),
        PLACED,
        "new count postgres redis chromadb kafka",
        "new serve 198.51.100.7",
        "old hand-over",
        *CLOSED,
        *LEAD_HERE,
    ]
    said = capsys.readouterr().out
    assert "The new machine holds 15 rows in 2 tables, 7 keys" in said
    assert re.search(r"Nobody was served for \d+ s, from 20\d\d-", said)


@pytest.mark.parametrize("works", [True, False])
def test_with_backups_there_is_one_of_what_has_moved_in(
    machines: Machines, capsys: pytest.CaptureFixture[str], works: bool
) -> None:
    machines.says("new", "look", f"{LOOK_NEW}backups\tyes\n")
    if not works:
        machines.fails("new", "auren-backup", "the bucket is gone")
    assert move_in("switch", "--yes") == 0, "the move itself is done"
    assert machines.calls[-1] == "new auren-backup run full"
    said = capsys.readouterr().out
    assert ("A full backup of what has moved in is in the bucket." in said) is works
    assert ("No backup was made of what has moved in: the bucket is gone\n" in said) is not works


def test_a_switch_says_what_happens_and_asks(
    machines: Machines, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert move_in("switch") == 2
    assert "so nothing was changed. With --yes, nobody is." in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", Terminal("no\n"))
    assert move_in("switch") == 2
    assert machines.calls == []
    shown = capsys.readouterr()
    assert "If anything fails before, the old machine serves again as before. Nothing of it is deleted." in shown.out
    assert shown.err == "Type yes to go on: Nothing was changed.\n"
    monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))
    assert move_in("switch", "--window", "45") == 0
    assert f"old stop-writers 2700 {STORES}" in machines.calls


@pytest.mark.parametrize(
    ("where", "command"),
    [
        ("old", "stop-writers"),
        ("old", "count"),
        ("old", "stop-stores"),
        ("new", "place"),
        ("new", "count"),
        ("new", "serve"),
        ("old", "hand-over"),
    ],
)
def test_after_a_failure_in_the_window_the_old_machine_serves_again(
    machines: Machines, capsys: pytest.CaptureFixture[str], where: str, command: str
) -> None:
    machines.fails(where, command, "the disk is broken")
    assert move_in("switch", "--yes") == 1
    assert machines.calls[-4:] == ["old start", "new undo", *CLOSED]
    assert not [call for call in machines.calls if call.startswith("pulumi")]
    said = capsys.readouterr().err
    assert "error: the disk is broken\nThe old machine serves again, as before. Nobody was served for " in said


def test_another_count_ends_it(machines: Machines, capsys: pytest.CaptureFixture[str]) -> None:
    machines.says("new", "count", COUNTS_HERE.replace("public.events\t12", "public.events\t11"))
    assert move_in("switch", "--yes") == 1
    assert machines.calls[-4:] == ["old start", "new undo", *CLOSED]
    assert "  postgres, auren public.events: 12 there, 11 here\n" in capsys.readouterr().err


def test_records_that_nobody_changed_lead_to_a_machine_that_serves(
    machines: Machines, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machines.pulumi_fails("up --yes")
    monkeypatch.setattr(records, "addresses", lambda _stack: {"aupex.ai": "198.51.100.7"})
    assert move_in("switch", "--yes") == 1
    assert machines.calls[-3:] == [
        "pulumi config set auren:movingFrom 198.51.100.7 --non-interactive --stack prod",
        "old start",
        "new undo",
    ]
    assert "The old machine serves again, as before." in capsys.readouterr().err


@pytest.mark.parametrize("answer", ["198.51.100.10", None])
def test_the_old_machine_stays_stopped_when_a_name_may_lead_to_the_new_one(
    machines: Machines, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: str | None
) -> None:
    def addresses(_stack: object) -> dict[str, str]:
        if answer is None:
            raise CloudError("Cloudflare does not answer.")
        return {"aupex.ai": answer}

    machines.pulumi_fails("up --yes")
    monkeypatch.setattr(records, "addresses", addresses)
    assert move_in("switch", "--yes") == 1
    assert "old start" not in machines.calls
    assert "The same command goes on with the others. To go back: move-in back." in capsys.readouterr().err

    machines.works("pulumi")
    machines.forget_calls()
    machines.says("old", "look", f"state\thanded-over\nsince\t1790000000\n{LOOK_OLD}")
    machines.says("new", "look", f"{LOOK_NEW}state\tserved\nfrom\t198.51.100.7\n")
    assert move_in("switch", "--yes") == 0
    assert machines.calls == LEAD_HERE


def test_a_switch_that_was_cut_in_the_window_goes_on_without_another_first_copy(machines: Machines) -> None:
    machines.says("old", "look", f"state\tstopped\nsince\t1790000000\n{LOOK_OLD}")
    machines.says("new", "look", f"{LOOK_NEW}state\tplaced\n")
    assert move_in("switch", "--yes") == 0
    assert machines.calls[:4] == ["new undo", *WAY, IN_WINDOW[0]]
    assert machines.calls[-2:] == LEAD_HERE


def test_a_switch_that_was_cut_before_the_hand_over_goes_on_with_that(machines: Machines) -> None:
    machines.says("old", "look", f"state\tstopped\nsince\t1790000000\n{LOOK_OLD}")
    machines.says("new", "look", f"{LOOK_NEW}state\tserved\n")
    assert move_in("switch", "--yes") == 0
    assert machines.calls == ["old hand-over", *LEAD_HERE]


def test_what_an_old_machine_holds_counts_that_has_started_by_itself(
    machines: Machines, capsys: pytest.CaptureFixture[str]
) -> None:
    machines.says("new", "look", f"{LOOK_NEW}state\tserved\n")
    assert move_in("switch", "--yes") == 0
    assert machines.calls[:3] == ["new rest", *WAY]
    assert "old hand-over" in machines.calls
    assert "What was written here since is kept, and not served." in capsys.readouterr().out


def test_nothing_is_copied_when_a_switch_has_begun(machines: Machines, capsys: pytest.CaptureFixture[str]) -> None:
    machines.says("old", "look", f"state\tstopped\nsince\t1790000000\n{LOOK_OLD}")
    assert move_in("copy") == 1
    assert machines.calls == []
    assert "`move-in switch` goes on." in capsys.readouterr().err


def test_going_back_says_what_is_lost(
    machines: Machines, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machines.says("new", "look", f"{LOOK_NEW}state\tserved\nfrom\t198.51.100.7\n")
    machines.says("new", "since", COUNTS_HERE)
    machines.says("new", "count", COUNTS_HERE.replace("public.events\t12", "public.events\t1012"))
    monkeypatch.setattr(sys, "stdin", Terminal("no\n"))
    assert move_in("back") == 2
    assert "\n  postgres, auren public.events: +1,000\n" in capsys.readouterr().out
    machines.forget_calls()
    assert move_in("back", "--yes") == 0
    assert machines.calls == [
        "new since",
        "new count postgres redis chromadb kafka",
        "new back",
        "old start",
        "pulumi config set auren:movingFrom 198.51.100.7 --non-interactive --stack prod",
        LEAD_HERE[1],
        "new rest",
    ]


def test_the_new_machine_serves_on_when_the_old_one_does_not_start(
    machines: Machines, capsys: pytest.CaptureFixture[str]
) -> None:
    machines.says("new", "look", f"{LOOK_NEW}state\tserved\n")
    machines.fails("old", "start", "no such container")
    assert move_in("back", "--yes") == 1
    assert machines.calls[-3:] == ["new back", "old start", "new undo"]
    assert "no such container\nThe new machine serves again, as before." in capsys.readouterr().err


def test_there_is_no_way_back_from_where_nobody_has_gone(
    machines: Machines, capsys: pytest.CaptureFixture[str]
) -> None:
    assert move_in("back", "--yes") == 1
    assert machines.calls == []
    assert "so there is no way back." in capsys.readouterr().err


def test_discarding_asks(machines: Machines, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["move-in", "discard", "--stack", "prod"]) == 2
    assert machines.calls == []
    assert "The way back with `move-in back` is closed then." in capsys.readouterr().out
    assert main(["move-in", "discard", "--stack", "prod", "--yes"]) == 0
    assert machines.calls == ["new discard"]


def test_a_stack_without_the_setting_is_told_of_it(machines: Machines, capsys: pytest.CaptureFixture[str]) -> None:
    (machines.directory / "config").write_text("{}")
    assert move_in("look") == 2
    assert "error: auren:movingFrom is empty. Set it to the address" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["look", "--from", "ada@198.51.100.7"],
        ["look", "--from", "root@-oProxyCommand=x"],
        ["look", "--from", "root@a b"],
        ["look"],
        ["look", "--from", LOGIN, "--container", "mysql=db"],
        ["look", "--from", LOGIN, "--container", "redis=-a"],
        ["look", "--from", LOGIN, "--without", "mysql"],
        ["switch", "--from", LOGIN, "--window", "4"],
        ["switch", "--from", LOGIN, "--window", "721"],
        ["copy", "--from", LOGIN, "--yes"],
        [],
    ],
)
def test_a_wrong_call_is_refused_before_anybody_is_asked(machines: Machines, options: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["move-in", *options])
    assert not (machines.directory / "calls").exists()


def test_a_machine_that_tells_something_else_is_not_believed(
    machines: Machines, capsys: pytest.CaptureFixture[str]
) -> None:
    machines.says("old", "look", LOOK_OLD.replace("\t80000000", "\tmuch"))
    assert move_in("look") == 2
    assert "A machine tells 'much' where a number was expected." in capsys.readouterr().err
