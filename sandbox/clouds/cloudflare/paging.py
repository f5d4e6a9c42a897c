"""Lists in pages: `page` and `per_page`, with `result_info` beside the result."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import Request

from sandbox.clouds.cloudflare.errors import envelope, invalid

T = TypeVar("T")


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name, str(default)).removesuffix(".0")
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise invalid(9207, f"{name} must be a number between 1 and {most}.")
    return int(text)


def paged(
    request: Request, items: Sequence[T], render: Callable[[T], Any], *, per_page: int, most: int
) -> dict[str, Any]:
    """One page of `items`: of `per_page` unless the request says otherwise, never more than `most`."""
    page = _number(request, "page", 1, 1_000_000)
    size = _number(request, "per_page", per_page, most)
    chosen = items[(page - 1) * size : page * size]
    return envelope(
        [render(item) for item in chosen],
        {
            "page": page,
            "per_page": size,
            "count": len(chosen),
            "total_count": len(items),
            "total_pages": -(-len(items) // size),
        },
    )


def ordered(request: Request, items: Sequence[T], keys: dict[str, Callable[[T], Any]], default: str) -> list[T]:
    """Sorted as `order` and `direction` ask."""
    order = request.query_params.get("order", default)
    direction = request.query_params.get("direction", "asc")
    if order not in keys or direction not in ("asc", "desc"):
        raise invalid(9207, "order or direction is invalid.")
    return sorted(items, key=keys[order], reverse=direction == "desc")
