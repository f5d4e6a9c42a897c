"""What somebody did to the machine by hand is told, a line each, and repaired by typing what is told."""

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from auren_infra.drift.repairs import HERE, ON_THE_MACHINE, TITLE
from auren_infra.files import paths
from auren_infra.services.model import Service
from tests.local.all_services.connections import assert_only_the_links_connect
from tests.local.all_services.drift import RIGHT, drift
from tests.local.deployment import Deployment
from tests.local.host import Host
from tests.local.runner import Runner

pytestmark = pytest.mark.machine

ADDED = "/opt/auren/website/current/by-hand.html"
LINK = "kafka-ui to kafka"
SERVICES = paths.SERVICES
NGINX, POSTGRES, REDIS = (paths.release(name, paths.CURRENT) for name in ("nginx", "postgres", "redis"))
CHROMA = f"{paths.release('chromadb', paths.CURRENT)}/files/chroma.yaml"
SECRET = f"{paths.release('api', paths.CURRENT)}/secrets/redis_password"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPBLuAOksnavoY+4m9qgjLd9oNdNFNsFztZdx13tYVG/ some body"
"""A public key that nobody deployed."""
REDIRECT = "-p tcp -m tcp --dport 5433 -j DNAT --to-destination 172.18.0.12:5432"
Changes = dict[str, tuple[str, ...]]
"""What somebody types on the machine -> how the lines begin that tell of it."""

