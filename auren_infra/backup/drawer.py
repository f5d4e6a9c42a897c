"""Whether what a person keeps for the day when everything is gone is there, and right.

docs/backups.md, "What must be in a drawer", has the list.
"""

import json
import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from auren_infra.host import agent
from auren_infra.outputs import source
from auren_infra.outputs.source import OutputsError
from auren_infra.outputs.stack_name import PROJECT, StackName
from auren_infra.settings.backups import PASSPHRASE
from auren_infra.stack_file import stack_file_path

BY_HAND = (
    "Log in to the DigitalOcean account, with its second factor. The buckets that the program has made are there.",
    "Log in to the account of the bucket in auren:backups, if the program has not made it.",
    "Log in to the Cloudflare account, with its second factor. The domain's records are there.",
    "Look whether the registry still has the images of auren:images, or whether you have what they are built from.",
)
"""What no command can do for a person."""


def faults(stack: StackName | None, typed: Callable[[], str]) -> list[str]:
    """A sentence for each, with its repair. `typed` asks for the passphrase of the backups, at most once."""
    chosen = stack and stack.for_pulumi
    try:
        login = json.loads(source.ask("whoami", "--json", "--verbose", stack=None))["url"]
        name = source.name_of(stack)
        config = source.configuration(chosen, "--show-secrets")
        source.ask("stack", "export", stack=chosen)
    except OutputsError as error:
        return [f"With what is set here, the stack cannot be read. {error}"]
    return [
        *_of_state(login),
        *_of_repository(stack_file_path(name, PROJECT)),
        *_of_passphrase(config, typed),
        *_of_deploy_key(config),
    ]


def _of_state(login: str) -> Iterator[str]:
    if login.startswith("file:"):
        yield f"The state is on this disk ({login}), and is lost with it. docs/state.md moves it into a bucket."


def _of_repository(file: Path) -> Iterator[str]:
    commit = _git("log", "-1", "--format=%H", "--", str(file))
    if not commit:
        yield f"{file.name} is not in the repository. It has the settings and encrypted secrets: commit it, and push."
    elif _git("status", "--porcelain", "--", str(file)):
        yield f"{file.name} has changes that are not committed: commit them, and push."
    elif not _git("branch", "--remotes", "--contains", commit):
        yield f"The newest commit of {file.name} is on this disk alone: push it."


def _git(*arguments: str) -> str:
    """What it prints; nothing when it fails, as where there is no repository."""
    try:
        done = subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _of_passphrase(config: Mapping[str, str], typed: Callable[[], str]) -> Iterator[str]:
    if not config.get("auren:backups"):
        yield "auren:backups is empty, so there is nothing to restore from. docs/backups.md says how to begin."
        return
    given = json.loads(config.get("auren:secrets") or "{}").get(PASSPHRASE, "")
    if not secrets.compare_digest(typed().encode(), str(given).encode()):
        yield (
            f"What was typed is not {PASSPHRASE}. Correct what is written down: "
            f"`pulumi config get --path auren:secrets.{PASSPHRASE}` prints it."
        )


def _of_deploy_key(config: Mapping[str, str]) -> Iterator[str]:
    if (key := config.get("auren:deployKey", "")) and (why := agent.missing(key)):
        yield f"auren:deployKey: {why}."
