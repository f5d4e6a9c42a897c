"""HTTP for both APIs. Temporary failures are retried, and a lasting failure is one sentence."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import urllib3

_RETRIES = urllib3.Retry(
    total=4,
    backoff_factor=1,  # 0, 2, 4 and 8 seconds
    retry_after_max=30,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=None,  # a POST too: a resource of the first try is recognised by its name
    raise_on_status=False,
)


class CloudError(RuntimeError):
    """A cloud was not asked, or did not do what it was asked; the text says why, and what to do."""


def token(environment: Mapping[str, str], *names: str, needs: str) -> str:
    """The first of these variables that is set. `needs` says what it must be allowed.

    Raises `CloudError` when none is set, and for one that no header can have: the error of a request would show it.
    """
    name = next((name for name in names if environment.get(name)), "")
    if not name:
        raise CloudError(f"{names[0]} is not set. {needs}")
    found = environment[name].strip()
    if not re.fullmatch(r"[!-~]+", found):
        raise CloudError(f"{name} is no token: it has blanks, or characters that no token has. Set it again.")
    return found


@dataclass(frozen=True)
class Answer:
    status: int
    text: str

    @property
    def content(self) -> dict[str, Any]:
        """The JSON object in the text; an empty one when there is none."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def ask(
    method: str, url: str, *, headers: Mapping[str, str] | None = None, body: object = None, ipv4: bool = False
) -> Answer:
    """The answer, with any status. `ipv4` uses IPv4 only. Raises `CloudError` when there is no answer."""
    source = ("0.0.0.0", 0) if ipv4 else None  # an IPv6 connection cannot start there, so the next address is tried
    with urllib3.PoolManager(
        retries=_RETRIES, timeout=urllib3.Timeout(connect=10, read=30), source_address=source
    ) as pool:
        try:
            answer = pool.request(method, url, headers=dict(headers or {}), json=body)
        except urllib3.exceptions.HTTPError as error:
            reason = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) else error
            said = str(reason)
            # urllib3 begins with the connection's own description, which is the address again.
            raise CloudError(f"{url} does not answer: {said.partition(': ')[2] or said}.") from error
    return Answer(answer.status, answer.data.decode(errors="replace"))
