"""`python -m auren_infra outputs`: the contract's schema, or a stack's outputs in the format of a tool."""

import argparse
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from auren_infra.command_line import NOT_DONE, run_old_call, told
from auren_infra.outputs import source
from auren_infra.outputs.contract import StackOutputs, schema
from auren_infra.outputs.formats import ansible, dotenv, prometheus, ssh
from auren_infra.outputs.placing import Placed, faults_of_directory, faults_of_file, file_path, path, place, show
from auren_infra.outputs.source import OutputsError
from auren_infra.outputs.stack_name import stack_name


class Format(StrEnum):
    SSH = "ssh"
    ANSIBLE = "ansible"
    DOTENV = "dotenv"
    PROMETHEUS = "prometheus"
    JSON = "json"


FILES = {
    Format.SSH: "config",
    Format.ANSIBLE: "inventory.json",
    Format.DOTENV: ".env",
    Format.PROMETHEUS: "targets.json",
    Format.JSON: "outputs.json",
}
LOGGING_IN = (Format.SSH, Format.ANSIBLE)
KNOWN_HOSTS = "known_hosts"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    if options.format is None:
        print(schema(), end="")
        return 0
    try:
        _write(options)
    except (OutputsError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m auren_infra outputs",
        **told(
            does="Prints a stack's outputs in the format of a tool, or writes files for it. Without --format, prints "
            "the JSON Schema of the outputs.",
            needs="pulumi on PATH and a login to the state. With --write-key, the passphrase as well. With --from, "
            "neither of them. Without --format, nothing.",
            ends={
                0: "printed or written",
                1: "there are no such outputs, or they could not be written; standard error says why",
                NOT_DONE: "the call was wrong, or it was cancelled",
            },
            examples=[
                "outputs --stack prod --format ssh --output ~/.ssh/auren",
                "outputs --from outputs.json --format dotenv",
            ],
        ),
    )
    parser.add_argument("--format", type=Format, choices=list(Format), help="the tool's format")
    origin = parser.add_mutually_exclusive_group()
    origin.add_argument(
        "--stack", metavar="NAME", type=stack_name, help="read this stack with pulumi, instead of the selected one"
    )
    origin.add_argument(
        "--from", metavar="FILE", dest="file", help="read what `pulumi stack output --json` printed (-)"
    )
    parser.add_argument("--output", metavar="DIRECTORY", type=path, help="write files there, instead of printing")
    parser.add_argument(
        "--write-key",
        metavar="FILE",
        type=file_path,
        help="write the program's own private key there, for its owner only, and log in with it (ssh, ansible)",
    )
    options = parser.parse_args(arguments)
    if options.format is None and any([options.stack, options.file, options.output, options.write_key]):
        parser.error(f"--format is missing: one of {', '.join(Format)}")
    if options.write_key and options.format not in LOGGING_IN:
        parser.error(f"--write-key goes with --format {' or '.join(LOGGING_IN)}")
    return options


def _write(options: argparse.Namespace) -> None:
    key: Path | None = options.write_key and options.write_key.absolute()
    directory: Path | None = options.output and options.output.absolute()
    names = [FILES[options.format], *([KNOWN_HOSTS] if options.format in LOGGING_IN else [])]
    _check_places(key, directory, names)
    stack = options.stack and options.stack.for_pulumi
    outputs = source.of_file(options.file) if options.file else source.of_stack(stack, secrets=key is not None)
    text = render(options.format, outputs, ssh.Login(directory and directory / KNOWN_HOSTS, key))
    files = [Placed(key, source.private_key(outputs).rstrip("\n") + "\n", secret=True)] if key else []
    if directory:
        texts = [text, *([ssh.known_hosts(outputs)] if options.format in LOGGING_IN else [])]
        files += [Placed(directory / name, each) for name, each in zip(names, texts, strict=True)]
    place(files, directory)
    if directory is None:
        show(text)


def _check_places(key: Path | None, directory: Path | None, names: Sequence[str]) -> None:
    """Report all faults of the paths before a secret is decrypted."""
    faults: list[str] = []
    if directory:
        faults += faults_of_directory(directory)
        faults += [fault for name in names for fault in faults_of_file(directory / name, directory)]
    if key:
        faults += faults_of_file(key, directory)
    if key and directory and any(_same(key, directory / name) for name in ("", *names)):
        faults.append(f"--write-key and --output would both write {key}; name another file for the key.")
    if faults:
        raise OutputsError("\n".join(faults))


def _same(one: Path, other: Path) -> bool:
    return one.parent.resolve() / one.name == other.parent.resolve() / other.name


def render(wanted: Format, outputs: StackOutputs, login: ssh.Login) -> str:
    match wanted:
        case Format.SSH:
            return ssh.config(outputs, login)
        case Format.ANSIBLE:
            return ansible.inventory(outputs, login)
        case Format.DOTENV:
            return dotenv.env(outputs)
        case Format.PROMETHEUS:
            return prometheus.targets(outputs)
        case Format.JSON:
            return outputs.model_dump_json(by_alias=True, indent=2) + "\n"


if __name__ == "__main__":
    run_old_call("outputs", main)
