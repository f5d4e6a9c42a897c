"""The one connection that every command on a machine passes through."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_command as command

USER = "root"
LOCALE = ("env", "LC_ALL=C")
"""Before every command on a machine: what it sorts, parses and prints is the same whatever the machine's locale is."""
_SCRIPTS = Path(__file__).parent / "scripts"


def script(name: str) -> str:
    """The text of `scripts/NAME.sh`."""
    return (_SCRIPTS / f"{name}.sh").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Machine:
    """A machine that commands are run on.

    A command is a script of `scripts/`, idempotent, sent on the standard input of `bash -s` with its data behind it:
    a failed command shows a short command line and its output, a preview shows the changed lines, a secret is on no
    command line, and nothing needs to be on the machine beforehand. bash reads a pipe byte by byte, so
    a script whose last line is `main "$@"; exit` finds its data right behind that line.

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

    def run(
        self,
        name: str,
        script_name: str,
        *arguments: pulumi.Input[str],
        stdin: pulumi.Input[str] = "",
        after: Sequence[pulumi.Resource] = (),
        again_with: Sequence[pulumi.CustomResource] = (),
        again_after: Sequence[str] = (),
        parent: pulumi.Resource,
        bound: int = 600,
    ) -> command.remote.Command:
        """Run a script on the machine; again when one of `again_with` is made anew, or a text of `again_after` changes.

        `bound` is the longest that it may take, in seconds. A cut connection leaves the script running there. The lock
        makes its next run wait for the end of that one.
        """
        lock, limit = f"/run/lock/auren-{name}", str(bound)
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
            create=_call([*LOCALE, "flock", "-w", limit, lock, "timeout", limit, "bash", "-s", "--"], arguments),
            stdin=pulumi.Output.concat(script(script_name), stdin),
            add_previous_output_in_env=False,
            # What somebody deleted is made anew without being replaced: then this tells of it.
            triggers=[self.lifetime.id, *(resource.id for resource in again_with), *again_after],
            opts=pulumi.ResourceOptions(
                parent=parent, depends_on=list(after), deleted_with=self.lifetime, replace_with=[self.lifetime]
            ),
        )


def _call(command: Sequence[str], arguments: Sequence[pulumi.Input[str]]) -> pulumi.Input[str]:
    """The command line; known at once when all arguments are."""
    known = [argument for argument in arguments if isinstance(argument, str)]
    if len(known) == len(arguments):
        return shlex.join([*command, *known])
    return pulumi.Output.all(*arguments).apply(lambda given: shlex.join([*command, *given]))
