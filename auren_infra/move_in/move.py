"""The steps of a move, in their order. Each may be cut, and the same call goes on."""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from auren_infra.apis.http import CloudError
from auren_infra.host.orders import Order
from auren_infra.moment import lasting, shown
from auren_infra.move_in import facts, judge, records
from auren_infra.move_in.facts import VOLUMES, Counts, FactsError, New, Old
from auren_infra.move_in.new import NewMachine, NewMachineError
from auren_infra.move_in.old import OldMachine, OldMachineError
from auren_infra.outputs.source import OutputsError
from auren_infra.outputs.stack_name import StackName
from auren_infra.size import size

FAILURES = (OldMachineError, NewMachineError, FactsError, OutputsError, CloudError)
_MOST_TOLD = 20


class MoveError(RuntimeError):
    """The step did not come to its end; the text says what serves now."""


@dataclass(frozen=True)
class Seen:
    """Both machines, at one look."""

    old: Old
    new: New
    findings: tuple[str, ...]


@dataclass(frozen=True)
class Move:
    stack: StackName | None
    address: str
    """Of the old machine."""
    old: OldMachine
    new: NewMachine
    chosen: Sequence[str] = ()
    """`STORE=CONTAINER`."""
    without: Sequence[str] = ()
    """Stores that are not moved."""
    again: Sequence[Order] = field(default=())
    """Orders that are carried out again, on the data that was moved."""

    def look(self) -> Seen:
        """Changes nothing. Raises one of `FAILURES`."""
        old = facts.old(self.old.ask("look", *self.chosen))
        kept = {store: name for store, name in old.containers.items() if store not in self.without}
        volumes = tuple(volume for volume in old.volumes if any(volume.name in VOLUMES[store] for store in kept))
        old = replace(old, containers=kept, volumes=volumes)
        new = facts.new(self.new.ask("look", self.address))
        return Seen(old, new, tuple(judge.findings(old, new, self.without)))

    def copy(self, seen: Seen) -> None:
        """A pass while the old machine serves. Raises one of `FAILURES`."""
        with self._way(seen):
            self._pull(seen, "first")

    def switch(self, seen: Seen, window: timedelta) -> None:
        """Raises one of `FAILURES` before anything was stopped, and `MoveError` afterwards."""
        records.rehearse(self.stack)
        self.new.hold()
        if seen.new.state == "served" and not seen.old.state:
            self.new.ask("rest")  # the old machine was started again by itself: what it holds counts
        if seen.new.state == "placed":
            self.new.ask("undo")
        if seen.new.state == "served" and seen.old.state:
            self._hand_over(seen, datetime.fromtimestamp(seen.old.since, UTC))
            return
        with self._way(seen):
            if not seen.old.state:
                self._pull(seen, "first")
            began = datetime.fromtimestamp(seen.old.since or time.time(), UTC)
            _tell(f"The window begins: {shown(began)}. The old machine's services are stopped.")
            try:
                self._move(seen, window)
                self.old.ask("hand-over")  # from here on it does not come back by itself
            except (*FAILURES, MoveError, KeyboardInterrupt, SystemExit) as error:
                self._return(began, error)
        self._hand_over(seen, began)

    def back(self) -> None:
        """Raises `MoveError`."""
        self.new.hold()
        self.new.ask("back")
        try:
            self.old.ask("start")
        except OldMachineError as error:
            self.new.ask("undo")
            raise MoveError(f"{error}\nThe new machine serves again, as before.") from error
        try:
            records.lead_to_old(self.stack, self.address)
        except OutputsError as error:
            raise MoveError(
                f"The old machine runs again, and the records could not be changed: {error}\n"
                "The new machine's services are stopped. The same command goes on."
            ) from error
        _tell("The records lead to the old machine, which serves.")
        self.new.ask("rest")

    def written_since(self) -> list[str]:
        """What the new machine has taken since the switch. Raises one of `FAILURES`."""
        was = facts.counts(self.new.ask("since"))
        now = facts.counts(self.new.ask("count", *dict.fromkeys(store for store, _ in was)))
        return [
            f"{store}, {name}: {now.get((store, name), 0) - was.get((store, name), 0):+,}"
            for store, name in sorted(was.keys() | now.keys())
            if now.get((store, name), 0) != was.get((store, name), 0)
        ]

    def _stores(self, seen: Seen) -> list[str]:
        return [f"{store}={container}" for store, container in seen.old.containers.items()]

    @contextmanager
    def _way(self, seen: Seen) -> Generator[None]:
        """The new machine may read the old one's volumes, for as long as this lasts."""
        kind, _, key = self.new.ask("key", *seen.old.host_key.split(" ")).strip().partition(" ")
        try:
            paths = [f"{volume.name}={volume.path}" for volume in seen.old.volumes]
            self.old.ask("allow", seen.new.address, kind, key, *paths)
            yield
        finally:
            for what, take in (("old", lambda: self.old.ask("forbid")), ("new", lambda: self.new.ask("forget"))):
                try:
                    take()
                except (OldMachineError, NewMachineError) as error:
                    _tell(
                        f"The key of the copy could not be taken from the {what} machine, and ends within 12 h: {error}"
                    )

    def _pull(self, seen: Seen, which: str) -> None:
        for volume in seen.old.volumes:
            only = [seen.old.facts["redis.file"]] if volume.name in VOLUMES["redis"] else []
            _tell(f"{volume.name}: copying, {size(volume.bytes)} there")
            bytes_here, seconds = facts.pulled(self.new.ask("pull", self.address, volume.name, which, *only))
            _tell(f"{volume.name}: {size(bytes_here)} here, after {seconds} s")

    def _move(self, seen: Seen, window: timedelta) -> None:
        """The data is in its place, counted, and nobody else runs anywhere."""
        self.old.stop_writers(int(window.total_seconds()), self._stores(seen))
        was = judge.expected(facts.counts(self.old.ask("count", *self._stores(seen))), seen.old)
        _tell(f"The old machine holds {judge.summary(was)}.")
        self.old.ask("stop-stores", *self._stores(seen))
        self._pull(seen, "last")
        self.new.ask("place", *judge.names_of_database(seen.old), *(volume.name for volume in seen.old.volumes))
        now = self._count(was)
        if found := judge.differences(was, now):
            raise MoveError("The counts differ:\n" + "\n".join(f"  {line}" for line in found[:_MOST_TOLD]))
        _tell(f"The new machine holds {judge.summary(now)}: the same.")
        self.new.repeat(self.again)
        self.new.ask("serve", self.address, data=_written(now))

    def _count(self, was: Counts) -> Counts:
        return facts.counts(self.new.ask("count", *dict.fromkeys(store for store, _ in was)))

    def _hand_over(self, seen: Seen, began: datetime) -> None:
        if seen.old.state == "stopped" and seen.new.state == "served":
            self.old.ask("hand-over")
        try:
            records.lead_to_new(self.stack)
        except OutputsError as error:
            self._records_failed(began, error)
        ended = datetime.now(UTC)
        _tell(f"The records lead to the new machine: {shown(ended)}.")
        _tell(f"Nobody was served for {lasting(ended - began)}, from {shown(began)} to {shown(ended)}.")
        if seen.new.has_backups:
            self._back_up()

    def _back_up(self) -> None:
        """The backups of before are of another database."""
        try:
            self.new.back_up()
            _tell("A full backup of what has moved in is in the bucket.")
        except NewMachineError as error:
            _tell(f"No backup was made of what has moved in: {error}\nThen: python -m auren_infra backup now --full")

    def _records_failed(self, began: datetime, error: OutputsError) -> None:
        """If no name leads to the new machine yet, nobody has written there."""
        try:
            moved = [host for host, leads in records.addresses(self.stack).items() if leads != self.address]
        except (CloudError, OutputsError) as unknown:
            moved = [f"nobody knows which: {unknown}"]
        if moved:
            raise MoveError(
                f"{error}\nThe new machine serves and the old one is stopped. These records lead to the new one "
                f"already: {', '.join(moved)}. The same command goes on with the others. To go back: move-in back."
            ) from error
        records.set_back(self.stack, self.address)
        self._return(began, error)

    def _return(self, began: datetime, error: BaseException) -> None:
        """The old machine serves again. Always raises `MoveError`."""
        told = [str(error) or "It was cancelled."]
        _tell("It failed, so the old machine is started again.")
        try:
            self.old.ask("start")
            ended = datetime.now(UTC)
            told.append(
                f"The old machine serves again, as before. Nobody was served for {lasting(ended - began)}, "
                f"from {shown(began)} to {shown(ended)}."
            )
        except OldMachineError as failure:
            told.append(f"The old machine could not be started again: {failure}\nOn it: docker start its containers.")
        try:
            self.new.ask("undo")
        except NewMachineError as failure:
            told.append(
                f"The new machine does not have its own data again: {failure}\nThe same command begins with that."
            )
        raise MoveError("\n".join(told)) from error


def _written(counts: Counts) -> str:
    return "".join(f"count\t{store}\t{name}\t{number}\n" for (store, name), number in counts.items())


def _tell(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S', time.gmtime())} {line}", flush=True)