LINE_BY_LINE: Changes = {
    # Before the others: it would put right what they do.
    "systemctl disable --now auren-watchdog": (
        "auren-watchdog.service is not enabled",
        "auren-watchdog.service is inactive, not active",
    ),
    "docker rm --force auren-bridge": ("auren-bridge is gone",),
    "docker rm --force auren-kafka-ui": (),
    "docker run --detach --name auren-kafka-ui --entrypoint sleep $IMAGE 3600": ("auren-kafka-ui runs ",),
    f"echo '# by hand' >>{NGINX}/files/nginx.conf": (f"{NGINX}/files/nginx.conf has another content",),
    f"echo by hand >{ADDED}": (f"{ADDED} was not deployed",),
    f"chmod 0644 {SECRET}": (f"{SECRET} has the mode 0644, not 0400",),
    f"iptables -S DOCKER-USER | grep '{LINK}' | sed s/^-A/-D/ | xargs iptables": (
        "DOCKER-USER lacks the rule `-A DOCKER-USER -i auren0 -o auren0 -s 172.18.0.17 -d 172.18.0.16 ",
    ),
    "ufw allow 9999/tcp": ("UFW holds a rule that was not deployed, `allow 9999/tcp`",),
    "iptables -I ufw-user-input -s 192.168.0.0/16 -j ACCEPT": (
        "UFW is active, but its rules are not what the kernel holds",
    ),
    f"echo '{KEY}' >>/root/.ssh/authorized_keys": (
        "/root/.ssh/authorized_keys lets in a key that was not deployed, SHA256:rIFXKwMZQXeFK2vyjQKk",
    ),
    "echo PasswordAuthentication yes >/etc/ssh/sshd_config.d/00-hand.conf && systemctl reload ssh": (
        "sshd has PasswordAuthentication yes, not no: /etc/ssh/sshd_config.d/00-hand.conf says so",
    ),
    "printf 'Match User eve\\n  X11Forwarding yes\\n' >>/etc/ssh/sshd_config": (
        "sshd has other settings for some logins, `Match User eve` in /etc/ssh/sshd_config",
    ),
    "useradd --create-home --groups sudo eve && echo eve:secret | chpasswd": (
        "eve has a password",
        "eve was added to the group sudo",
    ),
    f"mkdir /home/eve/.ssh && echo '{KEY}' >/home/eve/.ssh/authorized_keys": (
        "/home/eve/.ssh/authorized_keys lets in a key that was not deployed",
    ),
    "echo 'eve ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/hand": (
        "/etc/sudoers.d/hand holds a rule of sudo that was not deployed",
    ),
    "ip6tables -I INPUT -s 2001:db8::/32 -j ACCEPT": ("INPUT (IPv6) holds a rule past UFW",),
    "ip6tables -I ufw6-user-input -j ACCEPT": ("UFW (IPv6) is active, but its rules are not what the kernel holds",),
    "ip6tables -I FORWARD -i eth9 -j ACCEPT": ("FORWARD (IPv6) lets through what was not deployed",),
    "iptables -A FORWARD -i eth9 -j ACCEPT": ("FORWARD lets through what was not deployed",),
    "iptables -I ufw-before-input -s 192.168.0.0/16 -j ACCEPT": (
        "ufw-before-input lets in what UFW does not by itself",
    ),
    f"iptables -t nat -I PREROUTING {REDIRECT}": (
        f"nat sends packets elsewhere, which was not deployed, `PREROUTING {REDIRECT}`",
    ),
    "nft add table inet hand": ("hand is a table of nftables that was not deployed (inet)",),
    "systemd-run --quiet --unit by-hand nc -lk 9998": ("nc waits for connections on port 9998 (tcp)",),
    "nc -lkp 9997 >/dev/null 2>&1 &": ("nc waits for connections on port 9997 (tcp)",),
    f"chmod 0755 {SERVICES}/postgres/secrets": (f"{SERVICES}/postgres/secrets has the mode 0755, not 0700",),
    "sysctl -q -w net.bridge.bridge-nf-call-ip6tables=0": ("net.bridge.bridge-nf-call-iptables is off",),
}
ALL_AT_ONCE: Changes = {
    # Before the others: it would put right what they do.
    "systemctl stop auren-watchdog": ("auren-watchdog.service is inactive, not active",),
    f"echo '# by hand' >>{NGINX}/files/nginx.conf": (f"{NGINX}/files/nginx.conf has another content",),
    f"sed -i '1i # by hand' {POSTGRES}/files/postgresql.conf": (
        f"{POSTGRES}/files/postgresql.conf has another content",
    ),
    f"rm {CHROMA} && mkdir {CHROMA}": (f"{CHROMA} is gone",),
    f"ln -sfn releases {SERVICES}/kafka/current": ("auren-kafka runs the release",),
    "ln -s /etc/hostname /opt/auren/website/current/link": ("/opt/auren/website/current/link was not deployed",),
    "rm /opt/auren/website/current/index.html": ("/opt/auren/website/current/index.html is gone",),
    "rm /etc/ssh/sshd_config.d/10-auren.conf": (
        "sshd has AuthorizedKeysFile .ssh/authorized_keys .ssh/authorized_keys2, not",
        "sshd has X11Forwarding yes, not no: /etc/ssh/sshd_config.d/10-auren.conf does not count",
    ),
    "printf 'Port 22\\nPort 2222\\n' >/etc/ssh/sshd_config.d/00-hand.conf && systemctl reload ssh": (
        "sshd has Port 2222, not 22: /etc/ssh/sshd_config.d/00-hand.conf says so",
    ),
    f"echo '{KEY}' >/root/.ssh/authorized_keys2": ("/root/.ssh/authorized_keys2 lets in a key that was not deployed",),
    "useradd --non-unique --uid 0 --home-dir /root --no-create-home toor": ("toor has the user id 0",),
    "echo root:secret | chpasswd": ("root has a password",),
    "chown 1000 /opt/auren": ("/opt/auren belongs to 1000:0, not 0:0",),
    "chmod 0777 /mnt/auren-data/redis-data": ("/mnt/auren-data/redis-data has the mode 0777, which lets everybody in",),
    "iptables -t nat -A DOCKER -p tcp --dport 5433 -j DNAT --to-destination 172.18.0.12:5432": (
        "nat sends packets elsewhere, which was not deployed, `DOCKER ",
    ),
    f"chmod 0755 {SERVICES}": (f"{SERVICES} has the mode 0755, not 0700",),
    "chmod 0644 /usr/local/lib/auren/watchdog": ("/usr/local/lib/auren/watchdog has the mode 0644, not 0755",),
    f"chown 1000 {REDIS}/files/redis.conf": (f"{REDIS}/files/redis.conf belongs to 1000:0, not root:root",),
    "rm /etc/systemd/system/auren.service": (
        "/etc/systemd/system/auren.service is gone",
        "auren.service is not enabled",
    ),
    "echo '{\"icc\": true}' >/etc/docker/daemon.json": ("/etc/docker/daemon.json has another content",),
    "docker rm --force auren-bridge": ("auren-bridge is gone",),
    "docker stop auren-kafka-ui": ("auren-kafka-ui is exited, not running",),
    "docker pause auren-chromadb": ("auren-chromadb is paused, not running",),
    "docker rename auren-redis by-hand": ("auren-redis is gone", "by-hand is a container that was not deployed"),
    "docker update --memory 1g --memory-swap 1g auren-api": (
        "auren-api has memory limit 1073741824, not",
        "auren-api has memory and swap limit 1073741824, not",
    ),
    "systemctl mask --now logrotate.timer": ("logrotate.timer is masked",),
    "systemctl disable auren-firewall": (
        "auren-firewall.service is not enabled",
        "docker.service starts without the container firewall",
    ),
    "sed -i /auren-data/d /etc/fstab": ("/etc/fstab does not mount ",),
    "iptables -I FORWARD -i auren0 -j ACCEPT": (
        "FORWARD lets packets through before it asks DOCKER-USER, `-A FORWARD -i auren0 -j ACCEPT`",
    ),
    "iptables -F DOCKER-USER": ("DOCKER-USER holds no rule",),
    "ufw disable": ("UFW is not active",),
}
ANOTHER_NETWORK: Changes = {
    "systemctl stop auren && docker ps --all --quiet | xargs docker rm --force && docker network rm auren-network "
    "&& docker network create --subnet 172.18.0.0/16 auren-network "
    "&& docker run --detach --network auren-network --name by-hand --entrypoint sleep $IMAGE 3600": (),
}


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


