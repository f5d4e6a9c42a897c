"""The one connection that every command on a machine passes through."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pulumi
import pulumi_command as command

from auren_infra import call
from auren_infra.host.orders.order import Order

USER = "root"
_SCRIPTS = Path(__file__).parent / "scripts"
_SOURCE = re.compile(r"^source (\w+)\.sh\n", re.MULTILINE)
_BEGIN = "\nset -euo pipefail\n\n"
"""What every script begins with, behind the comment that says what it does."""


def script(name: str) -> str:
    """The text of `scripts/NAME.sh`. A script is sent alone, so what it sources stands in the place of that line."""
    text = (_SCRIPTS / f"{name}.sh").read_text(encoding="utf-8")
    return _SOURCE.sub(lambda line: script(line[1]).partition(_BEGIN)[2], text)


@dataclass(frozen=True)
class Machine:
    """A machine that commands are run on.

    A command is an order (`host/orders`). Its script of `scripts/` is idempotent, and is sent on the standard input of
    `bash -s` with its data behind it: a failed command shows a short command line and its output, a preview shows the
    changed lines, a secret is on no command line, and nothing needs to be on the machine beforehand. bash reads a pipe
    byte by byte, so a script whose last line is `main "$@"; exit` finds its data right behind that line.

    No command has a `delete`: it would run on a machine that may be dead, or has been replaced. What goes away with a
    service is retired by a command that knows all that should be there.
    """

    name: str
    address: pulumi.Output[str]
    private_key: pulumi.Output[str]
    """OpenSSH format; secret. Empty with `by_agent`."""
    host_key: pulumi.Output[str]
    """The machine's own public key, authorized_keys format: nobody else's is trusted."""
    lifetime: pulumi.CustomResource
    """Each command is run again on a new one of these and needs no undoing on an old one."""
    by_agent: bool = False
    """Whether an SSH agent holds the private key, wherever the commands are run from."""
    lock: pulumi.ResourceHook | None = None
    """What takes the machine's lock before a command."""

    def run(
        self,
        name: str,
        order: Order,
        *,
        after: Sequence[pulumi.Resource] = (),
        again_with: Sequence[pulumi.CustomResource] = (),
        again_after: Sequence[str] = (),
        parent: pulumi.Resource,
        bound: int = 600,
        unlocked: bool = False,
    ) -> command.remote.Command:
        """Carry out an order on the machine. It is carried out again when the order or its script changes, one of
        `again_with` is made anew, or a text of `again_after` changes.

        Before that, the lock of the machine is taken, but for an order that is `unlocked`: it waits for the machine.
        `bound` is the longest that it may take, in seconds. A cut connection leaves the script running there. The lock
        makes its next run wait for the end of that one.
        """
        locking: list[pulumi.ResourceHook | pulumi.ResourceHookFunction] = []
        if self.lock and not unlocked:
            locking.append(self.lock)
        return command.remote.Command(
            f"{self.name}-{name}",
            connection=command.remote.ConnectionArgs(
                host=self.address,
                user=USER,
                private_key=None if self.by_agent else self.private_key,
                host_key=self.host_key,
                dial_error_limit=60,  # a booting machine: about four and a half minutes
                per_dial_timeout=15,
            ),
            create=_line(order, lock=f"/run/lock/auren-{name}", seconds=bound),
            stdin=pulumi.Output.concat(script(order.id), order.data()),
            add_previous_output_in_env=False,
            # What somebody deleted is made anew without being replaced: then this tells of it.
            triggers=[self.lifetime.id, *(resource.id for resource in again_with), *again_after],
            opts=pulumi.ResourceOptions(
                parent=parent,
                depends_on=list(after),
                deleted_with=self.lifetime,
                replace_with=[self.lifetime],
                hooks=pulumi.ResourceHookBinding(before_create=locking, before_update=locking),
            ),
        )


def _line(order: Order, *, lock: str, seconds: int) -> pulumi.Input[str]:
    """The command line; known at once when all arguments are."""
    arguments = order.arguments()
    if all(isinstance(argument, str) for argument in arguments):
        return call.line(order.id, cast("Sequence[str]", arguments), lock=lock, seconds=seconds)
    given = pulumi.Output.all(*arguments)
    return given.apply(lambda known: call.line(order.id, known, lock=lock, seconds=seconds))
