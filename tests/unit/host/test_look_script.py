"""look.sh: it asks, and its answers come back as they were, whatever is in them."""

import hashlib
import hmac
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auren_infra.drift.facts import Accepted, Facts, read
from auren_infra.drift.look import pads
from auren_infra.files.directory import pack
from tests.unit.host.bench import OWNER, Bench

DOCKER = r"""
case "$*" in
"ps --all --quiet --no-trunc") echo 4711 ;;
"version") ;;
"version --format"*) printf 'engine 29.8.2\nclient 29.8.2\ncontainerd v2.3.6\n' ;;
"compose version --short") echo 5.6.0 ;;
"inspect --format {{range .Mounts}}"*) printf '0\t/auren-nginx\t/opt/auren/nginx.conf\t/etc/nginx.conf\n' ;;
"inspect --format {{index .Config.Labels \"auren.release\"}} auren-nginx") echo 4711 ;;
"exec auren-nginx curl -fsS --max-time 5 http://127.0.0.1:8079/") cat "$state/told" 2>/dev/null ;;
"inspect --format {"*) echo '{"id":"4711"}' ;;
"network ls --quiet") echo 0815 ;;
"network inspect --format"*) echo '{"Name":"auren-network"}' ;;
*) echo "not expected: docker $*" >&2; exit 98 ;;
esac
"""
NOTHING_ELSE = ("iptables", "ip6tables", "nft", "sysctl", "ufw", "systemctl", "findmnt", "sshd", "ss")
PASSWORDS = {
    "root": "*",
    "eve": "$y$j9T$0123456789$abcdefghijklmnop",
    "old": "ab0123456789.",
    "guest": "",
    "locked": "!$6$0123456789$abcdefghijklmnop",
    "new": "!*",
}
"""As they stand in /etc/shadow."""


@pytest.fixture
def host(bench: Bench) -> Bench:
    bench.stub("docker", DOCKER)
    bench.stub("dpkg-query", "printf 'docker-ce hold installed\\ndocker-cli install not-installed\\n'; exit 1")
    for name in NOTHING_ELSE:
        bench.stub(name, f'[ "$1" = is-active ] || echo "{name} says this"')
    homes = "".join(f"{name}:x:0:0::{bench.root}/home/{name}:/bin/sh\n" for name in PASSWORDS)
    databases = {
        "passwd": homes + "open::7:7::/:/bin/sh\n",
        "shadow": "".join(f"{name}:{password}:20000:0:::::\n" for name, password in PASSWORDS.items()),
        "group": "sudo:x:27:eve,mallory\n",
    }
    for name, text in databases.items():
        bench.state(name, text.rstrip("\n"))
    bench.stub("getent", 'cat "$state/$1"')
    for program in ("ssh-keygen", "md5sum"):
        bench.stub(program, f'exec {shutil.which(program)} "$@"')
    bench.stub("true", 'echo "${@: -1}"')
    return bench


def _look(host: Bench, *questions: str) -> Facts:
    done = host.run("look", data="".join(f"{question}\n" for question in questions))
    assert (done.returncode, done.stderr) == (0, "")
    return read(done.stdout)


def test_files_are_described_and_what_is_not_there_is_left_out(host: Bench) -> None:
    path = host.path("/opt/auren/a file.conf")
    host.run("put_file", str(path), "0640", OWNER, data="one\n")
    found = _look(host, f"file {path}", f"file {path}.not", f"file {path.parent}").files
    assert set(found) == {str(path), str(path.parent)}
    assert found[str(path)].mode == 0o640
    assert found[str(path)].owner[0] == OWNER
    assert found[str(path)].digest == "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806"
    assert found[str(path.parent)].digest == "-"


@pytest.mark.parametrize("key", ["0123456789abcdef6666\\\\", "6" * 64, "k"])
def test_a_secret_is_told_by_its_hmac_alone(host: Bench, key: str) -> None:
    """A digest of a short secret can be tried out; of one with a key, only by who has the key."""
    path, content = host.path("/opt/auren/services/api/current/secrets/key"), "öpensesame\n"
    host.run("put_file", str(path), "0400", OWNER, data=content)
    facts = _look(host, f"key {' '.join(pads(key))}", f"secret {path}")
    assert facts.files[str(path)].digest == hmac.new(key.encode(), content.encode(), "sha256").hexdigest()
    assert hashlib.sha256(content.encode()).hexdigest() not in str(facts)


