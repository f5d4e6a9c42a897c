"""Where a stack's outputs are read from: the engine, or a document that it has printed before."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from auren_infra.outputs.contract import HIDDEN, VERSION, StackOutputs

PROJECT = Path(__file__).parents[2]
LIMIT_SECONDS = 120
"""For an engine that waits for a backend out of reach."""


class OutputsError(RuntimeError):
    """There are no outputs to be had; the text says why, and what to do."""


def of_stack(stack: str | None, *, secrets: bool) -> StackOutputs:
    """Ask the `pulumi` on PATH; None is the stack that is selected. Secrets are decrypted only when they are wanted."""
    text = ask("stack", "output", "--json", *(["--show-secrets"] if secrets else []), stack=stack)
    return parse(text, f"The stack {stack}" if stack else "The selected stack")


def ask(*arguments: str, stack: str | None) -> str:
    """What the `pulumi` on PATH prints about a stack. Raises `OutputsError` with its own words when it fails."""
    command = ["pulumi", *arguments, "--non-interactive"]
    command += ["--stack", stack] if stack else []
    try:
        done = subprocess.run(
            command,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )
    except FileNotFoundError:
        raise OutputsError(
            "There is no pulumi on PATH: install it. Outputs alone can be given with --from FILE."
        ) from None
    except subprocess.TimeoutExpired:
        raise OutputsError(f"`{' '.join(command)}` gave no answer within {LIMIT_SECONDS} s.") from None
    if done.returncode:
        raise OutputsError(f"`{' '.join(command)}` failed:\n{(done.stderr or done.stdout).strip()}")
    return done.stdout


def of_file(name: str) -> StackOutputs:
    """Read what `pulumi stack output --json` printed; `-` is standard input."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise OutputsError(f"{name} cannot be read: {error.strerror}.") from None
    return parse(text, "Standard input" if name == "-" else name)


def parse(text: str, origin: str) -> StackOutputs:
    """The outputs in this JSON. Those that this program does not know are left out: newer programs may add some."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        raise OutputsError(f"{origin} holds no JSON, as `pulumi stack output --json` prints it.") from None
    if found == {}:
        raise OutputsError(f"{origin} has no outputs: they come with the end of its first `pulumi up`.")
    version = cast("dict[str, Any]", found).get("version", VERSION) if isinstance(found, dict) else VERSION
    if version != VERSION:
        raise OutputsError(
            f"{origin} has outputs of version {version}, and this program is for version {VERSION}: "
            "use the program that the stack was deployed with, or deploy it with this one."
        )
    try:
        return StackOutputs.model_validate(found)
    except ValidationError as error:
        # Not the values: one of them is secret.
        wrong = "\n".join(f"  {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise OutputsError(
            f"{origin} has not the outputs of this program; the next `pulumi up` with it gives them:\n{wrong}"
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
