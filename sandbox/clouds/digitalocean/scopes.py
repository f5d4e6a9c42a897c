"""What the account's tokens may do: everything, reading, or what their custom scopes name."""

import re
from collections.abc import Callable

from sandbox.clouds.tokens import Tokens

Allows = Callable[[str, str], bool]
"""Whether a request with this method and this path, such as `/v2/firewalls`, is allowed."""

_FIREWALL_SCOPES = re.compile(
    r"POST /v2/firewalls"  # firewall:create
    r"|DELETE /v2/firewalls/[^/]+"  # firewall:delete
    r"|POST /v2/tags"  # tag:create
)


def scopes(tokens: Tokens) -> dict[str, Allows]:
    """By token."""
    return {
        tokens.digitalocean: lambda _method, _path: True,
        tokens.digitalocean_read_only: _reads,
        tokens.digitalocean_firewalls: lambda method, path: (
            _reads(method, path) or _FIREWALL_SCOPES.fullmatch(f"{method} {path}") is not None
        ),
    }


def _reads(method: str, _path: str) -> bool:
    return method in ("GET", "HEAD")