def test_a_tree_is_all_its_files(host: Bench, tmp_path: Path) -> None:
    website, tree = tmp_path / "website", host.path("/opt/auren/website")
    names = {"index.html", "assets/a  b.js", "$(touch pwned).html", "-rf"}
    for name in names:
        (website / name).parent.mkdir(parents=True, exist_ok=True)
        (website / name).write_text(name)
    host.run("put_tree", str(tree), data=pack(website))
    assert set(_look(host, f"tree {tree}").files) == {f"{tree}/{name}" for name in names}


def test_the_list_of_the_release_that_is_read_in_a_directory_is_told(host: Bench) -> None:
    website = host.path("/opt/auren/website")
    (website / "releases").mkdir(parents=True)
    for name, text in (("0815", "image one\ndigest  a  b.js\n"), ("4711", "image two\n")):
        (website / f"releases/{name}.manifest").write_text(text)
    (website / "current").symlink_to("releases/0815")
    assert _look(host, f"manifest {website}").manifest(str(website)) == "image one\ndigest  a  b.js\n"
    (website / "current").unlink()
    assert _look(host, f"manifest {website}").manifest(str(website)) == ""


def test_the_accepted_release_of_each_service_is_read(host: Bench) -> None:
    for service in ("nginx", "redis"):
        host.path(f"/opt/auren/services/{service}/releases/0815").mkdir(parents=True)
    host.path("/opt/auren/services/nginx/current").symlink_to("releases/0815")
    host.path("/opt/auren/services/nginx/previous").symlink_to("releases/4711")
    assert _look(host).accepted == {"nginx": Accepted("0815", "nginx", rolled_back=False)}


@pytest.mark.parametrize(
    ("live", "told", "runs"),
    [("0815", "0815", "0815"), ("0815", "4711", "4711"), ("0815", "", "0815"), ("0007", "4711", ""), ("", "4711", "")],
    ids=["as led", "a cut before the reload", "stopped", "led to another container", "no link"],
)
def test_what_a_container_runs_that_reloads_is_asked(host: Bench, live: str, told: str, runs: str) -> None:
    service = host.path("/opt/auren/services/nginx")
    for release, image in (("0815", "a"), ("4711", "a"), ("0007", "b")):
        (service / "releases" / release).mkdir(parents=True)
        text = f"image: {image}\nvolumes:\n- {service}:/etc/auren:ro\nlabel: {release}\n"
        (service / "releases" / release / "compose.yml").write_text(text)
    (service / "current").symlink_to("releases/0815")
    if live:
        (service / "live").symlink_to(f"releases/{live}")
    if told:
        host.state("told", told)
    assert _look(host).reloading == {"nginx": runs}


def test_nothing_was_started_yet(host: Bench) -> None:
    assert _look(host).accepted == {}


def test_all_others_are_asked_and_quoted(host: Bench) -> None:
    facts = _look(host, "unit auren.service", "unit docker.service", "disk /dev/sda /mnt/auren-data")
    versions = {"engine": "29.8.2", "client": "29.8.2", "containerd": "2.3.6", "compose": "5.6.0"}
    assert facts.docker_versions == versions
    assert facts.docker_packages == {"docker-ce": True}
    assert facts.answers["rules"].text == "iptables says this\n"
    assert facts.answers["ufw-status"].text == "ufw says this\n"
    assert facts.disks == {"/mnt/auren-data": ("/dev/sda", "findmnt says this")}
    (shown,) = host.calls("systemctl show")
    assert shown.endswith(" auren.service docker.service")


def test_a_command_that_fails_is_an_answer(host: Bench) -> None:
    host.stub("docker", "exit 1")
    host.stub("ufw", "exit 127")
    facts = _look(host)
    assert facts.containers is None
    assert facts.docker_versions == {}
    assert not facts.ufw_active


