"""hold.sh: whose the machine is, until when, and what a second deployment is told."""

import fcntl
import os
import subprocess
from subprocess import CompletedProcess

import pytest

from tests.unit.host.bench import Bench

LOCK = "/run/lock/auren-deployment"
HISTORY = "/mnt/auren-data/history"
RUN = ("ada@laptop", "0123abc", "Ask $(reboot) for \\n less")


@pytest.fixture
def machine(bench: Bench) -> Bench:
    bench.path(LOCK).parent.mkdir(parents=True)
    bench.path(HISTORY).parent.mkdir()
    bench.stub("mountpoint")
    return bench


def _hold(machine: Bench, data: str = "\n\n") -> CompletedProcess[str]:
    return machine.run("hold", "60", *RUN, data=data, SSH_CONNECTION="198.51.100.7 50000 198.51.100.129 22")


def _events(machine: Bench) -> list[list[str]]:
    return [line.split("\t")[1:] for line in machine.path(HISTORY).read_text().splitlines()]


def test_it_is_held_until_the_lines_end_and_both_are_in_the_history(machine: Bench) -> None:
    done = _hold(machine)
    assert (done.returncode, done.stdout, done.stderr) == (0, "held\n", "")
    told = [f"{RUN[0]}: {RUN[2]}", RUN[1], "198.51.100.7"]
    assert _events(machine) == [["-", "-", "begun", *told], ["-", "-", "ended", *told]]


def test_each_command_is_in_the_history(machine: Bench) -> None:
    _hold(machine, "\n\nauren-prod-stage\n\nauren-prod-$(api)\n")
    assert [(event[2], event[3]) for event in _events(machine)][1:-1] == [
        ("command", "auren-prod-stage"),
        ("command", "auren-prod-$(api)"),
    ]


def test_a_run_that_says_nothing_is_cut_off(machine: Bench) -> None:
    """Its connection is still open: nobody has told the machine that the other end is gone."""
    program = machine.root / "program"
    program.write_text(machine.text("hold"))
    read, write = os.pipe()
    environment = {"PATH": f"{machine.root}/bin:/usr/bin:/bin"}
    subprocess.run(["bash", program, "0.01", *RUN], stdin=read, env=environment, check=True, timeout=60)
    os.close(write)
    os.close(read)
    assert [event[2] for event in _events(machine)] == ["begun", "cut-off"]


def test_a_second_one_is_told_whose_the_machine_is_and_changes_nothing(machine: Bench) -> None:
    program = machine.text("hold").replace("--wait 2", "--wait 0")
    with machine.path(LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("bob@desk, since 2027-01-15T08:00:00Z, commit 4567def: Say more\n")
        lock.flush()
        done = machine.run("hold", "60", *RUN, text=program)
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr == "bob@desk, since 2027-01-15T08:00:00Z, commit 4567def: Say more\n"
        assert machine.path(LOCK).read_text() == done.stderr
    assert not machine.path(HISTORY).exists()


def test_the_lock_of_a_dead_run_is_taken_and_its_words_are_gone(machine: Bench) -> None:
    machine.path(LOCK).write_text("bob@desk, since 2027-01-15T08:00:00Z, commit 4567def: " + "Say more " * 20)
    assert _hold(machine).returncode == 0
    words = machine.path(LOCK).read_text()
    assert words.startswith("ada@laptop, since 20")
    assert words.endswith(f"Z, commit 0123abc: {RUN[2]}\n")


def test_without_the_data_disk_there_is_no_history(machine: Bench) -> None:
    machine.stub("mountpoint", "exit 32")
    assert _hold(machine).stdout == "held\n"
    assert machine.calls("mountpoint")[0] == "mountpoint -q /mnt/auren-data"
    assert not machine.path(HISTORY).exists()
