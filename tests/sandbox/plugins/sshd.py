"""A real sshd of our own on a loopback port, with its own keys and log. Debian's package: openssh-server."""

import contextlib
import getpass
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SSHD = "/usr/sbin/sshd"
READY_WITHIN = 10


@dataclass
class Sshd:
    """A running server that lets one key in, as the user who runs the tests."""

    folder: Path
    port: int
    connections_before: int = field(default=0)

    @property
    def connection(self) -> dict[str, Any]:
        """How to log in, with the host key pinned and no patience."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "privateKey": self.text("user"),
            "hostKey": self.text("host.pub"),
            "dialErrorLimit": 0,
            "perDialTimeout": 10,
        }

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def connections(self) -> int:
        """How many connections were opened since this was last asked."""
        total = self.text("log").count("Connection from")
        new, self.connections_before = total - self.connections_before, total
        return new


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path)], check=True)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Sshd]:
    for name in ("host", "user", "stranger"):
        make_key(folder / name)
    Path("/run/sshd").mkdir(exist_ok=True)  # where it confines itself; an init script makes it otherwise
    (folder / "authorized").write_text((folder / "user.pub").read_text())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder / 'host'}\nAuthorizedKeysFile {folder / 'authorized'}\n"
        f"PidFile {folder / 'pid'}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
        "PermitRootLogin prohibit-password\nAcceptEnv ACCEPTED PULUMI_COMMAND_STDOUT\nLogLevel VERBOSE\n"
    )
    command = [SSHD, "-D", "-E", str(folder / "log"), "-f", str(folder / "config")]
    with subprocess.Popen(command) as server:
        try:
            _await_port(server, port)
            # What `_await_port` opened is no one's connection; sshd tells of it when it looks.
            sshd = Sshd(folder, port)
            while not sshd.connections():
                time.sleep(0.02)
            yield sshd
        finally:
            server.terminate()


def _await_port(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        assert server.poll() is None, f"sshd ended with {server.returncode}"
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise AssertionError(f"sshd does not listen on {port}")
