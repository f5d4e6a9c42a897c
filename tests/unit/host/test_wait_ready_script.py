"""wait_ready.sh: when a machine can be worked on, and what is said of one that cannot."""

import subprocess

import pytest

from auren_infra.files import paths
from auren_infra.files.render import template
from tests.unit.host.bench import Bench

SSHD = """permitrootlogin without-password
passwordauthentication no
kbdinteractiveauthentication no
authorizedkeysfile .ssh/authorized_keys /root/.ssh/operators
"""
"""What `sshd -T` prints of it."""

LOCKED_AT_FIRST = r"""
if [ "$1" = --audit ]; then
    cat "$state/unconfigured" 2>/dev/null
elif [ -e "$state/locked" ]; then
    rm "$state/unconfigured"
else
    touch "$state/locked"
    echo "dpkg: error: dpkg frontend lock was locked by another process" >&2
    exit 2
fi
exit 0
"""


@pytest.fixture
def host(bench: Bench) -> Bench:
    _sshd(bench, SSHD)
    bench.stub("dpkg", '[ "$1" != --audit ] || cat "$state/unconfigured" 2>/dev/null')
    _first_boot(bench, 0)
    return bench


def _sshd(bench: Bench, settings: str) -> None:
    bench.state("sshd", settings.strip())
    # The script's own paths are those of the bench.
    bench.stub("sshd", f'[ "$*" = -T ] && sed "s|/root|{bench.root}/root|" "$state/sshd"')


def _first_boot(bench: Bench, status: int) -> None:
    bench.stub("cloud-init", f'echo "status: whatever"; [ "$2" != --wait ] && [ "$3" != --wait ] || exit {status}')


def _wait(bench: Bench) -> subprocess.CompletedProcess[str]:
    return bench.run("wait_ready", "600")


@pytest.mark.parametrize("status", [0, 2])
def test_a_first_boot_is_over_when_cloud_init_says_so(host: Bench, status: int) -> None:
    """Its 2 is "done, with a recoverable error"."""
    _first_boot(host, status)
    done = _wait(host)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert host.calls("cloud-init") == ["cloud-init status --wait"]
    assert host.path("/opt/auren/services").stat().st_mode & 0o777 == 0o700
    assert host.path("/root/.ssh").stat().st_mode & 0o777 == 0o700


def test_directories_that_somebody_opened_are_closed_again(host: Bench) -> None:
    _wait(host)
    host.path("/opt/auren/services").chmod(0o755)
    _wait(host)
    assert host.path("/opt/auren/services").stat().st_mode & 0o777 == 0o700


def test_an_error_that_left_what_is_needed_is_told_and_no_obstacle(host: Bench) -> None:
    """cloud-init keeps its error, so every later run would fail as well."""
    _first_boot(host, 1)
    done = _wait(host)
    assert (done.returncode, done.stderr) == (0, "")
    assert "cloud-init ended the first boot with an error, but all that is needed of it is there." in done.stdout
    assert "status: whatever" in done.stdout
    assert host.path("/opt/auren/services").exists()


@pytest.mark.parametrize("missing", [line for line in SSHD.splitlines() if "root" not in line.split(maxsplit=1)[0]])
def test_an_error_that_left_sshd_open_says_what_to_do(host: Bench, missing: str) -> None:
    _first_boot(host, 1)
    _sshd(host, SSHD.replace(missing, f"{missing.split(maxsplit=1)[0]} yes"))
    done = _wait(host)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"`{missing}` does not count" in done.stderr
    assert "status: whatever" in done.stderr
    assert "Replace it: `pulumi up --replace URN`" in done.stderr
    assert not host.path("/opt/auren/services").exists()


def test_what_is_looked_for_is_what_the_user_data_sets() -> None:
    set_by_us = [line.lower() for line in template("sshd.conf", operator_keys=paths.OPERATOR_KEYS).splitlines()]
    assert {line for line in SSHD.splitlines() if "root" not in line.split(maxsplit=1)[0]} <= set(set_by_us)


def test_the_wait_for_the_first_boot_has_an_end(host: Bench) -> None:
    host.stub("cloud-init", "tail -f /dev/null")
    done = host.run("wait_ready", "0.3")
    assert done.returncode == 1
    assert "The first boot was not over after 0.3 s" in done.stderr
    assert "Run pulumi again to wait for it again" in done.stderr


def test_an_image_without_cloud_init_is_told(host: Bench) -> None:
    (host.root / "bin/cloud-init").unlink()
    done = _wait(host)
    assert done.returncode == 1
    assert "The droplet's image must have it." in done.stderr


def test_packages_whose_run_was_cut_are_configured(host: Bench) -> None:
    """Somebody else holds the lock at first; a machine on which nothing was cut is left alone."""
    _wait(host)
    assert host.calls("dpkg") == ["dpkg --audit"]
    host.forget_calls()
    host.state("unconfigured", "The following packages are only half configured: do-agent")
    host.stub("dpkg", LOCKED_AT_FIRST)
    done = _wait(host)
    assert (done.returncode, done.stderr) == (0, "")
    assert host.calls("dpkg --force") == ["dpkg --force-confdef --force-confold --configure -a"] * 2
    assert host.calls("sleep") == ["sleep 10"]


def test_packages_that_cannot_be_configured_are_told(host: Bench) -> None:
    host.state("unconfigured", "The following packages are only half configured: do-agent")
    done = _wait(host)
    assert done.returncode == 1
    assert "half configured: do-agent" in done.stderr
    assert "`dpkg --configure -a` cannot end that" in done.stderr
    assert len(host.calls("dpkg --force")) == 30
