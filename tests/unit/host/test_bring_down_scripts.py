"""release_data_disk.sh and stop_containers.sh: what runs on a machine before a cloud takes something away from it."""

import subprocess

import pytest

from tests.unit.host.bench import Bench

DOCKER = r"""
case "$*" in
info) [ ! -e "$state/no-docker" ] ;;
"ps --quiet") printf '%s' "$(cat "$state/containers" 2>/dev/null)" ;;
"stop "*) ;;
*) exit 98 ;;
esac
"""
SYSTEMCTL = r"""
case "$*" in
"cat auren.service") [ ! -e "$state/no-unit" ] ;;
"is-active --quiet docker") [ ! -e "$state/no-docker" ] ;;
"stop auren-start-again.timer") exit 5 ;;
esac
"""


@pytest.fixture
def droplet(bench: Bench) -> Bench:
    """A droplet with the disk mounted and one container that Compose does not know."""
    program = bench.path("/usr/local/lib/auren/stop")
    program.parent.mkdir(parents=True)
    bench.stub("stop", "exit 1")
    program.symlink_to(bench.root / "bin/stop")
    bench.state("containers", "c9")
    bench.stub("docker", DOCKER)
    bench.stub("findmnt", '[ ! -e "$state/unmounted" ] && echo /dev/sda')
    bench.stub("umount", '[ ! -e "$state/busy" ] || { echo "target is busy" >&2; exit 32; }')
    bench.stub("systemctl", SYSTEMCTL)
    bench.stub("systemd-run")
    return bench


def _release(droplet: Bench) -> subprocess.CompletedProcess[str]:
    return droplet.run("release_data_disk", "/mnt/auren-data", "0")


def test_nothing_writes_any_more_when_the_disk_is_unmounted(droplet: Bench) -> None:
    done = _release(droplet)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "containers stopped, /mnt/auren-data unmounted\n"
    assert droplet.calls("systemctl", "stop", "docker stop", "sync", "umount") == [
        "systemctl stop auren-watchdog",
        "stop",
        "docker stop -t 60 c9",
        "systemctl stop docker.socket docker",
        "sync",
        "umount --all-targets /dev/sda",
    ]


def test_a_disk_that_stays_mounted_is_an_error(droplet: Bench) -> None:
    droplet.state("busy", "")
    done = _release(droplet)
    assert done.returncode == 1
    assert "Something holds /mnt/auren-data. See what it is with `fuser -vm /mnt/auren-data`" in done.stderr


def test_a_second_release_has_nothing_to_do(droplet: Bench) -> None:
    droplet.state("unmounted", "")
    droplet.state("no-docker", "")
    assert _release(droplet).returncode == 0
    assert droplet.calls("docker stop", "umount") == []


def test_all_containers_end_before_the_power_is_cut(droplet: Bench) -> None:
    """AUREN's own in the order that its unit has; then whatever else runs."""
    done = droplet.run("stop_containers", "600", "0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "containers stopped\n", "")
    steps = droplet.calls("systemctl stop auren", "docker stop", "sync")
    assert steps[-3:] == ["systemctl stop auren", "docker stop -t 60 c9", "sync"]


def test_containers_start_again_when_the_power_is_not_cut(droplet: Bench) -> None:
    """This is arranged before they stop: the connection may be cut in between."""
    droplet.run("stop_containers", "600", "0")
    again = "systemd-run --quiet --collect --unit=auren-start-again --on-active=600 systemctl start auren"
    assert droplet.calls("systemd-run", "systemctl stop auren") == [
        "systemctl stop auren-start-again.timer",
        again,
        "systemctl stop auren",
    ]


def test_a_machine_without_containers_has_none_to_stop(droplet: Bench) -> None:
    """The first update failed before it got so far."""
    droplet.state("no-unit", "")
    droplet.state("no-docker", "")
    done = droplet.run("stop_containers", "600", "0")
    assert (done.returncode, done.stderr) == (0, "")
    assert droplet.calls("systemd-run", "docker stop", "systemctl stop auren") == []


@pytest.mark.parametrize("minutes", ["0", "60"])
def test_what_is_not_backed_up_is_not_resized(droplet: Bench, minutes: str) -> None:
    droplet.stub("auren-backup", '[ "$2" = 0 ] || { echo The bucket is away. >&2; exit 1; }')
    done = droplet.run("stop_containers", "600", minutes)
    assert done.returncode == int(minutes == "60")
    assert ("The bucket is away.\nSo the containers were not stopped." in done.stderr) == (minutes == "60")
    assert bool(droplet.calls("systemctl stop auren", "systemd-run")) == (minutes == "0")
    assert droplet.calls("auren-backup fresh 60") == ["auren-backup fresh 60"] * (minutes == "60")


def test_a_machine_of_an_earlier_version_is_resized_without_a_backup(droplet: Bench) -> None:
    """Its program does not know `fresh`. The new one comes with the commands behind the droplet's own update."""
    droplet.stub("auren-backup", "echo usage >&2; exit 1")
    done = droplet.run("stop_containers", "600", "60")
    assert (done.returncode, done.stdout, done.stderr) == (0, "containers stopped\n", "")


def test_a_disk_is_released_also_when_nothing_can_be_backed_up(droplet: Bench) -> None:
    """It stays whole. When everything is destroyed, the bucket is gone as well."""
    droplet.stub("auren-backup", "echo The bucket is away. >&2; exit 1")
    done = droplet.run("release_data_disk", "/mnt/auren-data", "60")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("The bucket is away.\nNo backup was made before the machine was brought down.\n")
    assert droplet.calls("umount") == ["umount --all-targets /dev/sda"]
