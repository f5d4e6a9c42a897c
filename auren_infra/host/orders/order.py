"""What all orders have, and how known texts and outputs are put together."""

from collections.abc import Sequence
from typing import ClassVar, cast

import pulumi
from typing_extensions import TypeVar  # typing's own has defaults only since Python 3.13

Text = TypeVar("Text", bound=pulumi.Input[str] | None, default=str | None)
"""A text of an order: `str`, or an output while the order is sent. None in an order that was read is a hidden text."""


class Order:
    """A command on a machine as a value. Its script gets `arguments` and `data`; `parse` reads exactly that."""

    id: ClassVar[str]
    """Names the order in what is sent, and its script: `scripts/ID.sh`."""

    def arguments(self) -> Sequence[pulumi.Input[str]]:
        return ()

    def data(self) -> pulumi.Input[str]:
        return ""

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "Order":
        """The order that was sent so; None when its data cannot be seen. Raises `ValueError` when it was not."""
        raise NotImplementedError


def seen(data: str | None) -> str:
    """The data of an order that has no secret. Raises `ValueError` when it cannot be seen."""
    if data is None:
        raise ValueError("the data of the command cannot be seen")
    return data


def no_data(data: str | None) -> None:
    if data:
        raise ValueError(f"the command takes no data, and was sent {len(data)} characters")


def lines(data: str | None) -> tuple[str, ...]:
    """The lines of a text whose last line has an end."""
    text = seen(data)
    if text and not text.endswith("\n"):
        raise ValueError("the last line of the data has no end")
    return tuple(text.split("\n")[:-1])


def known(text: pulumi.Input[str] | None) -> pulumi.Input[str]:
    """For what is sent. Raises `ValueError` for an order that was read without its secret: it cannot be sent again."""
    if text is None:
        raise ValueError("the order was read without its secret, so it cannot be sent")
    return text


def joined(*parts: pulumi.Input[str]) -> pulumi.Input[str]:
    """The parts as one text, which is known at once when all of them are."""
    if all(isinstance(part, str) for part in parts):
        return "".join(cast("tuple[str, ...]", parts))
    return pulumi.Output.concat(*parts)
