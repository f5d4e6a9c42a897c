"""The commands that `make up` prints, as far as they can be run without a machine."""

import getpass
import subprocess
from pathlib import Path

import pytest

from sandbox import layout
from sandbox.directions import directions
from tests.sandbox.plugins import sshd


def test_the_login_that_is_printed_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last two lines, for an sshd on this machine. The line before has put the key there."""
    monkeypatch.setattr(layout, "RUN", tmp_path)
    with sshd.running(tmp_path) as server:
        (tmp_path / "ssh-key").write_text(server.text("user"))
        (tmp_path / "ssh-key").chmod(0o600)
        ssh = {
            "user": getpass.getuser(),
            "host": "127.0.0.1",
            "port": server.port,
            "knownHosts": f"[127.0.0.1]:{server.port} {server.text('host.pub')}",
        }
        told = directions({"address": "127.0.0.1", "domain": "aupex.ai", "urls": {}, "ssh": ssh})
        command = "\n".join([*told[-2:-1], f"{told[-1]} -F /dev/null true"])
        done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
