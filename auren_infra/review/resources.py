"""What becomes of a resource of a cloud, in words and as lines of a diff."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from auren_infra.review import differences
from auren_infra.review.differences import Difference
from auren_infra.review.markdown import code, word
from auren_infra.review.preview import Step

_DONE = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted", "import": "adopted"}


def done(op: str) -> str:
    return _DONE.get(op, op)


def called(step: Step) -> str:
    """Its kind and name as Markdown."""
    return f"{word(step.kind)} {code(step.name)}"


def resized(step: Step) -> bool:
    """Whether it is a droplet that is switched off for another size."""
    return step.kind == "Droplet" and step.op == "update" and "size" in step.changed


def differing(step: Step) -> Difference:
    """What changes in it: a firewall's rules one by one, all other properties as they are and as they will be."""
    remark = " Its containers stop, and it is switched off, resized and started again." if resized(step) else ""
    lines = partial(_lines, step.old or {}, step.new or {}, step.changed)
    return Difference(f"{called(step)}, {done(step.op)}.{remark}", lines, called(step))


def _lines(old: Mapping[str, Any], new: Mapping[str, Any], changed: Sequence[str]) -> tuple[str, ...]:
    rules = [
        key for key in differences.RULES if differences.are_rules(old.get(key)) and differences.are_rules(new.get(key))
    ]
    before, after = ({key: value for key, value in one.items() if key not in rules} for one in (old, new))
    return (*differences.of_firewalls(old, new), *differences.of_properties(before, after, changed))
