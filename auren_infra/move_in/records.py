"""Where the domain's names lead: changed by the engine, so that the state knows it, and seen at Cloudflare."""

import os
import subprocess

from auren_infra.apis import cloudflare
from auren_infra.outputs import source
from auren_infra.outputs.source import OutputsError
from auren_infra.outputs.stack_name import PROJECT, StackName
from auren_infra.settings import hosts_of
from auren_infra.smoke_test import LEFT_OUT

SETTING = "auren:movingFrom"
_SECONDS = 900


def addresses(stack: StackName | None) -> dict[str, str]:
    """Where each of the domain's names leads. Raises `CloudError` and `OutputsError`."""
    config = source.configuration(stack and stack.for_pulumi)
    zone = config["auren:cloudflareZone"]
    hosts = hosts_of(config["auren:domain"], zone, proxied=config["auren:proxied"].lower() == "true")
    records = cloudflare.of_environment(os.environ).address_records(zone)
    return {each["name"]: each["content"] for each in records if each["name"] in hosts}


def lead_to_old(stack: StackName | None, address: str) -> None:
    """The names lead to the old machine. Raises `OutputsError`."""
    _configure(stack, "set", SETTING, address)
    _update(stack)


def lead_to_new(stack: StackName | None) -> None:
    """The names lead to the stack's own address. Raises `OutputsError`."""
    _configure(stack, "rm", SETTING)
    _update(stack)


def set_back(stack: StackName | None, address: str) -> None:
    """The setting of before, after an update of the records that has changed none. Raises `OutputsError`."""
    _configure(stack, "set", SETTING, address)


def rehearse(stack: StackName | None) -> None:
    """A preview of the records alone: engine, state and tokens do their part. Raises `OutputsError`."""
    _pulumi(stack, "preview", "--target", _records(stack))


def _update(stack: StackName | None) -> None:
    _pulumi(stack, "up", "--yes", "--skip-preview", "--target", _records(stack))


def _records(stack: StackName | None) -> str:
    return f"urn:pulumi:{source.name_of(stack)}::*::auren:cloud:Dns**"


def _configure(stack: StackName | None, *words: str) -> None:
    source.ask("config", *words, stack=stack and stack.for_pulumi)


def _pulumi(stack: StackName | None, *words: str) -> None:
    command = ["pulumi", *words, "--non-interactive", "--color", "never"]
    command += ["--stack", stack.for_pulumi] if stack else []
    try:
        done = subprocess.run(
            command,
            cwd=PROJECT,
            env={**os.environ, LEFT_OUT: "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=_SECONDS,
        )
    except FileNotFoundError:
        raise OutputsError("There is no pulumi on PATH: install it.") from None
    except subprocess.TimeoutExpired:
        raise OutputsError(f"`{' '.join(command)}` has not ended within {_SECONDS} s.") from None
    if done.returncode:
        raise OutputsError(f"`{' '.join(command)}` failed:\n{done.stdout.strip()}")
