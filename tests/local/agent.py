"""An SSH agent with a deploy key of its own, as somebody who deploys has it."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.sandbox.clouds.running import eventually


@dataclass(frozen=True)
class Agent:
    private_key: str
    public_key: str
    socket: Path

    @property
    def variables(self) -> dict[str, str]:
        return {"SSH_AUTH_SOCK": str(self.socket)}


@contextlib.contextmanager
def ssh_agent(folder: Path) -> Iterator[Agent]:
    key, socket = folder / "key", folder / "socket"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "deploy", "-f", key], check=True, timeout=30)
    with subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL) as running:
        try:
            made = Agent(key.read_text(), key.with_suffix(".pub").read_text().strip(), socket)
            eventually(socket.exists)
            subprocess.run(["ssh-add", "-q", key], env=os.environ | made.variables, check=True, timeout=30)
            yield made
        finally:
            running.terminate()
