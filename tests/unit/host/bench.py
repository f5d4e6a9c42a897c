"""A bench that the machine's scripts run on: their own text, with every path of the machine below a directory of the
test, and no command but harmless ones and the test's stand-ins.

What cannot be seen here is whether the real commands take these arguments; that is judged on real machines.
"""

import atexit
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from auren_infra.host.machine import script

OWNER = f"{os.getuid()}:{os.getgid()}"
"""The only owner that a test may give a file without being root."""

_HARMLESS = """
    awk base64 bash basename cat chmod chown cmp comm cp cut date dirname env find flock grep gzip head id install mkdir
    mkfifo mktemp mv ln paste printf python3 readlink rm rmdir sed sh sha256sum sort stat tail tar tee timeout touch tr
    wc xargs
"""
_MACHINE_PATH = re.compile(r"(?<![\w/}.$])/(?=(?:etc|mnt|opt|root|run|tmp|usr/local|usr/share|var)\b)")


@cache
def _harmless() -> Path:
    """A directory with links to the harmless commands. One for all benches: a link each for each test takes long."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    atexit.register(shutil.rmtree, folder)
    for name in _HARMLESS.split():
        found = shutil.which(name)
        assert found, f"{name} is not on PATH"
        (folder / name).symlink_to(found)
    return folder


@dataclass(frozen=True)
class Bench:
    """A directory that stands for `/`, and the commands that there are."""

    root: Path

    def __post_init__(self) -> None:
        for directory in ("bin", "state", "tmp", "etc", "opt/auren", "var/lib/auren", "mnt", "root"):
            (self.root / directory).mkdir(parents=True)
        self.stub("sleep")
        self.stub("sync")

    def stub(self, name: str, body: str = "") -> None:
        """A stand-in that notes its call and runs `body` (bash); `$state` is a directory that outlives the call."""
        path = self.root / "bin" / name
        path.unlink(missing_ok=True)
        path.write_text(
            f"#!{shutil.which('bash')}\n"
            f'state="{self.root}/state"\n'
            f'printf "%s\\n" "{name}${{*:+ $*}}" >>"{self.root}/calls"\n'
            f"{body}\n"
        )
        path.chmod(0o755)

    def calls(self, *beginnings: str) -> list[str]:
        """The calls of stand-ins so far, in order; of those that begin so, when beginnings are given."""
        path = self.root / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.replace(str(self.root), "") for line in lines if line.startswith(beginnings or ("",))]

    def forget_calls(self) -> None:
        (self.root / "calls").unlink(missing_ok=True)

    def path(self, path: str) -> Path:
        """Where a path of the machine is."""
        return self.root / path.removeprefix("/")

    def state(self, name: str, value: str) -> None:
        (self.root / "state" / name).write_text(f"{value}\n")

    def text(self, name: str) -> str:
        """The script with its paths on this bench."""
        return _MACHINE_PATH.sub(f"{self.root}/", script(name))

    def cut_before(self, name: str, line: str) -> str:
        """The same, killed as by a power cut before this line, or its beginning."""
        text = self.text(name)
        assert text.count(line) == 1
        return text.replace(line, f"    kill -9 $$\n{line}")

    def run(
        self,
        name: str,
        *arguments: str,
        data: bytes | str = b"",
        text: str | None = None,
        by_socket: bool = False,
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run a script as `Machine.run` does: the script and its data behind it, on the standard input of `bash -s`.

        sshd hands a command a pipe or a socket, depending on how it was built.
        """
        sent = (self.text(name) if text is None else text).encode() + (data.encode() if isinstance(data, str) else data)
        near, far = socket.socketpair() if by_socket else (None, None)
        with subprocess.Popen(
            ["bash", "-s", "--", *arguments],
            stdin=far.fileno() if far else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": f"{self.root}/bin:{_harmless()}", "TMPDIR": f"{self.root}/tmp", "LC_ALL": "C", **environment},
            cwd=self.root,
            text=False,
        ) as process:
            if near is None or far is None:
                output, errors = process.communicate(sent, timeout=60)
            else:
                far.close()
                writer = threading.Thread(target=_send, args=(near, sent))
                writer.start()
                output, errors = process.communicate(timeout=60)
                writer.join()
        return subprocess.CompletedProcess(
            arguments, process.returncode, *(text.decode().replace(str(self.root), "") for text in (output, errors))
        )


def without_seconds(said: str) -> str:
    """What a script printed, whatever time a container took."""
    return re.sub(r"(?<=, healthy after )[0-9]+(?= s\n)", "N", said)


def _send(near: socket.socket, sent: bytes) -> None:
    with near:
        near.sendall(sent)
