"""Faults on demand: the next answers on a path fail, to test the retries of a client.

Real clouds sometimes answer with 429 and 5xx, and a provisioning program must retry. Faults happen only if a test
requests them with `POST /_sandbox/faults`.
"""

import re
import threading
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Fault(BaseModel):
    """The next `times` requests whose path matches `path` are answered with `status` and not carried out."""

    model_config = ConfigDict(extra="forbid")

    path: str
    """A regular expression, searched in the whole path, such as `^/v2/droplets$`. For Spaces, the host is before it:
    `^fra1\\.digitaloceanspaces\\.com/auren-backups/`."""
    method: str | None = None
    """Only requests with this method; any when absent."""
    status: Annotated[int, Field(ge=400, le=599)]
    times: Annotated[int, Field(ge=1, le=1000)] = 1
    skip: Annotated[int, Field(ge=0)] = 0
    """Let this many matching requests through first."""
    retry_after: Annotated[int, Field(ge=0)] | None = None
    """Seconds for the `Retry-After` header; no header when absent."""
    message: str = "injected fault"
    """The answer's message, such as a refusal that this cloud itself never sends."""
    code: int | None = None
    """Cloudflare's number for it; 10001 or 971 when absent."""

    @field_validator("path")
    @classmethod
    def _is_an_expression(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value


class Faults:
    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault.model_copy())

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def waiting(self) -> list[Fault]:
        with self._lock:
            return [fault.model_copy() for fault in self._waiting]

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that answers this request, counted down; None when it is to be carried out."""
        with self._lock:
            for fault in self._waiting:
                if (fault.method and fault.method.upper() != method) or not re.search(fault.path, path):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                self._waiting = [each for each in self._waiting if each.times]
                return fault
        return None
