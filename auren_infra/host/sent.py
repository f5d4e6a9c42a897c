"""The commands on a machine, read back from a stack's state: `Machine.run` the other way round."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic

from typing_extensions import TypeVar  # typing's own has defaults only since Python 3.13

from auren_infra.host.orders import Order

Ordered_co = TypeVar("Ordered_co", bound=Order, covariant=True, default=Order)


@dataclass(frozen=True)
class Command(Generic[Ordered_co]):
    """A resource that carried out an order."""

    urn: str
    order: Ordered_co
    printed: str = ""
    """What the order's script has printed."""


def of(commands: Iterable[Command], kind: type[Ordered_co]) -> list[Command[Ordered_co]]:
    """Those with orders of this kind."""
    return [Command(each.urn, each.order, each.printed) for each in commands if isinstance(each.order, kind)]
