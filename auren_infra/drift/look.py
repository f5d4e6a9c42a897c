"""The one look at the machine: over SSH, with the stack's own key, and with no other machine than the stack's."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from auren_infra.call import LOCALE
from auren_infra.drift import facts
from auren_infra.drift.facts import Facts, LookError
from auren_infra.host.expected import Expected
from auren_infra.host.machine import script
from auren_infra.outputs import StackOutputs
from auren_infra.outputs.formats import ssh
from auren_infra.outputs.source import private_key

LIMIT_SECONDS = 240
"""For a machine that answers and never comes to an end."""
_OPTIONS = ("BatchMode=yes", "ConnectTimeout=15", "ServerAliveInterval=10", "LogLevel=ERROR")


def questions(wanted: Expected, key: str) -> str:
    """What `look.sh` is to look at, beside what it always does. `key` is that of the secrets' digests."""
    lines = [f"key {' '.join(pads(key))}"]
    lines += [f"{'secret' if one.secret else 'file'} {one.path}" for one in wanted.files]
    lines += [f"file {one.path}" for one in wanted.directories]
    lines += [f"tree {directory}" for directory in wanted.trees]
    lines += [f"unit {unit}" for unit in wanted.units]
    lines += [f"disk {one.order.device} {one.order.mount_point}" for one in wanted.disks]
    return "".join(f"{line}\n" for line in lines)


def pads(key: str) -> tuple[str, str]:
    """The key as HMAC takes it (RFC 2104), for a hash with blocks of 64 bytes, in hexadecimal."""
    block = key.encode().ljust(64, b"\0")
    return bytes(byte ^ 0x36 for byte in block).hex(), bytes(byte ^ 0x5C for byte in block).hex()


def look(outputs: StackOutputs, wanted: Expected, key: str) -> Facts:
    """Ask the machine. The key lies in a file of this user's own for as long as `ssh` runs. Raises `LookError`.

    A stack that keeps no key is logged in to with the SSH agent's (`auren:deployKey`).
    """
    by_agent = not outputs.ssh_private_key.get_secret_value()
    with tempfile.TemporaryDirectory(prefix="auren-drift-") as kept:
        login = ssh.Login(Path(kept, "known_hosts"), None if by_agent else Path(kept, "key"))
        for name, text in {
            "known_hosts": ssh.known_hosts(outputs),
            "config": ssh.config(outputs, login),
            "key": "" if by_agent else private_key(outputs).rstrip("\n") + "\n",
        }.items():
            path = Path(kept, name)
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
        options = [] if by_agent else ["-o", "IdentityAgent=none"]
        return facts.read(_ask([*options, "-F", f"{kept}/config", ssh.host(outputs)], questions(wanted, key)))


def _ask(machine: Sequence[str], questions: str) -> str:
    options = [word for option in _OPTIONS for word in ("-o", option)]
    try:
        done = subprocess.run(
            ["ssh", "-T", *options, *machine, *LOCALE, "timeout", "180", "bash", "-s"],
            input=script("look") + questions,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )
    except FileNotFoundError:
        raise LookError("There is no ssh on PATH: install OpenSSH's client.") from None
    except subprocess.TimeoutExpired:
        raise LookError(f"The machine gave no answer within {LIMIT_SECONDS} s.") from None
    if done.returncode == 255:
        raise LookError(
            f"The machine cannot be reached over SSH:\n{done.stderr.strip()}\n"
            "Is the droplet on? If SSH is closed to your address, open it: `python -m auren_infra access open`."
        )
    if done.returncode:
        raise LookError(f"The look at the machine ended with {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout
