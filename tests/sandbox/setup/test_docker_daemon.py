"""Which Docker daemon is used, and the life of one of our own."""

import http.server
import json
import os
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from sandbox import docker_daemon
from sandbox.docker_daemon import OwnDaemon, faults_of, information
from tests.sandbox.images.containers import eventually


class FakeDaemon(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, info: dict[str, Any]) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(info).encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Silent."""

            def address_string(self) -> str:
                return "a unix socket"

        super().__init__(str(path), Handler)


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[Any]:
    servers: list[FakeDaemon] = []

    def answer(**info: Any) -> str:
        path = tmp_path / f"{len(servers)}.sock"
        servers.append(FakeDaemon(path, info))
        threading.Thread(target=servers[-1].serve_forever, args=(0.05,), daemon=True).start()
        return f"unix://{path}"

    yield answer
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def own() -> Iterator[OwnDaemon]:
    """In a directory with a short name: the path of a socket has at most 107 characters."""
    with TemporaryDirectory(prefix="asbx-", ignore_cleanup_errors=True) as directory:
        yield _own(Path(directory))


def _own(directory: Path) -> OwnDaemon:
    return OwnDaemon(
        socket=directory / "docker.sock",
        data=directory / "data",
        run=directory / "run",
        pidfile=directory / "docker.pid",
        log=directory / "docker.log",
        before=directory / "before.json",
        bridge="asbx-test-setup",
        bridge_address="198.18.2.1/24",
        # Rules of two daemons bear the same names: this one makes none.
        options=("--iptables=false", "--ip-masq=false"),
    )


@pytest.fixture
def nobody_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(docker_daemon, "RECORD", tmp_path / "docker-host")
    monkeypatch.setattr(docker_daemon, "SYSTEM_SOCKET", f"unix://{tmp_path}/none.sock")
    monkeypatch.setattr(docker_daemon.BackgroundProcess, "pid", lambda self: None)
    monkeypatch.delenv("DOCKER_HOST", raising=False)


def test_a_plain_daemon_will_do(answering: Any) -> None:
    assert faults_of(answering(SecurityOptions=["name=seccomp"], OperatingSystem="Debian GNU/Linux 12")) == []


def test_daemons_that_cannot_hold_droplets_are_refused_with_the_reason(answering: Any) -> None:
    assert "rootless" in faults_of(answering(SecurityOptions=["name=seccomp", "name=rootless"]))[0]
    assert "Docker Desktop" in faults_of(answering(OperatingSystem="Docker Desktop"))[0]
    assert "No Docker daemon answers" in faults_of("unix:///nowhere/docker.sock")[0]
    assert "must be on this machine" in faults_of("ssh://root@elsewhere")[0]


def test_without_any_daemon_one_of_our_own_is_used(nobody_runs: None) -> None:
    assert docker_daemon.chosen() is None


def test_the_one_that_runs_is_used(nobody_runs: None, answering: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    system, configured = answering(ID="system"), answering(ID="configured")
    monkeypatch.setattr(docker_daemon, "SYSTEM_SOCKET", system)
    assert docker_daemon.chosen() == system
    monkeypatch.setenv("DOCKER_HOST", configured)
    assert docker_daemon.chosen() == configured


def test_the_one_that_holds_the_droplets_is_used_whoever_else_answers(
    nobody_runs: None, answering: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a reboot the system's daemon is up first: the droplets are not in it."""
    monkeypatch.setattr(docker_daemon, "SYSTEM_SOCKET", answering(ID="system"))
    docker_daemon.RECORD.write_text(f"{OwnDaemon().host}\n")
    assert docker_daemon.chosen() == OwnDaemon().host


@pytest.mark.machine
def test_the_life_of_a_daemon_of_our_own(own: OwnDaemon) -> None:
    forwarding = Path("/proc/sys/net/ipv4/ip_forward").read_text()
    try:
        own.start()
        found = information(own.host)
        assert found is not None
        assert found["DockerRootDir"] == str(own.data)
        assert found["LiveRestoreEnabled"] is False
        pid = own.process.pid()
        own.start()
        assert own.process.pid() == pid, "a second start must use the one that runs"
        os.kill(pid or 0, 9)  # a crash leaves pidfile and socket behind
        own.start()
        assert own.process.pid() not in (None, pid)
        assert own.stop()
        assert information(own.host) is None
        own.start()
    finally:
        own.remove()
    assert information(own.host) is None
    assert not Path("/sys/class/net", own.bridge).exists()
    assert not [path for path in (own.run, own.pidfile, own.socket) if path.exists()]
    assert own.data.exists(), "the images stay"
    assert str(own.data) not in Path("/proc/self/mounts").read_text()
    assert Path("/proc/sys/net/ipv4/ip_forward").read_text() == forwarding
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    assert own.bridge not in rules


def test_a_daemon_that_has_ended_does_not_keep_its_rules(tmp_path: Path) -> None:
    """Until somebody waits for it, its name is still among the processes."""
    program = tmp_path / "dockerd"
    shutil.copy(shutil.which("sleep") or "", program)
    with subprocess.Popen([program, "60"]) as process:
        place = Path("/proc", str(process.pid))
        # A process gets its name, and loses its state, a little after the call that starts or kills it.
        eventually(lambda: docker_daemon._is_daemon(place), seconds=10)
        process.kill()
        eventually(lambda: ") Z " in (place / "stat").read_text(), seconds=10)
        assert not docker_daemon._is_daemon(place)
