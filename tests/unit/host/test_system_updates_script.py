"""system_updates.sh: apt's settings are replaced in one step, and the machine's clock shows UTC."""

import pytest

from tests.unit.host.bench import Bench

CONFIGURATION = "/etc/apt/apt.conf.d/52auren-updates"


@pytest.fixture
def machine(bench: Bench) -> Bench:
    for directory in ("/etc/apt/apt.conf.d", "/usr/share/zoneinfo/Etc"):
        bench.path(directory).mkdir(parents=True)
    bench.path("/usr/share/zoneinfo/Etc/UTC").touch()
    bench.path("/usr/share/zoneinfo/Berlin").touch()
    # As apt reads it: a file of another ending in this directory is left out.
    bench.stub("apt-config", 'grep -q wrong "$2" && { echo "E: Syntax error" >&2; exit 100; }; true')
    bench.stub("systemctl")
    return bench


def test_the_settings_are_there_and_the_timers_run(machine: Bench) -> None:
    for _ in range(2):
        done = machine.run("system_updates", data='A "1";\n')
        assert (done.returncode, done.stderr) == (0, "")
        assert machine.path(CONFIGURATION).read_text() == 'A "1";\n'
    assert machine.calls("systemctl")[-1] == "systemctl enable --quiet --now apt-daily.timer apt-daily-upgrade.timer"
    assert [path.name for path in machine.path("/etc/apt/apt.conf.d").iterdir()] == ["52auren-updates"]


def test_settings_that_apt_refuses_never_count(machine: Bench) -> None:
    """With a file that it cannot read, apt does nothing at all any more."""
    machine.run("system_updates", data='A "1";\n')
    done = machine.run("system_updates", data="wrong\n")
    assert done.returncode != 0
    assert "Syntax error" in done.stderr
    assert machine.path(CONFIGURATION).read_text() == 'A "1";\n'


@pytest.mark.parametrize("before", ["Berlin", "Etc/UTC", None])
def test_the_clock_shows_utc(machine: Bench, before: str | None) -> None:
    if before:
        machine.path("/etc/localtime").symlink_to(machine.path(f"/usr/share/zoneinfo/{before}"))
    assert machine.run("system_updates", data='A "1";\n').returncode == 0
    assert machine.path("/etc/localtime").resolve() == machine.path("/usr/share/zoneinfo/Etc/UTC")
