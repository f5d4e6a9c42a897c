"""data_disk.sh: mounted once, never formatted, and Docker held back until then."""

import re
from pathlib import Path

import pytest

from auren_infra import bundle
from auren_infra.files import systemd
from tests.unit.host.bench import OWNER, Bench

DEVICE = "/mnt/device"
TARGET = "/mnt/auren-data"
GIGABYTE = 1 << 30


@pytest.fixture
def machine(bench: Bench) -> Bench:
    """A machine with a formatted volume of 2 GB attached, and an fstab of its own."""
    bench.path(DEVICE).touch()
    bench.path("/etc/fstab").write_text("LABEL=cloudimg-rootfs / ext4 defaults 0 1\n")
    bench.path("/etc/systemd/system").mkdir(parents=True)
    bench.state("bytes", str(2 * GIGABYTE))
    bench.state("format", "ext4")
    bench.stub("blockdev", 'cat "$state/bytes"')
    bench.stub("blkid", 'cat "$state/format"')
    bench.state("--devno", "7:1")
    bench.stub("mountpoint", 'cat "$state/${1/-q/--fs-devno}" 2>/dev/null')
    bench.stub("mount", 'cp "$state/--devno" "$state/--fs-devno"')
    bench.stub("umount", 'case "$*" in *_data) ;; *) rm "$state/--fs-devno" ;; esac')
    bench.stub("findmnt", "echo /dev/other")
    for name in ("chattr", "systemctl", "resize2fs"):
        bench.stub(name)
    return bench


def _run(machine: Bench, *, gigabytes: int = 2, directories: str | None = None):
    # The one thing that a test cannot have is a block device.
    text, replaced = re.subn(r"\[ -b ", "[ -e ", machine.text("data_disk"))
    assert replaced == 1
    listed = f"{machine.path(TARGET)}/postgres_data {OWNER}\n" if directories is None else directories
    arguments = (str(machine.path(DEVICE)), str(machine.path(TARGET)), str(gigabytes))
    return machine.run(
        "data_disk",
        *arguments,
        data=bundle.pack({"directories": listed, **systemd.named(systemd.DATA_DISK)}),
        text=text,
    )


def _fstab(machine: Bench) -> list[str]:
    return machine.path("/etc/fstab").read_text().replace(str(machine.root), "").splitlines()


LINE = f"{DEVICE} {TARGET} ext4 defaults,nofail,discard,noatime 0 2"
"""`nofail`, so that a machine without its volume still boots and can be looked at."""


def test_a_volume_is_mounted_now_and_after_a_reboot(machine: Bench) -> None:
    done = _run(machine)
    assert (done.returncode, done.stderr) == (0, "")
    assert _fstab(machine) == ["LABEL=cloudimg-rootfs / ext4 defaults 0 1", LINE]
    assert machine.calls("mount ") == [f"mount {TARGET}"]
    assert machine.calls("resize2fs") == [f"resize2fs {DEVICE}"], "after the volume was made larger"


def test_docker_does_not_start_before_the_disk_is_there(machine: Bench) -> None:
    """Containers would find empty directories, and set up a new database in them."""
    _run(machine)
    unit = machine.path("/etc/systemd/system/docker.service.d/10-data-disk.conf").read_text()
    assert unit == systemd.unit(systemd.DATA_DISK)
    assert f"[Unit]\nRequiresMountsFor={TARGET}\n" in unit
    calls = machine.calls("systemctl daemon-reload", "mount ")
    assert calls[0] == "systemctl daemon-reload"


def test_nothing_can_be_written_beside_the_disk(machine: Bench) -> None:
    _run(machine)
    calls = machine.calls("chattr", "mount ")
    assert calls == [f"chattr +i {TARGET}", f"mount {TARGET}"], "while nothing is mounted on it"


def test_a_second_run_changes_nothing(machine: Bench) -> None:
    _run(machine)
    before = _fstab(machine)
    machine.forget_calls()
    assert _run(machine).returncode == 0
    assert _fstab(machine) == before
    assert machine.calls("mount ", "chattr") == []


def test_the_line_of_another_device_is_taken_out_of_fstab(machine: Bench) -> None:
    fstab = machine.path("/etc/fstab")
    fstab.write_text(fstab.read_text() + f"/dev/old {machine.path(TARGET)} ext4 defaults 0 2\n/dev/x /srv ext4 d 0 2\n")
    _run(machine)
    assert _fstab(machine) == ["LABEL=cloudimg-rootfs / ext4 defaults 0 1", "/dev/x /srv ext4 d 0 2", LINE]


def _mounted(volume: str) -> str:
    """Where Docker mounts it."""
    return f"/var/lib/docker/volumes/{volume}/_data"


