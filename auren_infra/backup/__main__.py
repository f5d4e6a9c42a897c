"""`python -m auren_infra backup`: backups and copies, made, listed, judged, and restored for practice."""

import argparse
import base64
import binascii
import getpass
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from auren_infra import drills
from auren_infra.backup import copies, drawer, judge, listing, table
from auren_infra.backup.copies import Store
from auren_infra.backup.listing import Listing
from auren_infra.command_line import Help, run, told
from auren_infra.drills import Drill
from auren_infra.files import paths
from auren_infra.moment import as_of_words, past, written
from auren_infra.outputs import StackOutputs, machine, source
from auren_infra.outputs.machine import DONE, NOT_ASKED, REFUSED, MachineError, NoProgramError
from auren_infra.outputs.placing import show
from auren_infra.outputs.source import OutputsError
from auren_infra.outputs.stack_name import StackName, add_stack_option

_RELEASES = "releases"
_ARCHIVES = (_RELEASES, "logs")
_LONG = 6 * 3600
"""Seconds for a backup or a drill."""
_SHORT = 300
"""Seconds for a look into the bucket."""
_PROGRAM = "auren-backup"
_NO_UNIT = 5
"""The exit status of `systemctl start` for a unit that is not there."""

_DRAWER_NEEDS = (
    "pulumi on PATH, and what is in the drawer, taken from there: PULUMI_CONFIG_PASSPHRASE, the key of the state's "
    "bucket, an SSH agent with the private half of auren:deployKey. It asks for backup-passphrase."
)

