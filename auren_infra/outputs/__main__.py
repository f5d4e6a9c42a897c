"""`python -m auren_infra.outputs`: the contract's schema, or a stack's outputs in the format of a tool."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from auren_infra.outputs import source
from auren_infra.outputs.contract import StackOutputs, schema
from auren_infra.outputs.formats import ansible, dotenv, prometheus, ssh
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
        prog="python -m auren_infra.outputs",
        description="A stack's outputs in the format of a tool; without --format, the JSON Schema of the outputs.",
    )
    parser.add_argument("--format", type=Format, choices=list(Format), help="the tool's format")
    origin = parser.add_mutually_exclusive_group()
    origin.add_argument(
        "--stack", metavar="NAME", type=stack_name, help="read this stack with pulumi, instead of the selected one"
    )
    origin.add_argument(
        "--from", metavar="FILE", dest="file", help="read what `pulumi stack output --json` printed (-)"
    )
    parser.add_argument("--output", metavar="DIRECTORY", type=Path, help="write files there, instead of printing")
    parser.add_argument(
        "--write-key",
        metavar="FILE",
        type=Path,
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
    stack = options.stack and options.stack.for_pulumi
    outputs = source.of_file(options.file) if options.file else source.of_stack(stack, secrets=key is not None)
    text = render(options.format, outputs, ssh.Login(directory and directory / KNOWN_HOSTS, key))
    if key:
        _place(key, source.private_key(outputs).rstrip("\n") + "\n", 0o600)
    if directory is None:
        print(text, end="")
        return
    _place(directory / FILES[options.format], text)
    if options.format in LOGGING_IN:
        _place(directory / KNOWN_HOSTS, ssh.known_hosts(outputs))


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


def _place(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file whole or not at all, since tools watch it. Its draft, a key's too, is readable by its owner only."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".auren-") as directory:
            draft = Path(directory) / path.name
            draft.touch(mode=0o600)
            draft.write_text(text, encoding="utf-8")
            draft.chmod(mode)
            draft.replace(path)
    except OSError as error:
        raise OutputsError(f"{path} cannot be written: {error.strerror}.") from None


if __name__ == "__main__":
    sys.exit(main())
