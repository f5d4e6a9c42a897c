"""`command:local:Command`: a command on the machine that pulumi runs on.

Deliberately without `assetPaths` and `archivePaths`, which hand a command's files on as Pulumi assets.
"""

# ruff: noqa: ARG002  the interface's arguments are not needed everywhere

import asyncio
import os
import signal

from sandbox.plugins.command.life import Command, CommandFailedError, previous_output
from sandbox.plugins.command.output import Output, Stream
from sandbox.plugins.resource import Operation
from sandbox.plugins.values import Values

SHELL = ["/bin/sh", "-c"]
CHUNK = 65536


class LocalCommand(Command):
    """Runs in the project's folder unless `dir` says otherwise, with pulumi's own environment and more."""

    token = "command:local:Command"

    async def run(self, operation: Operation, command: str, properties: Values, output: Output) -> None:
        arguments = [*(properties.get("interpreter") or SHELL), command]
        environment = os.environ | properties.get("environment", {}) | previous_output(properties)
        stdin = (properties.get("stdin") or "").encode()
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                cwd=properties.get("dir"),
                env=environment,
                stdin=pipe if stdin else asyncio.subprocess.DEVNULL,
                stdout=pipe,
                stderr=pipe,
            )
        except (OSError, ValueError) as fault:
            raise CommandFailedError(f'exec "{arguments[0]}": {fault}', command, "") from fault
        try:
            await asyncio.gather(
                _copy(process.stdout, "stdout", output),
                _copy(process.stderr, "stderr", output),
                _feed(process.stdin, stdin),
            )
            code = await process.wait()
        finally:
            if process.returncode is None:  # cancelled
                process.kill()
                await process.wait()
        if code != 0:
            raise CommandFailedError(_reason(code), command, output.both)


def _reason(code: int) -> str:
    return f"exit status {code}" if code > 0 else f"signal: {(signal.strsignal(-code) or str(-code)).lower()}"


async def _copy(reader: asyncio.StreamReader | None, stream: Stream, output: Output) -> None:
    while reader is not None and (data := await reader.read(CHUNK)):
        output.add(stream, data)


async def _feed(writer: asyncio.StreamWriter | None, data: bytes) -> None:
    if writer is None:
        return
    try:
        writer.write(data)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        pass  # the command did not want all of it, as `head` does not
