"""over_ssh.sh with the real ssh and a real sshd, for an operator whose own SSH configuration leads elsewhere."""

import os
import socket
import subprocess
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.sandbox.plugins.sshd import Sshd, make_key, running

with warnings.catch_warnings():
    # The provider's SDK warns of every deprecated resource that it exports, used or not, when it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    from auren_infra.host.machine import script
    from auren_infra.host.over_ssh import Errand

pytestmark = pytest.mark.machine

OWN = """
Host *
    ProxyJump bastion.invalid
    User nobody
    Port 1
    IdentityFile /nonexistent
    HostKeyAlgorithms ssh-rsa
    Ciphers 3des-cbc
    ControlMaster auto
    ControlPath /nonexistent/%C
    RemoteCommand false
    RequestTTY force
    StrictHostKeyChecking yes
    UserKnownHostsFile /nonexistent
"""
"""What operators, and their companies, write into ~/.ssh/config and /etc/ssh/ssh_config."""
REMOTE = 'main() { echo "it ran: $1, $LC_ALL"; }\nmain "$@"; exit\n'
AS_THAT_OPERATOR = """
mount -t tmpfs none ~/.ssh
cp "$OWN" ~/.ssh/config
mount --bind "$OWN" /etc/ssh/ssh_config
exec bash -c "$OVER_SSH"
"""


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@contextmanager
def answering(words: bytes) -> Iterator[int]:
    """A port on which somebody says these words and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.sendall(words)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def run(folder: Path, port: int, key: str, host_key: str) -> subprocess.CompletedProcess[str]:
    own = folder / "ssh_config"
    own.write_text(OWN)
    (folder / "bin").mkdir()
    sleep = folder / "bin/sleep"
    sleep.write_text("#!/bin/sh\nexec /bin/sleep 0.1\n")  # the tries come one after the other
    sleep.chmod(0o755)
    Path("~/.ssh").expanduser().mkdir(mode=0o700, exist_ok=True)
    known_hosts = f"[127.0.0.1]:{port} {' '.join(host_key.split()[:2])}"
    errand = Errand("stop_containers", ("an argument",), next="NEXT", kept="KEPT", seconds=300)
    told = errand.environment(address="127.0.0.1", known_hosts=known_hosts)
    told |= {"PORT": str(port), "WEB_PORT": "1", "SCRIPT": REMOTE, "OWN": str(own), "OVER_SSH": script("over_ssh")}
    return subprocess.run(
        ["unshare", "--mount", "bash", "-euc", AS_THAT_OPERATOR],
        env=os.environ | told | {"SSH_AUTH_SOCK": "/nonexistent/agent", "PATH": f"{folder}/bin:{os.environ['PATH']}"},
        input=key,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_script_runs_whatever_the_operators_configuration_says(sshd: Sshd, tmp_path: Path) -> None:
    done = run(tmp_path, sshd.port, sshd.text("user"), sshd.text("host.pub"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "it ran: an argument, C\n", "")


def test_a_machine_with_another_host_key_is_alive(sshd: Sshd, tmp_path: Path) -> None:
    done = run(tmp_path, sshd.port, sshd.text("user"), sshd.text("stranger.pub"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "is alive, but SSH to it fails: KEPT." in done.stderr
    assert "Host key verification failed." in done.stderr


def test_a_machine_that_refuses_the_key_is_alive(sshd: Sshd, tmp_path: Path) -> None:
    make_key(tmp_path / "unknown")
    done = run(tmp_path, sshd.port, (tmp_path / "unknown").read_text(), sshd.text("host.pub"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "is alive, but SSH to it fails: KEPT." in done.stderr
    assert "Permission denied (publickey" in done.stderr


@pytest.mark.parametrize("words", [b"", b"SSH-2.0-OpenSSH_9.9\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_machine_that_hangs_up_is_alive(sshd: Sshd, tmp_path: Path, words: bytes) -> None:
    """sshd at its limit of connections, a connection that is cut within the handshake, another service on the port."""
    with answering(words) as port:
        done = run(tmp_path, port, sshd.text("user"), sshd.text("host.pub"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "is alive, but SSH to it fails: KEPT." in done.stderr


def test_a_machine_where_nobody_listens_is_alive(sshd: Sshd, tmp_path: Path) -> None:
    with answering(b"") as port:
        pass
    done = run(tmp_path, port, sshd.text("user"), sshd.text("host.pub"))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"refuses connections on port {port}, so it is alive: KEPT." in done.stderr