def test_a_link_is_told_and_not_followed(host: Bench) -> None:
    tree = host.path("/opt/auren/website")
    tree.mkdir()
    for name, target in {"file": "/etc/hostname", "directory": "/etc", "nowhere": "/nonexistent"}.items():
        (tree / name).symlink_to(target)
    found = _look(host, f"tree {tree}", f"file {tree / 'file'}").files
    assert {path: inode.digest for path, inode in found.items()} == dict.fromkeys(map(str, tree.iterdir()), "-")


def test_docker_that_does_not_run_is_not_asked(host: Bench) -> None:
    """Its socket would start it."""
    host.stub("systemctl", '[ "$1" != is-active ]')
    facts = _look(host)
    assert facts.containers is None
    assert (facts.docker_versions, facts.networks) == ({}, {})
    assert host.calls("docker") == []


KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIPBLuAOksnavoY+4m9qgjLd9oNdNFNsFztZdx13tYVG/"
FINGERPRINT = "SHA256:rIFXKwMZQXeFK2vyjQKks5pVcsG7AWf4ojMhEvU5gH0"


def test_of_a_password_is_told_whether_there_is_one(host: Bench) -> None:
    facts = _look(host)
    told = {line.split(":")[0]: line.rsplit(":", 1)[1] for line in facts.lines("users")}
    assert told == {
        "root": "none",
        "eve": "set",
        "old": "set",
        "guest": "empty",
        "locked": "none",
        "new": "none",
        "open": "empty",
    }
    shown = "".join(answer.text for answer in facts.answers.values())
    assert not any(password in shown for password in PASSWORDS.values() if len(password) > 2)
    assert facts.lines("groups") == ["sudo:27:eve,mallory"]


def test_of_a_key_are_told_its_fingerprint_its_comment_and_its_type(host: Bench) -> None:
    ssh = host.path("/home/eve/.ssh")
    ssh.mkdir(parents=True)
    options = 'command="echo a b",from="10.0.0.0/8"'
    (ssh / "authorized_keys").write_text(f"# nobody\nno key\n{options} ssh-ed25519 {KEY} some \x1b[31mbody\n")
    (ssh / "authorized_keys2").write_text(f"ssh-ed25519 {KEY}")
    assert [line.replace(str(host.root), "") for line in _look(host).lines("keys")] == [
        f"/home/eve/.ssh/authorized_keys\t256 {FINGERPRINT} some \\033[31mbody (ED25519)",
        f"/home/eve/.ssh/authorized_keys2\t256 {FINGERPRINT} no comment (ED25519)",
    ]


def test_what_sshd_reads_is_told_in_its_order(host: Bench) -> None:
    directory = host.path("/etc/ssh/sshd_config.d")
    directory.mkdir(parents=True)
    (directory / "10-auren.conf").write_text("# ours\n\nPort 22\n")
    (directory / "00-hand.conf").write_text("  Port 2222\nMatch User eve\n")
    (directory / "other").write_text("Port 1\n")
    host.path("/etc/ssh/sshd_config").write_text("Include /etc/ssh/sshd_config.d/*.conf\n#Port 3\n")
    host.path("/etc/default").mkdir()
    host.path("/etc/default/ssh").write_text("# SSHD_OPTS=no\nSSHD_OPTS=-4\n")
    host.stub("sshd", "echo 'port 2222'; echo 'no such file' >&2; exit 1")
    facts = _look(host)
    assert [line.replace(str(host.root), "") for line in facts.lines("sshd-lines")] == [
        "/etc/ssh/sshd_config.d/00-hand.conf\t  Port 2222",
        "/etc/ssh/sshd_config.d/00-hand.conf\tMatch User eve",
        "/etc/ssh/sshd_config.d/10-auren.conf\tPort 22",
        "/etc/ssh/sshd_config\tInclude /etc/ssh/sshd_config.d/*.conf",
        "/etc/default/ssh\tSSHD_OPTS=-4",
    ]
    assert facts.answers["sshd"].status == 1
    assert facts.lines("sshd") == ["port 2222", "no such file"]


