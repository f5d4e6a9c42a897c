"""What somebody did to the machine by hand is told, a line each, and put right by what the line says."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import environment, layout
from tests.local.deployment import STACK, Deployment
from tests.local.host import Host
from tests.local.runner import Runner

pytestmark = pytest.mark.machine

RIGHT = "The machine is what was deployed.\n"
ADDED = "/opt/auren/website/by-hand.html"
LINK = "kafka-ui to kafka"
BY_HAND = (
    # Nothing else depends on either service. What was removed, no watchdog makes anew.
    "docker rm --force auren-bridge",
    "docker rm --force auren-kafka-ui",
    "docker run --detach --name auren-kafka-ui --entrypoint sleep $IMAGE 3600",
    "echo '# by hand' >>/opt/auren/nginx.conf",
    f"echo by hand >{ADDED}",
    "chmod 0644 /opt/auren/secrets/api/redis_password",
    f"iptables -S DOCKER-USER | grep '{LINK}' | sed s/^-A/-D/ | xargs iptables",
    "ufw allow 9999/tcp",
    "iptables -I ufw-user-input -s 192.168.0.0/16 -j ACCEPT",
    "sysctl -q -w net.bridge.bridge-nf-call-ip6tables=0",
    "systemctl disable auren-watchdog",
)


def drift() -> tuple[int, str]:
    """Its exit status, and what it printed, as an operator calls it."""
    done = subprocess.run(
        [sys.executable, "-m", "auren_infra.drift", "--stack", STACK],
        cwd=layout.PROJECT,
        env=environment.complete(STACK),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.fixture
def workflow(tmp_path: Path) -> Callable[..., str]:
    """Run a step of a workflow as a runner would; what it printed."""

    runner = Runner(tmp_path)

    def run(*step: str) -> str:
        done = runner.step(*step)
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run


@pytest.fixture
def nightly(workflow: Callable[..., str], tmp_path: Path) -> Callable[[], tuple[str, str]]:
    """Whether the nightly look finds a difference, and its report."""

    def look() -> tuple[str, str]:
        workflow("drift", "look", "Look")
        return (tmp_path / "output").read_text().splitlines()[-1], (tmp_path / "report.md").read_text()

    return look


def mend(line: str, host: Host, deployment: Deployment) -> None:
    """Type what a line says, first on the machine, then here."""
    for command in re.findall(r"`([^`]+)`", line.rpartition(" Mend: ")[2]):
        words = shlex.split(command)
        if words[0] == "pulumi":
            deployment.pulumi(*words[1:], "--yes", "--skip-preview", "--non-interactive")
        else:
            host.run("sh", "-c", command)


@pytest.fixture
def touched(host: Host, deployment: Deployment, containers: list[str]) -> Iterator[None]:
    image = host.containers()["auren-redis"]["Config"]["Image"]
    for command in BY_HAND:
        host.run("sh", "-c", command.replace("$IMAGE", image))
    yield
    # Whatever the test has left, the next module finds it right.
    for line in drift()[1].splitlines():
        mend(line, host, deployment)
    host.wait_until_healthy(containers, 90)


def test_a_machine_that_nobody_touched_is_what_was_deployed(first_up: str) -> None:
    assert drift() == (0, RIGHT)


def test_the_nightly_look_finds_nothing_to_tell(nightly: Callable[[], tuple[str, str]], first_up: str) -> None:
    found, report = nightly()
    assert found == "found=no", report
    assert RIGHT in report


def test_a_merge_is_deployed_by_its_workflow(workflow: Callable[..., str], deployment: Deployment, host: Host) -> None:
    deployment.configure(maxUploadMegabytes=12)
    try:
        assert re.search(r"~ 2 updated", workflow("deploy", "up", "Update"))
        assert RIGHT in workflow("deploy", "up", "Look whether the machine is what was deployed")
    finally:
        deployment.configure(maxUploadMegabytes=None)
        deployment.up()


def test_it_is_one_login_and_changes_nothing(host: Host) -> None:
    before, logins = host.containers(), host.logins()
    drift()
    assert host.logins() == logins + 1
    after = host.containers()
    assert {name: each["Id"] for name, each in after.items()} == {name: each["Id"] for name, each in before.items()}


def test_what_was_done_by_hand_is_told_and_put_right(
    host: Host,
    deployment: Deployment,
    touched: None,
    containers: list[str],
    nightly: Callable[[], tuple[str, str]],
) -> None:
    status, told = drift()
    assert status == 1
    found, report = nightly()
    assert found == "found=yes"
    assert told in report
    lines = [line for line in told.splitlines() if " Mend: " in line]
    beginnings = (
        "auren-watchdog.service is not enabled",
        "DOCKER-USER lacks the rule `-A DOCKER-USER -i auren0 -o auren0 -s 172.18.0.17 -d 172.18.0.16 ",
        "net.bridge.bridge-nf-call-iptables is off",
        "UFW holds a rule that was not deployed, `allow 9999/tcp`",
        "UFW is active, but its rules are not what the kernel holds",
        "/opt/auren/nginx.conf has another content than was deployed",
        "/opt/auren/secrets/api/redis_password has the mode 0644, not 0400",
        f"{ADDED} was not deployed",
        "auren-nginx still reads another /opt/auren/nginx.conf than was deployed",
        "auren-bridge is gone",
        "auren-kafka-ui runs ",
    )
    untold = [beginning for beginning in beginnings if not any(line.startswith(beginning) for line in lines)]
    assert (len(lines), untold) == (len(beginnings), []), told
    for line in lines:
        mend(line, host, deployment)
    host.wait_until_healthy(containers, 90)
    assert drift() == (0, RIGHT)


def test_after_all_that_pulumi_has_nothing_to_do(deployment: Deployment, first_up: str) -> None:
    assert deployment.planned() == {}
