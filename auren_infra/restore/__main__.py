"""`python -m auren_infra restore`: data of an earlier moment, of PostgreSQL or of another store, in place of now's."""

import argparse
import sys
from collections.abc import Iterable, Sequence

from auren_infra.command_line import Help, confirmed, run, told
from auren_infra.moment import as_of_words, past, written
from auren_infra.outputs import StackOutputs, machine, source
from auren_infra.outputs.machine import DONE, NOT_ASKED, REFUSED, MachineError, NoProgramError
from auren_infra.outputs.placing import show
from auren_infra.outputs.source import OutputsError
from auren_infra.outputs.stack_name import StackName, add_stack_option
from auren_infra.restore import prospect
from auren_infra.restore.prospect import ProspectError

_LONG = 6 * 3600
"""Seconds for a restore and the backup behind it."""
_SHORT = 300
"""Seconds for a look."""
_PROGRAM = "auren-restore"
_LATEST = "latest"
_DATABASE = "postgres"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    stack: StackName | None = options.stack
    try:
        outputs = source.of_stack(stack and stack.for_pulumi, secrets=True)
        match options.command:
            case "kept":
                return machine.end(machine.ask(outputs, _PROGRAM, "kept", seconds=_SHORT))
            case "discard":
                return machine.end(machine.ask(outputs, _PROGRAM, "discard", options.name, seconds=_SHORT))
            case _:
                words = [options.to, *as_of_words(options.as_of)]
                if options.only not in (None, _DATABASE):
                    return _restore_store(outputs, [options.only, *words], asked=not options.yes)
                return _restore(outputs, words, asked=not options.yes)
    except NoProgramError:
        print("error: This stack has no backups to restore from: docs/backups.md says how to begin.", file=sys.stderr)
        return NOT_ASKED
    except (OutputsError, MachineError, ProspectError) as error:
        print(f"error: {error}", file=sys.stderr)
        return NOT_ASKED


def _told(does: str, *examples: str) -> Help:
    return told(
        does=does,
        needs=machine.NEEDS,
        ends={
            DONE: "done: the database, or the store, is that of the moment, and runs",
            REFUSED: "it could not be done; standard error says what runs now",
            NOT_ASKED: "the call was wrong, or was not confirmed, or the machine could not be asked; "
            "standard error says which",
        },
        examples=[f"restore {example}" for example in examples],
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    call = "python -m auren_infra restore"
    parser = argparse.ArgumentParser(
        usage=f"{call} [--stack NAME] --to TIME [--as-of TIME] [--only SERVICE] [--yes]\n"
        f"       {call} [--stack NAME] kept | discard NAME",
        **_told(
            "Replaces PostgreSQL's data by that of an earlier moment, from the backups. With --only, it replaces "
            "another store's data by its newest copy from before the moment. It first says what comes back and what is "
            "lost, and asks. What it replaces is kept on the machine. After a cut, the same call goes on. On the "
            "machine, `auren-restore` does the same.",
            "--stack prod --to latest",
            "--stack prod --to 2026-03-01T16:00Z",
            "--stack prod --to 2026-03-01T16:00Z --as-of 2026-03-01T16:05Z",
            "--stack prod --to latest --only redis",
            "kept --stack prod",
            "discard --stack prod postgres_data.before-20260301T160700Z",
        ),
    )
    add_stack_option(parser)
    parser.add_argument(
        "--to",
        metavar="TIME",
        type=_target,
        help="the moment, such as 2026-03-01T16:00Z, or `latest`: all that there is",
    )
    parser.add_argument("--as-of", metavar="TIME", type=past, help="from the bucket as it was then, before a theft")
    parser.add_argument(
        "--only", metavar="SERVICE", help="this store instead of PostgreSQL: redis, chromadb, or kafka with zookeeper"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", prog=call)
    kept = commands.add_parser(
        "kept",
        help="list the data that earlier restores have replaced",
        **_told("Lists the data that earlier restores have replaced, and that is kept.", "kept --stack prod"),
    )
    discard = commands.add_parser(
        "discard",
        help="delete data that a restore has replaced",
        **_told(
            "Deletes data that an earlier restore has replaced. It cannot be had again.",
            "discard --stack prod postgres_data.before-20260301T160700Z",
        ),
    )
    for one in (kept, discard):
        add_stack_option(one, of_command=True)
    discard.add_argument("name", metavar="NAME", help="as `kept` lists it")
    options = parser.parse_args(arguments)
    if options.command:
        if options.to or options.as_of or options.only is not None or options.yes:
            parser.error(f"{options.command} takes none of --to, --as-of, --only and --yes")
    elif not options.to:
        parser.error("name the moment: --to latest, or --to TIME")
    elif options.as_of and options.to != _LATEST and written(options.as_of) < options.to:
        parser.error("the bucket as it was at --as-of has nothing of a later --to")
    return options


def _target(text: str) -> str:
    return text if text == _LATEST else written(past(text))


def _restore(outputs: StackOutputs, words: Sequence[str], *, asked: bool) -> int:
    looked = machine.ask(outputs, _PROGRAM, "look", *words, seconds=_SHORT)
    if looked.returncode:
        return machine.end(looked)
    return _confirmed_end(outputs, ["to", *words], prospect.words(prospect.read(looked.stdout)), asked=asked)


def _restore_store(outputs: StackOutputs, words: Sequence[str], *, asked: bool) -> int:
    """`words` are the service, and what the restore of a database has."""
    looked = machine.ask(outputs, _PROGRAM, "look-store", *words, seconds=_SHORT)
    if looked.returncode:
        return machine.end(looked)
    return _confirmed_end(
        outputs, ["store", *words], prospect.words_of_copies(prospect.read_copies(looked.stdout)), asked=asked
    )


def _confirmed_end(outputs: StackOutputs, call: Sequence[str], says: Iterable[str], *, asked: bool) -> int:
    show("".join(f"{line}\n" for line in says))
    if asked and not confirmed():
        return NOT_ASKED
    try:
        return machine.end(machine.ask(outputs, _PROGRAM, *call, seconds=_LONG))
    except MachineError as error:
        print(f"error: {error}", file=sys.stderr)
        print("The restore may still run on the machine, or be cut. The same call finishes it.", file=sys.stderr)
        return NOT_ASKED


if __name__ == "__main__":
    run(main)