def test_rules_of_sudo_are_told_but_for_a_packages_own(host: Bench) -> None:
    directory = host.path("/etc/sudoers.d")
    directory.mkdir()
    own, edited = host.path("/etc/sudoers"), directory / "edited"
    own.write_text("root ALL=(ALL:ALL) ALL\n")
    edited.write_text("# as packaged\n#1000 ALL=(ALL) ALL\n#include /tmp/rules\n eve ALL=(ALL) ALL\n")
    for name in ("with.dot", "old~"):
        (directory / name).write_text("mallory ALL=(ALL) ALL\n")
    digest = hashlib.md5(own.read_bytes(), usedforsecurity=False).hexdigest()
    host.stub("dpkg-query", f"printf ' {own} {digest}\\n {edited} {digest}\\n'")
    assert [line.replace(str(host.root), "") for line in _look(host).lines("sudo-rules")] == [
        "/etc/sudoers.d/edited\t#1000 ALL=(ALL) ALL",
        "/etc/sudoers.d/edited\t#include /tmp/rules",
        "/etc/sudoers.d/edited\t eve ALL=(ALL) ALL",
    ]


def test_redirects_are_told_as_they_would_be_typed(host: Bench) -> None:
    host.stub("iptables", 'echo "-P PREROUTING ACCEPT"; echo "-A PREROUTING -j $4"')
    host.stub("ip6tables", "exit 3")
    assert _look(host).lines("redirects") == [
        "iptables -t nat -A PREROUTING -j nat",
        "iptables -t mangle -A PREROUTING -j mangle",
    ]


def test_what_waits_for_connections_is_told_with_its_unit(host: Bench) -> None:
    """The test itself stands for a program that is its unit's main one, and for one that is not."""
    me = os.getpid()
    group = Path("/proc/self/cgroup").read_text().rpartition("0::")[2].splitlines()[0]
    host.state(
        "sockets",
        f"""tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("systemd",pid=1,fd=9))
tcp LISTEN 0 128 [::]:80 [::]:* users:(("a worker",pid={me},fd=6),("main",pid=4711,fd=6))
tcp LISTEN 0 128 *:81 *:* users:(("main",pid={me},fd=6))
udp UNCONN 0 0 127.0.0.11:46767 0.0.0.0:*""",
    )
    host.stub("ss", 'cat "$state/sockets"')
    host.stub(
        "systemctl",
        'case "$*" in list-sockets*) printf "[::]:2222 other.socket x.service\n[::]:22 ssh.socket ssh.service\n" ;;\n'
        '"show --property=MainPID"*) echo 4711 ;; esac',
    )
    assert _look(host).lines("listeners") == [
        "tcp 0.0.0.0:22 1 ssh.socket systemd",
        f"tcp [::]:80 {me} {group} a worker",
        f"tcp *:81 {me} - main",
    ]


def test_the_drills_of_backups_are_told(host: Bench) -> None:
    facts = _look(host)
    assert (facts.drills, facts.backups_since) == ((), None)
    directory = host.path("/var/lib/auren/backup")
    directory.mkdir()
    for name, ok in {"drill": "false", "good-drill": "true"}.items():
        (directory / f"{name}.json").write_text(f'{{"ended": "2026-11-27T03:12:00Z", "ok": {ok}}}')
    facts = _look(host)
    assert [drill.ok for drill in facts.drills] == [False, True]
    assert facts.backups_since
    assert abs(facts.clock - facts.backups_since) < timedelta(minutes=1)
    assert abs(facts.clock - datetime.now(UTC)) < timedelta(minutes=1)


def test_it_changes_nothing(host: Bench) -> None:
    before = sorted(host.root.rglob("*"))
    _look(host, f"file {host.path('/opt/auren')}", f"tree {host.path('/opt/auren')}", "unit docker.service")
    assert sorted(path for path in host.root.rglob("*") if path.name != "calls") == before
    assert {" ".join(call.split()[:2]) for call in host.calls("docker", "ufw", "iptables", "systemctl")} == {
        "docker compose",
        "docker inspect",
        "docker network",
        "docker ps",
        "docker version",
        "iptables --wait",
        "systemctl is-active",
        "systemctl list-units",
        "systemctl show",
        "ufw show",
        "ufw status",
    }
