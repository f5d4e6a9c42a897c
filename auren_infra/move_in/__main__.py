"""`python -m auren_infra move-in`: the data of a machine that scripts have set up comes to the stack's machine."""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta

from auren_infra import exported
from auren_infra.command_line import Help, confirmed, run, told
from auren_infra.exported import StateError
from auren_infra.host.orders import KafkaTopics, Order, Sqlite
from auren_infra.host.sent import of
from auren_infra.move_in import facts, judge, records
from auren_infra.move_in.facts import STORES, Old
from auren_infra.move_in.move import FAILURES, Move, MoveError, Seen
from auren_infra.move_in.new import NewMachine
from auren_infra.move_in.old import OldMachine, login
from auren_infra.outputs import machine, source
from auren_infra.outputs.machine import DONE, NOT_ASKED, REFUSED
from auren_infra.outputs.stack_name import StackName, add_stack_option
from auren_infra.size import size

_CALL = "python -m auren_infra move-in"
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_WINDOW_MINUTES = 30
COMMANDS = {
    "look": "say what there is, what will happen, and what speaks against it; changes nothing",
    "copy": "copy the stores' files beside the stack's while the old machine serves; each time only the difference",
    "switch": "stop the old machine's services, bring the rest, compare the counts, and lead the domain's names here",
    "back": "let the old machine serve again, and lead the domain's names there",
    "discard": "delete what the stack's stores held before, and what was copied and not used",
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        return _run(options)
    except (*FAILURES, StateError) as error:
        print(f"error: {error}", file=sys.stderr)
        return NOT_ASKED
    except MoveError as error:
        print(f"error: {error}", file=sys.stderr)
        return REFUSED


def _told(does: str, *examples: str) -> Help:
    return told(
        does=does,
        needs=f"{machine.NEEDS.strip()} SSH to the old machine as root, by your own key, with its host key known. "
        "`switch` and `back` need the tokens of `pulumi up`.",
        ends={
            DONE: "done; `look` found nothing that speaks against the move",
            REFUSED: "the data cannot move as it is, or the step failed; the lines say what serves now",
            NOT_ASKED: "the call was wrong, or was not confirmed, or a machine could not be asked; nothing was stopped",
        },
        examples=[f"move-in {example}" for example in examples],
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=_CALL,
        **_told(
            "Moves PostgreSQL, Redis, Chroma and Kafka with ZooKeeper from a machine that scripts have set up with "
            "Docker to the stack's machine. Nothing of the old machine is deleted, and it can serve again at any time. "
            "After a cut, the same call goes on. docs/moving-in.md has the whole procedure.",
            *(f"{command} --stack prod --from root@198.51.100.7" for command in COMMANDS if command != "discard"),
            "look --stack prod --from root@198.51.100.7 --container postgres=auren-db-1",
            "discard --stack prod",
        ),
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command, says in COMMANDS.items():
        example = f"{command} --stack prod" + ("" if command == "discard" else " --from root@198.51.100.7")
        one = commands.add_parser(command, help=says, **_told(f"{says[0].upper()}{says[1:]}.", example))
        add_stack_option(one)
        if command != "discard":
            one.add_argument(
                "--from", dest="login", metavar="root@HOST", type=login, required=True, help="the old machine"
            )
        if command in ("look", "copy", "switch"):
            one.add_argument(
                "--container",
                metavar="STORE=CONTAINER",
                type=_container,
                action="append",
                default=[],
                help=f"which container holds a store ({', '.join(STORES)}), if that is not clear",
            )
            one.add_argument(
                "--without", metavar="STORE", choices=STORES, action="append", default=[], help="do not move this store"
            )
        if command == "switch":
            one.add_argument(
                "--window",
                metavar="MINUTES",
                type=_minutes,
                default=_WINDOW_MINUTES,
                help="after so long the old machine starts again by itself: 5 to 720 (default: %(default)s)",
            )
        if command in ("switch", "back", "discard"):
            one.add_argument("--yes", action="store_true", help="do not ask")
    return parser.parse_args(arguments)


def _container(text: str) -> str:
    store, _, name = text.partition("=")
    if store not in STORES or not _CONTAINER.fullmatch(name):
        raise argparse.ArgumentTypeError(f"{text!r} is no STORE=CONTAINER; a STORE is one of {', '.join(STORES)}")
    return text


def _minutes(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 5 <= int(text) <= 720):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of minutes from 5 to 720")
    return int(text)


def _run(options: argparse.Namespace) -> int:
    stack: StackName | None = options.stack
    new = NewMachine(source.of_stack(stack and stack.for_pulumi, secrets=True))
    if options.command == "discard":
        return _discard(new, asked=not options.yes)
    address = source.configuration(stack and stack.for_pulumi).get(records.SETTING, "")
    address = address or facts.new(new.ask("look", "-")).moved_from
    if not address:
        print(
            f"error: {records.SETTING} is empty. Set it to the address that the domain's records have now, and deploy: "
            f"`pulumi config set {records.SETTING} ADDRESS`, `pulumi up`. See docs/moving-in.md.",
            file=sys.stderr,
        )
        return NOT_ASKED
    old = OldMachine(options.login)
    if options.command == "back":
        return _back(Move(stack, address, old, new), asked=not options.yes)
    again = _again(stack) if options.command == "switch" else ()
    move = Move(stack, address, old, new, options.container, options.without, again)
    seen = move.look()
    if seen.findings:
        _show(_words(seen, move))
        _show(f"Speaks against it: {finding}" for finding in seen.findings)
        return REFUSED
    match options.command:
        case "look":
            _show(_words(seen, move))
        case "copy":
            if seen.old.state or seen.new.state:
                print(
                    "error: A switch has begun, so there is nothing to copy: `move-in switch` goes on.", file=sys.stderr
                )
                return REFUSED
            move.copy(seen)
            print("Copied. The old machine has served all the time. Copy again at any time, or: move-in switch")
        case _:
            window = timedelta(minutes=options.window)
            _show((*_words(seen, move), *_of_window(seen, move, window)))
            if not options.yes and not confirmed():
                return NOT_ASKED
            move.switch(seen, window)
            _show(_after(stack))
    return DONE


def _again(stack: StackName | None) -> Sequence[Order]:
    """What the last update has done to the data of the stores."""
    state = exported.parse(source.ask("stack", "export", "--show-secrets", stack=stack and stack.for_pulumi))
    sent = exported.commands(state)
    return [one.order for kind in (KafkaTopics, Sqlite) for one in of(sent, kind)]


def _words(seen: Seen, move: Move) -> Iterator[str]:
    old = seen.old
    for volume in old.volumes:
        yield f"Is moved: {volume.path}, {size(volume.bytes)}, to the volume {volume.name}."
    for store, container in old.containers.items():
        yield f"Holds {store}: {container}, of {old.images[store]}."
    yield f"Holds now: {judge.summary(old.counts)}."
    yield from _of_database(old)
    if old.writers:
        yield f"Is stopped with them in the window: {', '.join(old.writers)}."
    if old.others:
        yield f"Is left running, since it belongs to none of them: {', '.join(old.others)}."
    for store in move.without:
        yield f"Is not moved: {store}, as you said. This stack's own stays."
    yield "Is not moved: releases, settings, secrets, certificates, logs, the website, and volumes of other containers."
    for volume, count in seen.new.brought.items():
        yield f"Was copied before: {volume}, {size(count)}. The next copy brings the difference."
    yield f"Room: {size(seen.new.free_bytes)} are free on the data disk."


def _of_database(old: Old) -> Iterator[str]:
    if "postgres" not in old.containers:
        return
    user, database = judge.names_of_database(old)
    yield (
        f"PostgreSQL {old.facts.get('postgres.version')}: its administrator and its database, now {user} and "
        f"{database}, are auren afterwards, with this stack's password."
    )
    if others := [role for role in old.facts.get("postgres.roles", "").split(",") if role not in (user, "auren")]:
        yield f"Its other roles keep their passwords: {', '.join(others)}."


def _of_window(seen: Seen, move: Move, window: timedelta) -> Iterator[str]:
    if seen.old.state == "handed-over":
        yield "The data has moved already. What is left: the domain's records."
        return
    if seen.new.state == "served" and not seen.old.state:
        yield "This stack has taken the old machine's data before."
        yield "What was written here since is kept, and not served."
    yield "First a copy is made while the old machine serves. Then the window begins. Its services are stopped,"
    yield "the last difference is copied, and what the stores hold is counted on both machines."
    yield f"If they are the same, the domain's records lead to this stack instead of {move.address}."
    yield "If anything fails before, the old machine serves again as before. Nothing of it is deleted."
    yield f"If nobody says anything else, it serves again by itself after {int(window.total_seconds()) // 60} min."
    yield "Is lost: nothing."
    yield "Is kept: what this stack's stores hold now, beside it on the data disk, until `move-in discard`."


def _after(stack: StackName | None) -> Iterator[str]:
    chosen = f" --stack {stack.for_pulumi}" if stack else ""
    yield f"{records.SETTING} was taken out of the stack's configuration file: commit that."
    yield f"Now: `pulumi up{chosen}`. It closes the way to the old machine, and tests the domain."
    yield f"The old machine stays as it is, stopped. To go back to it: `{_CALL} back{chosen} --from root@HOST`."


def _back(move: Move, *, asked: bool) -> int:
    new = facts.new(move.new.ask("look", move.address))
    if new.state != "served":
        print("error: This stack does not serve the data of an old machine, so there is no way back.", file=sys.stderr)
        return REFUSED
    move.old.ask("look")  # it answers
    try:
        since = move.written_since() or ["nothing that is counted"]
    except FAILURES as error:
        since = [f"nobody knows what: {error}"]
    _show(
        (
            "The services of this stack's machine are stopped, and those of the old machine are started.",
            f"The domain's records lead to {move.address} again.",
            "Is lost for the old machine: what was written here since the switch. It stays on this machine.",
            *(f"  {line}" for line in since),
        )
    )
    if asked and not confirmed():
        return NOT_ASKED
    move.back()
    print(f"{records.SETTING} is in the stack's configuration file again: commit that.")
    return DONE


def _discard(new: NewMachine, *, asked: bool) -> int:
    _show(["What this stack's stores held before the move is deleted, and what was copied and is in no place."])
    _show(["The way back with `move-in back` is closed then."])
    if asked and not confirmed():
        return NOT_ASKED
    new.ask("discard")
    print("Deleted.")
    return DONE


def _show(lines: Iterator[str] | Sequence[str]) -> None:
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    run(main)
