"""The one look at the machine."""

from auren_infra.drift import facts
from auren_infra.drift.facts import Facts, LookError
from auren_infra.host.expected import Expected
from auren_infra.host.machine import script
from auren_infra.outputs import StackOutputs, machine

LIMIT_SECONDS = 240
"""For a machine that answers and never comes to an end."""


def questions(wanted: Expected, key: str) -> str:
    """What `look.sh` is to look at, beside what it always does. `key` is that of the secrets' digests."""
    lines = [f"key {' '.join(pads(key))}"]
    lines += [f"{'secret' if one.secret else 'file'} {one.path}" for one in wanted.files]
    lines += [f"file {one.path}" for one in wanted.directories]
    lines += [f"tree {directory}" for directory in wanted.trees]
    for tree in wanted.trees_of_images:
        lines += [f"tree {tree.current}", f"manifest {tree.directory}"]
    lines += [f"unit {unit}" for unit in wanted.units]
    lines += [f"disk {one.order.device} {one.order.mount_point}" for one in wanted.disks]
    return "".join(f"{line}\n" for line in lines)


def pads(key: str) -> tuple[str, str]:
    """The key as HMAC takes it (RFC 2104), for a hash with blocks of 64 bytes, in hexadecimal."""
    block = key.encode().ljust(64, b"\0")
    return bytes(byte ^ 0x36 for byte in block).hex(), bytes(byte ^ 0x5C for byte in block).hex()


def look(outputs: StackOutputs, wanted: Expected, key: str) -> Facts:
    """Ask the machine. Raises `LookError`, and `MachineError` when it gave no answer."""
    sent = script("look") + questions(wanted, key)
    done = machine.ask(outputs, "timeout", "180", "bash", "-s", data=sent, seconds=LIMIT_SECONDS)
    if done.returncode:
        raise LookError(f"The look at the machine ended with {done.returncode}:\n{done.stderr.strip()}")
    return facts.read(done.stdout)
