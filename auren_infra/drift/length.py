"""A report of any number of differences in the room that there is: an issue, a terminal, a shell's command line."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from auren_infra.drift.finding import Finding, again

LONGEST = 30_000
"""Bytes. GitHub takes 65,536 characters in an issue, and the nightly one holds what the clouds say as well."""
LONGEST_COMMAND = 4_000
"""Bytes. A terminal passes on lines of 4,095 to a shell without an editor; cmd.exe takes 8,191."""

_MOST_COMMANDS = LONGEST // 3
_MOST_TYPED = LONGEST // 6
_NOTE = 3_000
_LONGEST_WORDS = 500
_LONGEST_NAME = 60
_MOST_REPAIRS = 10


def lines(found: Sequence[Finding], stack: str | None) -> list[str]:
    """A line for each difference, as far as they fit; then how many are left out, by what repairs them.

    One of each repair is shown before the second of any, and files come behind all else. What is shown keeps its order,
    which is the one of the repairs.
    """
    texts = [_short(finding).line(stack) for finding in found]
    room = LONGEST - _MOST_COMMANDS - _MOST_TYPED - _NOTE
    shown: set[int] = set()
    for at in _by_weight(found):
        room -= _size(texts[at]) + 1
        if room < 0:
            break
        shown.add(at)
    left_out = [finding for at, finding in enumerate(found) if at not in shown]
    return [*(text for at, text in enumerate(texts) if at in shown), *_note(left_out)]


def commands(urns: Sequence[str], stack: str | None) -> list[str]:
    """What runs all of these again: one command, or as many as a command line's length needs."""
    batches: list[list[str]] = [[]]
    for urn in urns:
        if batches[-1] and _size(again([*batches[-1], urn], stack)) > LONGEST_COMMAND:
            batches.append([])
        batches[-1].append(urn)
    found = [again(batch, stack) for batch in batches]
    kept = _fitting(found, _MOST_COMMANDS)
    return found if kept == len(found) else [*found[:kept], _more(sum(len(batch) for batch in batches[kept:]))]


def typed(texts: Sequence[str]) -> list[str]:
    """What is typed on the machine, as far as it fits."""
    kept = _fitting(texts, _MOST_TYPED)
    return [*texts] if kept == len(texts) else [*texts[:kept], _more(len(texts) - kept)]


def _fitting(texts: Sequence[str], room: int) -> int:
    """How many of them, from the first on, fit into so many bytes."""
    return sum(used <= room for used in accumulate(map(_size, texts)))


def _more(count: int) -> str:
    return f"(and {count:,} more; look again after these)"


def _by_weight(found: Sequence[Finding]) -> list[int]:
    """The findings' places, the one first that is to be shown whatever else there is."""
    seen: Counter[str] = Counter()
    weights: list[tuple[int, bool, int]] = []
    for at, finding in enumerate(found):
        repair = finding.urn or " ".join(finding.by_hand.split()[:2])
        weights.append((seen[repair], finding.where.startswith("/"), at))
        seen[repair] += 1
    return [at for *_, at in sorted(weights)]


def _note(left_out: Sequence[Finding]) -> Iterator[str]:
    if not left_out:
        return
    counts: defaultdict[str, int] = defaultdict(int)
    for finding in left_out:
        counts[finding.urn] += 1
    yield ""
    yield f"{len(left_out):,} more differences are left out here:"
    for urn, count in [*counts.items()][:_MOST_REPAIRS]:
        repair = f"repaired by `{urn.rpartition('::')[2][-_LONGEST_NAME:]}`" if urn else "to be repaired by hand"
        yield f"  {count:,} {repair}"
    if len(counts) > _MOST_REPAIRS:
        others = [*counts.values()][_MOST_REPAIRS:]
        yield f"  {sum(others):,} repaired by {len(others):,} other commands"


def _short(finding: Finding) -> Finding:
    """Its words within a bound. Its repair is never cut."""
    return replace(finding, where=_clipped(finding.where), what=_clipped(finding.what))


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST_WORDS else f"{text[:_LONGEST_WORDS]}…"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