STARTED_ANEW = (
    "systemctl start docker",
    "systemctl stop auren",
    "systemctl stop docker.socket docker",
    f"umount --lazy {_mounted('postgres_data')}",
    "systemctl start docker",
    "systemctl start auren",
)
"""While Docker is stopped, nobody can stop a container. While it runs, it believes that its volumes are mounted."""


@pytest.fixture
def running(machine: Bench) -> Bench:
    """Containers run there: one with a volume on the data disk, and one whose volume is elsewhere."""
    machine.path("/run").mkdir()
    machine.path("/etc/systemd/system/auren.service").touch()
    machine.path(f"{TARGET}/postgres_data").mkdir(parents=True)
    machine.stub(
        "docker",
        'case "$1" in ps) echo ID ;; inspect) printf "%s\\n" "7 postgres_data /data" "8 elsewhere /cache" "" ;; esac',
    )
    machine.stub(
        "findmnt",
        'case "$*" in *"--task 7 --mountpoint /data") cat "$state/container" ;;'
        ' *"--raw --output TARGET") cat "$state/mounts" ;; *) echo 8:1 ;; esac',
    )
    mounts = (TARGET, _mounted("postgres_data"), _mounted("elsewhere"))
    machine.state("mounts", "".join(f"{machine.path(mount)}\n" for mount in mounts))
    machine.stub("systemctl", '[ "$*" != "start auren" ] || cp "$state/--devno" "$state/container"')
    return machine


@pytest.mark.parametrize("before", ["", "254:999"])
@pytest.mark.parametrize("inside", ["", "254:999"])
def test_containers_are_started_on_a_disk_that_was_away(running: Bench, before: str, inside: str) -> None:
    """A mount may be left of a volume that was detached from under it; `254:999` is no device's number here."""
    running.state("container", inside)
    if before:
        running.state("--fs-devno", before)
    assert _run(running).returncode == 0
    calls = running.calls("umount", "mount ", "systemctl st", "docker")
    unmounted = [f"umount --lazy {TARGET}"] if before else []
    asked = calls.pop(len(unmounted) + 2), calls.pop(len(unmounted) + 2)
    assert [call.split()[:2] for call in asked] == [["docker", "ps"], ["docker", "inspect"]]
    assert calls == [*unmounted, f"mount {TARGET}", *STARTED_ANEW]
    running.forget_calls()
    assert _run(running).returncode == 0
    assert running.calls("umount", "mount ", "systemctl stop") == []


def test_what_was_cut_while_docker_was_stopped_is_done_again(running: Bench) -> None:
    """No container runs then, and Docker still believes that all volumes are mounted."""
    running.state("container", "254:999")
    running.stub("systemctl", '[ "$*" != "stop docker.socket docker" ] || kill -9 $PPID')
    assert _run(running).returncode == -9
    running.state("container", "7:1")
    running.stub("systemctl")
    running.forget_calls()
    assert _run(running).returncode == 0
    assert running.calls("umount", "systemctl st") == list(STARTED_ANEW)
    running.forget_calls()
    assert _run(running).returncode == 0
    assert running.calls("umount", "systemctl stop") == []


def test_another_empty_disk_is_refused_where_services_have_run(running: Bench) -> None:
    """They would begin with empty stores, before anything of the backups is there."""
    machine = running
    machine.path(f"{TARGET}/postgres_data").rmdir()
    done = _run(machine)
    assert done.returncode == 1
    assert done.stderr.startswith("The data disk is empty, and this machine has run on another one.")
    assert not machine.path(f"{TARGET}/postgres_data").exists(), "a container without its directory does not start"
    assert machine.calls("systemctl st") == []
    machine.path(f"{TARGET}/redis-data").mkdir()
    owned = "".join(f"{machine.path(TARGET)}/{name} {OWNER}\n" for name in ("postgres_data", "redis-data"))
    assert _run(machine, directories=owned).returncode == 0, "a service is new"


def test_containers_are_started_on_a_disk_that_systemd_has_mounted_again(running: Bench) -> None:
    """Whoever asks Docker starts it, and with it the mount, as soon as the volume is attached."""
    running.state("--fs-devno", "7:1")
    running.state("container", "254:999")
    assert _run(running).returncode == 0
    assert running.calls("mount ", "umount", "systemctl st") == list(STARTED_ANEW)


def test_a_mount_of_another_device_is_left_as_it_is(machine: Bench) -> None:
    """Whatever somebody mounted there may hold what containers wrote since."""
    there = next(iter(Path("/sys/dev/block").iterdir())).name
    machine.state("--fs-devno", there)
    done = _run(machine)
    assert done.returncode == 1
    assert f"{TARGET} is mounted from /dev/other, not from {DEVICE}, and is left as it is." in done.stderr
    assert machine.calls("umount", "mount ", "systemctl st", "resize2fs") == []


