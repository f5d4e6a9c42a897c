"""What a client is told about a wrong request or a fault: never an inner error's text, and never its own input.

FastAPI's own answer to a wrong input repeats the input. It ends in a 500 where JSON cannot hold that: NaN, infinite
numbers, halves of surrogate pairs, and bytes that are no UTF-8.
"""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

log = logging.getLogger(__name__)

MOST_TOLD = 20
"""Faults of one request that are told."""
LONGEST_TOLD = 100
"""Characters of a name that is repeated."""


def answer_refusals(app: FastAPI) -> None:
    """422 with where the fault is and what it is; 500 and nothing else for what nobody has foreseen."""
    app.add_exception_handler(RequestValidationError, _refused)
    app.add_exception_handler(Exception, _unexpected)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [
        {"loc": [_told(part) for part in fault["loc"]], "msg": _told(fault["msg"]), "type": fault["type"]}
        for fault in error.errors()[:MOST_TOLD]
    ]
    return JSONResponse({"detail": faults}, status_code=422)


async def _unexpected(_: Request, __: Exception) -> JSONResponse:
    return JSONResponse({"detail": "internal error"}, status_code=500)


def _told(part: Any) -> int | str:
    """A place in the body, or a name in it, which is the client's own word."""
    return part if isinstance(part, int) else str(part).encode(errors="replace").decode()[:LONGEST_TOLD]
