"""`command:remote:Command`: a command on another machine, over SSH."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from sandbox.plugins.command.connection import host_key_fault
from sandbox.plugins.command.life import Command, CommandFailedError, previous_output
from sandbox.plugins.command.output import Output, Stream
from sandbox.plugins.resource import Operation, RefusedError, Severity
from sandbox.plugins.schema import Fault
from sandbox.plugins.values import UNKNOWN, Values

AT_ONCE = 64
"""Commands that can run at the same time: a thread each, which mostly waits. The engine asks for 16 by default."""

SETENV_REFUSED = (
    "Unable to set '{name}'. This only works if your SSH server is configured to accept these variables via AcceptEnv. "
    "Alternatively, if a Bash-like shell runs the command on the remote host, you could prefix the command itself "
    "with the variables in the form 'VAR=value command'"
)


class RemoteCommand(Command):
    """Connects anew for each command and, when that fails, again, `dialErrorLimit` times."""

    token = "command:remote:Command"

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ssh")

    def check(self, inputs: Values) -> list[Fault]:
        """A host key that cannot be read would otherwise be found only when the machine is there."""
        connection = inputs.get("connection")
        if not isinstance(connection, dict):
            return []
        places = {"connection": connection, "connection.proxy": connection.get("proxy")}
        keys = {place: values.get("hostKey") for place, values in places.items() if isinstance(values, dict)}
        faults = {place: host_key_fault(key) for place, key in keys.items() if key is not None and key is not UNKNOWN}
        return [Fault(f"{place}.hostKey", fault) for place, fault in faults.items() if fault]

    async def run(self, operation: Operation, command: str, properties: Values, output: Output) -> None:
        # Only now: paramiko takes longer to import than a preview takes, which never connects.
        from sandbox.plugins.command import ssh

        loop = asyncio.get_running_loop()
        cancelled = threading.Event()

        async def show(severity: Severity, message: str) -> None:
            await operation.log(severity, message)

        def log(severity: Severity, message: str) -> None:
            asyncio.run_coroutine_threadsafe(show(severity, message), loop)

        def printed(stream: Stream, data: bytes) -> None:
            loop.call_soon_threadsafe(output.add, stream, data)

        def work() -> str | None:
            with ssh.connect(properties["connection"], lambda line: log(Severity.INFO, line), cancelled) as machine:
                required, optional = properties.get("environment", {}), previous_output(properties)
                session, refused = machine.session({**optional, **required}, set(optional) - set(required))
                for name in refused:
                    log(Severity.WARNING, SETENV_REFUSED.format(name=name))
                return session.run(command, (properties.get("stdin") or "").encode(), printed)

        work_done = loop.run_in_executor(self._threads, work)
        try:
            failure = await asyncio.shield(work_done)
        except asyncio.CancelledError:
            cancelled.set()
            await asyncio.wait([work_done])
            raise
        except ssh.SetenvRefusedError as fault:
            await operation.log(Severity.ERROR, SETENV_REFUSED.format(name=fault.name))
            raise RefusedError(str(fault)) from fault
        except ssh.ConnectionFailedError as fault:
            raise RefusedError(str(fault)) from fault
        if failure is not None:
            raise CommandFailedError(failure, command, output.both)
