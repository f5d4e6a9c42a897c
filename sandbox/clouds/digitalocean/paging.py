"""Lists in pages: `page` and `per_page`, with `links` to the other pages and `meta.total`."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import Request

from sandbox.clouds.digitalocean.errors import ApiError

PER_PAGE = 20
MAX_PER_PAGE = 200

T = TypeVar("T")


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise ApiError(400, f"{name} must be a positive number")
    return int(text)


def paged(request: Request, key: str, items: Sequence[T], render: Callable[[T], Any]) -> dict[str, Any]:
    """One page of `items` under `key`. A page beyond the last is empty; a longer page than allowed is cut."""
    page = _number(request, "page", 1)
    per_page = min(_number(request, "per_page", PER_PAGE), MAX_PER_PAGE)
    last = max(1, -(-len(items) // per_page))

    def url(number: int) -> str:
        return str(request.url.include_query_params(page=number, per_page=per_page))

    pages: dict[str, str] = {}
    if page > 1:
        pages |= {"first": url(1), "prev": url(page - 1)}
    if page < last:
        pages |= {"next": url(page + 1), "last": url(last)}
    return {
        key: [render(item) for item in items[(page - 1) * per_page : page * per_page]],
        "links": {"pages": pages} if pages else {},
        "meta": {"total": len(items)},
    }