@pytest.mark.parametrize("found", ["", "xfs", "crypto_LUKS"])
def test_a_volume_that_holds_something_else_is_left_as_it_is(machine: Bench, found: str) -> None:
    machine.state("format", found)
    before = _fstab(machine)
    done = _run(machine)
    assert done.returncode == 1
    assert f"{DEVICE} holds no ext4 file system. It is left as it is" in done.stderr
    assert _fstab(machine) == before
    assert machine.calls("mount ", "resize2fs", "mkfs", "systemctl") == []


def test_a_disk_is_never_formatted(machine: Bench) -> None:
    assert "mkfs" not in machine.text("data_disk")
    assert "wipefs" not in machine.text("data_disk")


def test_a_volume_that_is_still_growing_is_waited_for(machine: Bench) -> None:
    machine.state("bytes", str(GIGABYTE))
    machine.stub("sleep", f'[ "$(wc -l <"{machine.root}/calls")" -lt 10 ] || echo {2 * GIGABYTE} >"$state/bytes"')
    assert _run(machine).returncode == 0
    assert 1 < len(machine.calls("sleep")) < 60


@pytest.mark.parametrize("missing", ["device", "size"])
def test_a_volume_that_never_comes_is_an_error_within_a_minute(machine: Bench, missing: str) -> None:
    if missing == "device":
        machine.path(DEVICE).unlink()
    else:
        machine.state("bytes", str(GIGABYTE))
    done = _run(machine)
    assert done.returncode == 1
    assert f"No volume of 2 GB appeared as {DEVICE} within a minute. Is it attached to this droplet?" in done.stderr
    assert machine.calls("sleep") == ["sleep 1"] * 59


def test_each_service_gets_a_directory_that_nobody_else_reads(machine: Bench) -> None:
    _run(machine, directories="".join(f"{machine.path(TARGET)}/{name} {OWNER}\n" for name in ("one", "two")))
    for name in ("one", "two"):
        assert machine.path(f"{TARGET}/{name}").stat().st_mode & 0o7777 == 0o700


def test_what_is_in_a_directory_stays(machine: Bench) -> None:
    _run(machine)
    data = machine.path(f"{TARGET}/postgres_data")
    (data / "PG_VERSION").write_text("16\n")
    data.chmod(0o750)
    assert _run(machine).returncode == 0
    assert (data / "PG_VERSION").read_text() == "16\n"
    assert data.stat().st_mode & 0o777 == 0o750, "PostgreSQL has set it itself"


def test_a_new_owner_gets_everything_and_the_directory_last(machine: Bench) -> None:
    """Cut in the middle, the directory still shows that it is to be done again."""
    _run(machine)
    data = machine.path(f"{TARGET}/postgres_data")
    (data / "base").mkdir()
    (data / "base/1").touch()
    machine.stub("chown")
    machine.forget_calls()
    assert _run(machine, directories=f"{data} 4242:4242\n").returncode == 0
    calls = machine.calls("chown")
    assert calls[-1] == f"chown 4242:4242 {TARGET}/postgres_data"
    assert all(call.startswith("chown -h 4242:4242 ") for call in calls[:-1]), "a link must not lead out of it"
    assert " ".join(calls[:-1]).count(f"{TARGET}/postgres_data/base") == 2


def test_a_directory_that_must_not_be_cached_is_written_through(machine: Bench) -> None:
    """With what is in it already; the directory comes last, so that a cut in the middle leaves it to be done again."""
    machine.stub("lsattr", 'echo "$(cat "$state/attributes") $2"')
    machine.state("attributes", "--------------e-------")
    path = machine.path(TARGET) / "chromadb-data"
    path.mkdir(parents=True)
    (path / "chroma.sqlite3").touch()
    assert _run(machine, directories=f"{path} {OWNER} sync\n").returncode == 0
    attributes = [call for call in machine.calls("chattr") if "+S" in call]
    assert attributes == [f"chattr +S {TARGET}/chromadb-data/chroma.sqlite3", f"chattr +S {TARGET}/chromadb-data"]
    machine.forget_calls()
    machine.state("attributes", "-S------------e-------")
    assert _run(machine, directories=f"{path} {OWNER} sync\n").returncode == 0
    assert not [call for call in machine.calls("chattr") if "+S" in call]


def test_other_directories_are_cached_as_ever(machine: Bench) -> None:
    assert _run(machine).returncode == 0
    assert not [call for call in machine.calls("chattr") if "+S" in call]
