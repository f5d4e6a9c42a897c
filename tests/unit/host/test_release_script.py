"""release_data_disk.sh: clean on a machine that answers, bounded on one that does not."""

import subprocess
import sys
from pathlib import Path

import pytest

from auren_infra.host.machine import script
from tests.unit.host.bench import Bench

SSH = r"""
cat >"$state/sent"
for word in "$@"; do
    case "$word" in
    */key) cat "$word" >"$state/key"; stat -c %a "$word" >"$state/mode" ;;
    UserKnownHostsFile=*) cat "${word#*=}" >"$state/known_hosts" ;;
    esac
done
status=$(head -n 1 "$state/statuses")
sed -i 1d "$state/statuses"
exit "${status:-0}"
"""
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n-----END OPENSSH PRIVATE KEY-----\n"


def _release(bench: Bench, *statuses: int, key: str = KEY) -> subprocess.CompletedProcess[str]:
    """Run it as the local command does: as an argument of bash, the key on standard input."""
    bench.stub("ssh", SSH)
    bench.state("statuses", "\n".join(str(status) for status in statuses))
    return subprocess.run(
        ["/bin/bash", "-c", bench.text("release_data_disk")],
        check=False,
        input=key,
        capture_output=True,
        text=True,
        timeout=60,
        env={
            "PATH": f"{bench.root}/bin",
            "TMPDIR": f"{bench.root}/tmp",
            "HOST": "198.51.100.10",
            "KNOWN_HOSTS": "198.51.100.10 ssh-ed25519 AAAAC3",
            "TARGET": "/mnt/auren-data",
        },
    )


def test_a_machine_that_answers_is_brought_down_cleanly(bench: Bench) -> None:
    done = _release(bench, 0)
    assert (done.returncode, done.stderr) == (0, "")
    (call,) = bench.calls("ssh")
    assert call.endswith("root@198.51.100.10 bash -s -- /mnt/auren-data")
    sent = (bench.root / "state/sent").read_text()
    steps = ("auren-watchdog", "docker compose", "docker stop", "systemctl stop docker.socket docker", "sync", "umount")
    order = [sent.index(step) for step in steps]
    assert order == sorted(order), "nothing may write, or start again, any more when the disk is unmounted"


def test_only_the_machine_itself_is_trusted_and_only_its_key_is_used(bench: Bench) -> None:
    _release(bench, 0)
    (call,) = bench.calls("ssh")
    for option in ("StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "BatchMode=yes"):
        assert f"-o {option}" in call
    assert (bench.root / "state/known_hosts").read_text() == "198.51.100.10 ssh-ed25519 AAAAC3\n"
    assert (bench.root / "state/key").read_text() == KEY
    assert (bench.root / "state/mode").read_text() == "600\n"


def test_a_key_that_the_stack_does_not_keep_is_the_agents(bench: Bench) -> None:
    bench.stub("ssh-add")
    done = _release(bench, 0, key="")
    assert (done.returncode, done.stderr) == (0, "")
    (call,) = bench.calls("ssh -")
    assert "-o BatchMode=yes" in call
    assert not [word for word in ("-i ", "IdentitiesOnly", "IdentityAgent") if word in call]


def test_without_the_agent_a_living_machine_is_not_taken_for_dead(bench: Bench) -> None:
    bench.stub("ssh-add", "exit 2")
    done = _release(bench, *[255] * 10, key="")
    assert done.returncode == 1
    assert "no SSH agent here holds one.\nNothing was detached." in done.stderr
    assert bench.calls("ssh -") == []


@pytest.mark.parametrize("statuses", [(0,), (255, 255, 255, 255), (1,)])
def test_the_key_does_not_stay_on_the_disk(bench: Bench, statuses: tuple[int, ...]) -> None:
    _release(bench, *statuses)
    assert list(bench.path("/tmp").iterdir()) == []


def test_a_machine_that_is_dead_is_not_in_the_way(bench: Bench) -> None:
    done = _release(bench, *[255] * 10)
    assert done.returncode == 0
    assert "198.51.100.10 does not answer over SSH: taken for dead" in done.stdout
    assert len(bench.calls("ssh")) == 4
    assert bench.calls("sleep") == ["sleep 5"] * 3
    assert all("ConnectTimeout=10" in call for call in bench.calls("ssh")), "four tries within a minute"


def test_a_machine_that_answers_late_is_brought_down_as_well(bench: Bench) -> None:
    done = _release(bench, 255, 255, 0)
    assert done.returncode == 0
    assert "taken for dead" not in done.stdout


@pytest.mark.parametrize("status", [1, 32, 124])
def test_a_disk_that_is_in_use_is_not_torn_away(bench: Bench, status: int) -> None:
    """The machine lives, so what it has not written yet would be lost."""
    done = _release(bench, status)
    assert done.returncode == 1
    assert f"could not be brought down cleanly (exit {status}): nothing was detached." in done.stderr
    assert "(fuser -vm /mnt/auren-data)" in done.stderr


def test_shellcheck_has_nothing_to_say_of_what_runs_on_the_droplet(bench: Bench, tmp_path: Path) -> None:
    """In the script itself it is only text."""
    remote = script("release_data_disk").split("<<'REMOTE'\n")[1].split("\nREMOTE\n")[0]
    file = tmp_path / "remote.sh"
    file.write_text(f"#!/usr/bin/env bash\n{remote}\n")
    shellcheck = Path(sys.executable).with_name("shellcheck")
    said = subprocess.run([shellcheck, file], check=False, capture_output=True, text=True, timeout=60)
    assert (said.returncode, said.stdout) == (0, "")


REMOTE_DOCKER = r"""
case "$*" in
info) [ ! -e "$state/no-docker" ] ;;
"compose "*" stop") exit 1 ;;
"ps --quiet") printf '%s' "$(cat "$state/containers" 2>/dev/null)" ;;
"stop "*) ;;
*) exit 98 ;;
esac
"""


@pytest.fixture
def droplet(bench: Bench) -> Bench:
    """A droplet with the disk mounted and one container that Compose does not know."""
    bench.path("/opt/auren/docker-compose.prod.yml").touch()
    bench.state("containers", "c9")
    bench.stub("docker", REMOTE_DOCKER)
    bench.stub("findmnt", '[ ! -e "$state/unmounted" ] && echo /dev/sda')
    bench.stub("umount", '[ ! -e "$state/busy" ] || { echo "target is busy" >&2; exit 32; }')
    bench.stub("systemctl")
    bench.stub("sync")
    return bench


def _on_the_droplet(droplet: Bench) -> subprocess.CompletedProcess[str]:
    remote = droplet.text("release_data_disk").split("<<'REMOTE'\n")[1].split("\nREMOTE\n")[0]
    return droplet.run("release_data_disk", "/mnt/auren-data", text=f"{remote}\n")


def test_all_containers_are_stopped_even_when_compose_cannot(droplet: Bench) -> None:
    done = _on_the_droplet(droplet)
    assert (done.returncode, done.stderr) == (0, "")
    assert droplet.calls("docker stop") == ["docker stop --time 60 c9"]
    assert droplet.calls("umount") == ["umount --all-targets /dev/sda"]


def test_a_disk_that_stays_mounted_is_an_error(droplet: Bench) -> None:
    droplet.state("busy", "")
    assert _on_the_droplet(droplet).returncode == 32


def test_a_second_release_has_nothing_to_do(droplet: Bench) -> None:
    droplet.state("unmounted", "")
    droplet.state("no-docker", "")
    assert _on_the_droplet(droplet).returncode == 0
    assert droplet.calls("docker stop", "umount") == []