@dataclass(frozen=True)
class Operator:
    """Somebody who types exactly what is said."""

    host: Host
    deployment: Deployment
    containers: list[str]

    def change(self, changes: Changes) -> None:
        image = self.host.containers()["auren-redis"]["Config"]["Image"]
        for command in changes:
            self.host.run("sh", "-c", command.replace("$IMAGE", image))

    def follow_line(self, line: str) -> None:
        """First on the machine, then here."""
        for command in re.findall(r"`([^`]+)`", line.rpartition(" Repair: ")[2]):
            self.type(command)

    def follow_order(self, told: str) -> None:
        steps = told.partition(f"\n{TITLE}\n")[2].splitlines()
        assert steps, told
        where = ""
        for line in steps:
            if line.startswith("     "):
                assert where == (HERE if line.strip().startswith("pulumi ") else ON_THE_MACHINE)
                self.type(line.strip())
            else:
                where = line.partition(". ")[2]

    def type(self, command: str) -> None:
        words = shlex.split(command)
        if words[0] == "pulumi":
            self.deployment.pulumi(*words[1:], "--yes", "--skip-preview", "--non-interactive")
        else:
            self.host.run("sh", "-c", command)

    def wait(self) -> None:
        self.host.wait_until_healthy(self.containers, 120)


@pytest.fixture
def operator(host: Host, deployment: Deployment, containers: list[str]) -> Iterator[Operator]:
    operator = Operator(host, deployment, containers)
    yield operator
    # Whatever the test has left, the next one finds it right.
    for line in drift()[1].partition(f"\n{TITLE}\n")[0].splitlines():
        operator.follow_line(line)
    operator.wait()


def assert_told(changes: Changes, told: str) -> list[str]:
    """Each of them and nothing else; the lines. What needs a container that is changed may be unhealthy meanwhile."""
    lines = [line for line in told.splitlines() if " Repair: " in line]
    said = [re.sub(r"^(\S+)/releases/[0-9a-f]{16}/", r"\1/current/", line) for line in lines]
    beginnings = [beginning for told_as in changes.values() for beginning in told_as]
    untold = [beginning for beginning in beginnings if not any(line.startswith(beginning) for line in said)]
    others = [line for line in said if not line.startswith(tuple(beginnings))]
    unexpected = [line for line in others if not re.match(r"auren-[a-z-]+ is unhealthy\.", line)]
    assert (untold, unexpected) == ([], []), told
    return lines


def test_a_machine_that_nobody_touched_is_what_was_deployed(first_up: str) -> None:
    assert drift() == (0, RIGHT)


def test_the_nightly_look_finds_nothing_to_tell(nightly: Callable[[], tuple[str, str]], first_up: str) -> None:
    found, report = nightly()
    assert found == "found=no", report
    assert RIGHT in report


@pytest.mark.long(40)
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


def test_a_restart_of_docker_is_no_difference(operator: Operator, host: Host, services: dict[str, Service]) -> None:
    """Docker 28 puts the container firewall first again. What older ones put before it is in the unit tests."""
    host.run("systemctl", "restart", "docker")
    operator.wait()
    assert host.run("iptables", "-S", "FORWARD").splitlines()[1] == "-A FORWARD -j DOCKER-USER"
    assert drift() == (0, RIGHT)
    assert_only_the_links_connect(host, services)


@pytest.mark.long
def test_what_was_done_by_hand_is_told_and_repaired_line_by_line(
    operator: Operator, nightly: Callable[[], tuple[str, str]]
) -> None:
    operator.change(LINE_BY_LINE)
    status, told = drift()
    assert status == 1
    found, report = nightly()
    assert found == "found=yes"
    assert told in report
    for line in assert_told(LINE_BY_LINE, told):
        operator.follow_line(line)
    operator.wait()
    assert drift() == (0, RIGHT)


@pytest.mark.long
def test_what_was_done_by_hand_is_repaired_at_once_in_the_order_that_is_told(
    operator: Operator, host: Host, services: dict[str, Service]
) -> None:
    operator.change(ALL_AT_ONCE)
    status, told = drift()
    assert status == 1
    assert_told(ALL_AT_ONCE, told)
    operator.follow_order(told)
    operator.wait()
    assert drift() == (0, RIGHT)
    assert_only_the_links_connect(host, services)


@pytest.mark.long
def test_a_network_that_was_made_by_hand_is_made_anew_with_all_that_is_on_it(
    operator: Operator, host: Host, services: dict[str, Service]
) -> None:
    operator.change(ANOTHER_NETWORK)
    status, told = drift()
    assert status == 1
    assert "auren-network is a bridge network 172.18.0.0/16 as None, icc None, IPv6 False, not a bridge " in told
    operator.follow_order(told)
    operator.wait()
    assert drift() == (0, RIGHT)
    assert_only_the_links_connect(host, services)


def test_after_all_that_pulumi_has_nothing_to_do(deployment: Deployment, first_up: str) -> None:
    assert deployment.planned() == {}