_COMMANDS = {
    "now": "make a backup now, and see that the bucket has it",
    "list": "list the backups and copies that the bucket holds",
    "check": "say what is wrong with the backups, the copies and the last drill",
    "fetch": "write the machine's earlier releases, or the logs of nginx, into a directory here",
    "drill": "restore the newest backup beside the database, count what came back, and try the newest copies",
    "drawer": "say what is missing, or wrong, of what a person must have when everything is gone",
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    stack: StackName | None = options.stack
    if options.command == "drawer":
        return _drawer(stack)
    try:
        outputs = source.of_stack(stack and stack.for_pulumi, secrets=True)
        match options.command:
            case "now":
                words = ["run", *(["full"] if options.full else [])]
                return machine.end(machine.ask(outputs, _PROGRAM, *words, seconds=_LONG))
            case "list":
                return _list(outputs, options.as_of, raw=options.json)
            case "check":
                return _check(outputs)
            case "fetch":
                return _fetch(outputs, options.what, options.directory, options.since, options.as_of)
            case _:
                return _drill(outputs)
    except NoProgramError:
        nothing = "This stack has no backups, since auren:backups is empty, or it was not deployed since it is set"
        if options.command == "check":
            print(f"{nothing}. There is nothing to check.")
            return DONE
        print(f"error: {nothing}. docs/backups.md says how to begin.", file=sys.stderr)
        return NOT_ASKED
    except (OutputsError, MachineError, listing.ListingError) as error:
        print(f"error: {error}", file=sys.stderr)
        return NOT_ASKED


def _drawer(stack: StackName | None) -> int:
    faults = drawer.faults(stack, _written_down)
    verdict = faults or ["All that this can see is there, and right."]
    show("".join(f"{line}\n" for line in (*verdict, "By hand:", *(f"  {line}" for line in drawer.BY_HAND))))
    return REFUSED if faults else DONE


def _written_down() -> str:
    """The passphrase of the backups, as it is typed. Nobody sees it."""
    if sys.stdin.isatty():
        return getpass.getpass("backup-passphrase, as it is written down: ")
    return sys.stdin.readline().rstrip("\n")


def _told(does: str, *examples: str, needs: str = machine.NEEDS) -> Help:
    return told(
        does=does,
        needs=needs,
        ends={
            DONE: "done; `check` or `drawer` found no fault",
            REFUSED: "it failed; `check` or `drawer` found a fault; the lines say which",
            NOT_ASKED: "the call was wrong, or the machine could not be asked; standard error says why",
        },
        examples=[f"backup {example}" for example in examples],
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    calls = {name: f"{name} --stack prod" for name in _COMMANDS} | {"fetch": "fetch --stack prod logs ./logs"}
    parser = argparse.ArgumentParser(
        prog="python -m auren_infra backup",
        **_told(
            "Makes, lists and judges PostgreSQL's backups and the other stores' copies, and practises a restore.",
            *calls.values(),
        ),
    )
    add_stack_option(parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, says in _COMMANDS.items():
        examples = [calls[name]]
        examples += {
            "now": [f"{calls[name]} --full"],
            "list": [f"{calls[name]} --as-of 2026-03-01T16:00Z"],
            "fetch": [f"{calls[name]} --since 2026-03-01T00:00Z", "fetch --stack prod releases ."],
        }.get(name, [])
        does = f"{says[0].upper()}{says[1:]}."
        needs = {"needs": _DRAWER_NEEDS} if name == "drawer" else {}
        one = commands.add_parser(name, help=says, **_told(does, *examples, **needs))
        add_stack_option(one, of_command=True)
        if name == "now":
            one.add_argument("--full", action="store_true", help="a full one, whatever there is")
        if name in ("list", "fetch"):
            one.add_argument("--as-of", metavar="TIME", type=past, help="as the bucket was then, before a theft")
        if name == "fetch":
            one.add_argument("what", metavar="WHAT", choices=_ARCHIVES, help="`releases`, the newest ones, or `logs`")
            one.add_argument("directory", metavar="DIRECTORY", type=Path, help="one that exists, on this machine")
            one.add_argument("--since", metavar="TIME", type=past, help="logs that were written after this time")
        if name == "list":
            one.add_argument(
                "--json", action="store_true", help="what `pgbackrest info --output=json` prints, without the copies"
            )
    return parser.parse_args(arguments)


def _listed(outputs: StackOutputs, as_of: datetime | None = None) -> subprocess.CompletedProcess[str]:
    return machine.ask(outputs, _PROGRAM, "list", *as_of_words(as_of), seconds=_SHORT)


def _list(outputs: StackOutputs, as_of: datetime | None, *, raw: bool) -> int:
    done = _listed(outputs, as_of)
    if raw or done.returncode:
        return machine.end(done)
    bucket = listing.read(done.stdout)
    show(table.render(bucket) + table.render_copies((*_copies(outputs, as_of), *_archives(outputs, as_of))))
    return DONE


def _faults_of_copies(outputs: StackOutputs, now: datetime) -> Iterator[str]:
    try:
        releases = (store for store in _archives(outputs) if store.volume == _RELEASES)
        yield from judge.of_copies((*_copies(outputs), *releases), now)
    except MachineError as error:
        yield from judge.unreadable(str(error))


def _copies(outputs: StackOutputs, as_of: datetime | None = None) -> tuple[Store, ...]:
    done = machine.ask(outputs, _PROGRAM, "copies", *as_of_words(as_of), seconds=_SHORT)
    if done.returncode:
        raise MachineError(f"The copies in the bucket cannot be listed:\n{done.stderr.strip()}")
    return copies.read(done.stdout)


def _archives(outputs: StackOutputs, as_of: datetime | None = None) -> tuple[Store, ...]:
    done = machine.ask(outputs, _PROGRAM, "archives", *as_of_words(as_of), seconds=_SHORT)
    if done.returncode:
        raise MachineError(f"The archives in the bucket cannot be listed:\n{done.stderr.strip()}")
    return copies.read(done.stdout)


def _fetch(outputs: StackOutputs, what: str, directory: Path, since: datetime | None, as_of: datetime | None) -> int:
    if not directory.is_dir():
        print(f"error: {directory} is no directory. Make it before.", file=sys.stderr)
        return NOT_ASKED
    stores = [store for store in _archives(outputs, as_of) if (store.volume == _RELEASES) == (what == _RELEASES)]
    wanted = [
        (store.volume, copy.made)
        for store in stores
        for copy in (store.copies[-1:] if what == _RELEASES else store.copies)
        if since is None or copy.made > since
    ]
    for name, made in wanted:
        done = machine.ask(outputs, _PROGRAM, "fetch", name, written(made), *as_of_words(as_of), seconds=_SHORT)
        if done.returncode:
            return machine.end(done)
        ending = "tar.gz" if name == _RELEASES else "gz"
        path = directory / f"{name}-{made:%Y%m%dT%H%M%SZ}.{ending}"
        try:
            _write(path, base64.b64decode("".join(done.stdout.split()), validate=True))
        except (OSError, binascii.Error) as error:
            raise MachineError(f"{path} cannot be written: {error}") from None
        show(f"{path}\n")
    if not wanted:
        print("error: The bucket has no such archive. `backup list` shows those that there are.", file=sys.stderr)
        return REFUSED
    return DONE


def _write(path: Path, content: bytes) -> None:
    """For this user alone: the logs have the addresses of people."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_bytes(content)


def _check(outputs: StackOutputs) -> int:
    done, found, now = _listed(outputs), _drills(outputs), datetime.now(UTC)
    if done.returncode:
        faults = [*judge.unreadable(done.stderr), *judge.of_drills(found, now, now)]
        show("".join(f"{fault}\n" for fault in faults))
        return REFUSED
    bucket = listing.read(done.stdout)
    faults = [
        *judge.faults(bucket, found, now),
        *judge.of_log(*_log(outputs)),
        *_faults_of_copies(outputs, now),
        *_faults_of_versions(outputs, bucket, now),
        *_faults_of_lost(outputs),
    ]
    show("".join(f"{fault}\n" for fault in faults) or table.summary(bucket, found))
    return REFUSED if faults else DONE


def _log(outputs: StackOutputs) -> tuple[timedelta | None, str]:
    """Since when the newest segment of the log is in the bucket, and which one is missing there, in a sentence."""
    done = machine.ask(outputs, _PROGRAM, "log", seconds=_SHORT)
    since, _, missing = done.stdout.strip().partition("\n")
    return timedelta(seconds=int(since)) if done.returncode == 0 and since.isdecimal() else None, missing


def _faults_of_versions(outputs: StackOutputs, bucket: Listing, now: datetime) -> Iterator[str]:
    if newest := judge.with_another_before(bucket, now):
        done = _listed(outputs, newest.timestamp.start)
        if done.returncode:
            yield from judge.unreadable(f"as it was before the newest backup. {done.stderr}")
        else:
            yield from judge.of_versions(newest, listing.read(done.stdout))


def _faults_of_lost(outputs: StackOutputs) -> Iterator[str]:
    done = machine.ask(outputs, _PROGRAM, "lost", seconds=_SHORT)
    yield from judge.unreadable(done.stderr) if done.returncode else judge.of_lost(done.stdout.splitlines())


def _drill(outputs: StackOutputs) -> int:
    """By its unit: so it has the memory that its job has, goes on when SSH is cut, and does not run twice."""
    before = drills.newest(_drills(outputs))
    started = machine.ask(outputs, "systemctl", "start", paths.DRILL_UNIT, seconds=_LONG)
    if started.returncode == _NO_UNIT:
        raise NoProgramError(started.stderr.strip())
    drill = drills.newest(_drills(outputs))
    if drill is None or drill == before:
        print(f"error: The drill did not come to its end. {started.stderr.strip()}".rstrip(), file=sys.stderr)
        print(f"On the machine, `journalctl --unit {paths.DRILL_UNIT}` says why.", file=sys.stderr)
        return REFUSED
    if not drill.ok:
        print(f"error: The drill failed: {drill.fault}", file=sys.stderr)
        print("docs/backups.md, When a drill fails, has the repair of each cause.", file=sys.stderr)
        return REFUSED
    show(f"The drill was good: {_told_of(drill)}.\n")
    return DONE


def _told_of(drill: Drill) -> str:
    parts = [f"it restored {drill.backup}"]
    parts += [] if drill.seconds is None else [f"took {drill.seconds} s"]
    parts += [] if drill.rows is None else [f"counted {drill.rows:,} rows in {drill.tables or 0} tables"]
    parts += [] if drill.age_seconds is None else [f"found a newest row that was {drill.age_seconds} s old"]
    return ", ".join(parts)


def _drills(outputs: StackOutputs) -> tuple[Drill, ...]:
    """The newest drill and the last good one, as far as there are any."""
    done = machine.ask(outputs, "cat", *paths.DRILLS, seconds=_SHORT)
    lacking = "No such file or directory"
    if done.returncode and not all(line.endswith(lacking) for line in done.stderr.splitlines()):
        raise MachineError(f"The records of the drills cannot be read:\n{done.stderr.strip()}")
    try:
        return drills.read(done.stdout)
    except ValueError as error:
        raise MachineError(f"The records of the drills are not what this program knows: {error}") from None


if __name__ == "__main__":
    run(main)
