"""Reads a stack's outputs from the engine, or from a document that the engine has printed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO, cast

from pydantic import ValidationError

from auren_infra.outputs.contract import HIDDEN, VERSION, StackOutputs
from auren_infra.outputs.stack_name import PROJECT, StackName

LIMIT_SECONDS = 120
"""The limit for an engine that waits for a backend which does not answer."""
LONGEST_DOCUMENT = 16 << 20
"""Bytes. Outputs usually have about ten thousand."""

_WANTED = "it should hold what `pulumi stack output --json` prints"
_MOST_FAULTS = 20


class OutputsError(RuntimeError):
    """The outputs could not be read; the text says why, and what to do."""


def of_stack(stack: str | None, *, secrets: bool) -> StackOutputs:
    """Ask the `pulumi` on PATH; None is the selected stack. `secrets` decrypts the secrets."""
    text = ask("stack", "output", "--json", *(["--show-secrets"] if secrets else []), stack=stack)
    return parse(text, f"The stack {stack}" if stack else "The selected stack")


def name_of(stack: StackName | None) -> str:
    """The stack's own name, such as `prod`; None is the selected one. Raises `OutputsError`."""
    return stack.name if stack else ask("stack", "--show-name", stack=None).strip()


def configuration(stack: str | None, *options: str) -> dict[str, str]:
    """What `pulumi config` prints, by key, with the project's defaults. Raises `OutputsError`."""
    entries = json.loads(ask("config", "--json", *options, stack=stack))
    return {key: str(entry.get("value", "")) for key, entry in entries.items()}


def ask(*arguments: str, stack: str | None) -> str:
    """The output of the `pulumi` on PATH. Raises `OutputsError` with its error when it fails."""
    command = ["pulumi", *arguments, "--non-interactive"]
    command += ["--stack", stack] if stack else []
    try:
        done = subprocess.run(
            command,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=LIMIT_SECONDS,
        )
    except FileNotFoundError:
        raise OutputsError(
            "There is no pulumi on PATH: install it, or read printed outputs with --from FILE."
        ) from None
    except subprocess.TimeoutExpired:
        raise OutputsError(f"`{' '.join(command)}` gave no answer within {LIMIT_SECONDS} s.") from None
    if done.returncode:
        raise OutputsError(f"`{' '.join(command)}` failed:\n{(done.stderr or done.stdout).strip()}")
    return done.stdout


def of_file(name: str) -> StackOutputs:
    """Read what `pulumi stack output --json` printed; `-` is standard input. Windows' encodings are read as well."""
    origin = "Standard input" if name == "-" else name
    try:
        content = _content(name)
    except OSError as error:
        raise OutputsError(f"{origin} cannot be read: {error.strerror}.") from None
    if len(content) > LONGEST_DOCUMENT:
        raise OutputsError(f"{origin} has more than {LONGEST_DOCUMENT >> 20} MB; {_WANTED}.")
    try:
        text = content.decode(json.detect_encoding(content))
    except UnicodeDecodeError:
        raise OutputsError(f"{origin} is no text in UTF-8 or UTF-16; {_WANTED}.") from None
    if not text.strip():
        raise OutputsError(f"{origin} is empty; {_WANTED}.")
    return parse(text, origin)


def _content(name: str) -> bytes:
    """The document, or one byte more than the limit of a longer one."""
    if name != "-":
        with Path(name).open("rb") as file:
            return file.read(LONGEST_DOCUMENT + 1)
    if cast("object", sys.stdin) is None:  # as after `<&-`
        raise OutputsError("Standard input cannot be read: it is closed.")
    binary = cast("BinaryIO | None", getattr(sys.stdin, "buffer", None))
    if binary is None:  # a replaced standard input of text
        return sys.stdin.read().encode("utf-8", "surrogatepass")
    return binary.read(LONGEST_DOCUMENT + 1)


def parse(text: str, origin: str) -> StackOutputs:
    """The outputs in this JSON. Unknown outputs are ignored: newer programs may add some."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise OutputsError(f"{origin} holds no JSON; {_WANTED}.") from None
    if found == {}:
        raise OutputsError(f"{origin} has no outputs: its first `pulumi up` has not succeeded yet.")
    version = cast("dict[str, Any]", found).get("version", VERSION) if isinstance(found, dict) else VERSION
    if isinstance(version, int) and version != VERSION:
        raise OutputsError(
            f"{origin} has outputs of version {version}, and this program is for version {VERSION}: "
            "use the program that the stack was deployed with, or deploy it with this one."
        )
    try:
        return StackOutputs.model_validate(found)
    except ValidationError as error:
        # Without the values, because one of them is secret.
        wrong = [f"  {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        if len(wrong) > _MOST_FAULTS:
            wrong = [*wrong[:_MOST_FAULTS], f"  and {len(wrong) - _MOST_FAULTS} more"]
        raise OutputsError(
            f"{origin} has not the outputs of this program; the next `pulumi up` writes them:\n" + "\n".join(wrong)
        ) from None


def private_key(outputs: StackOutputs) -> str:
    """The private key's text. Raises `OutputsError` when the outputs were printed without secrets, or hold none."""
    key = outputs.ssh_private_key.get_secret_value()
    if key == HIDDEN:
        raise OutputsError(
            "The outputs were printed without their secrets: add --show-secrets to `pulumi stack output`."
        )
    if not key:
        raise OutputsError(
            "The stack keeps no private key: auren:deployKey names the key, and whoever deploys has it in an SSH agent."
        )
    return key
