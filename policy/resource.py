"""A resource as a rule sees it, and what a rule is. Plain values: nothing of Pulumi."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast


class Unknown:
    """A value that only the update will tell. No rule is broken by it; the update looks again."""


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Terms:
    """What the stack's configuration says to the rules."""

    waivers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Rule -> why it may be broken."""
    monthly_limit_usd: int = 60


@dataclass(frozen=True)
class Resource:
    """One resource of the program."""

    type: str
    name: str
    urn: str
    properties: Mapping[str, Any]
    """Its inputs; where a whole stack is looked at, its outputs. Secrets are values like any other."""
    protect: bool = False
    unmarked: Mapping[str, str] = field(default_factory=dict[str, str])
    """The texts among its inputs that are not marked as secret, by their path, such as `connection.host`."""

    def text(self, *path: str) -> str | Unknown | None:
        """The text at the end of the path; None when there is none."""
        value = self._at(path)
        return value if isinstance(value, str | Unknown) else None

    def items(self, *path: str) -> Sequence[Any]:
        """The list at the end of the path; empty when there is none, or it is unknown."""
        value = self._at(path)
        return cast("list[Any]", value) if isinstance(value, list) else ()

    def parts(self, *path: str) -> Sequence["Resource"]:
        """The objects in the list at the end of the path, each to be asked like the resource that it is of."""
        return [replace(self, properties=item) for item in self.items(*path) if isinstance(item, Mapping)]

    def flag(self, *path: str) -> bool | Unknown:
        """Whether the flag at the end of the path is set; not, when there is none."""
        value = self._at(path)
        return value if isinstance(value, Unknown) else value is True

    def number(self, *path: str) -> float | Unknown | None:
        """The number at the end of the path; None when there is none."""
        value = self._at(path)
        return value if isinstance(value, int | float | Unknown) else None

    def _at(self, path: Sequence[str]) -> Any:
        value: Any = self.properties
        for name in path:
            if isinstance(value, Unknown):
                return value
            value = cast("Mapping[str, Any]", value).get(name) if isinstance(value, Mapping) else None
        return value


@dataclass(frozen=True)
class Stack:
    """All resources, once all of them are there."""

    resources: Sequence[Resource]
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True)
class Rule:
    """What must hold for each resource."""

    name: str
    """Names the offence, so that a waiver reads as what is put up with."""
    demand: str
    """One sentence."""
    check: Callable[[Resource], Iterable[str]]
    """What is wrong with a resource, and what to do about it."""


@dataclass(frozen=True)
class StackRule:
    """What must hold for all resources together."""

    name: str
    demand: str
    check: Callable[[Stack], Iterable[tuple[str, str]]]
    """The URN of what is wrong, empty for the stack as a whole, and what is wrong with it."""
