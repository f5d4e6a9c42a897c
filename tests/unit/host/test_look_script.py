"""look.sh: it asks, and its answers come back as they were, whatever is in them."""

from pathlib import Path

import pytest

from auren_infra.drift.facts import Facts, read
from auren_infra.files.directory import pack
from tests.unit.host.bench import OWNER, Bench

DOCKER = """
case "$*" in
"ps --all --quiet --no-trunc") echo 4711 ;;
"version") ;;
"version --format"*) printf 'engine 29.8.2\nclient 29.8.2\ncontainerd v2.3.6\n' ;;
"compose version --short") echo 5.6.0 ;;
"inspect --format {{range .Mounts}}"*) printf '0\\t/auren-nginx\\t/opt/auren/nginx.conf\\t/etc/nginx.conf\\n' ;;
"inspect --format {"*) echo '{"id":"4711"}' ;;
"network ls --quiet") echo 0815 ;;
"network inspect --format"*) echo '{"Name":"auren-network"}' ;;
*) echo "not expected: docker $*" >&2; exit 98 ;;
esac
"""
NOTHING_ELSE = ("iptables", "sysctl", "ufw", "systemctl", "findmnt")


@pytest.fixture
def host(bench: Bench) -> Bench:
    bench.stub("docker", DOCKER)
    bench.stub("dpkg-query", "printf 'docker-ce hold installed\\ndocker-cli install not-installed\\n'; exit 1")
    for name in NOTHING_ELSE:
        bench.stub(name, f'[ "$1" = is-active ] || echo "{name} says this"')
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


def test_a_tree_is_all_its_files(host: Bench, tmp_path: Path) -> None:
    website, tree = tmp_path / "website", host.path("/opt/auren/website")
    names = {"index.html", "assets/a  b.js", "$(touch pwned).html", "-rf"}
    for name in names:
        (website / name).parent.mkdir(parents=True, exist_ok=True)
        (website / name).write_text(name)
    host.run("put_tree", str(tree), data=pack(website))
    assert set(_look(host, f"tree {tree}").files) == {f"{tree}/{name}" for name in names}


def test_the_accepted_release_of_each_service_is_read(host: Bench) -> None:
    for service in ("nginx", "redis"):
        host.path(f"/opt/auren/services/{service}/releases/0815").mkdir(parents=True)
    host.path("/opt/auren/services/nginx/current").symlink_to("releases/0815")
    host.path("/opt/auren/services/nginx/previous").symlink_to("releases/4711")
    assert _look(host).accepted == {"nginx": "0815"}


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
