"""The API tokens that the simulated clouds accept, created once and shared by all programs of root on this machine."""

import hashlib
import json
import os
import secrets
import string
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "tokens.json"
_CLOUDFLARE_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Tokens:
    digitalocean: str
    """As a real personal access token: `dop_v1_` and 64 hexadecimal digits."""
    cloudflare: str
    """As a real API token: 40 letters and digits."""

    @property
    def digitalocean_read_only(self) -> str:
        """A token of the same account with too few rights: it reads and changes nothing."""
        return f"dop_v1_{_derived(self.digitalocean)}"

    @property
    def digitalocean_firewalls(self) -> str:
        """A token with custom scopes: it reads everything, creates and deletes firewalls, and creates tags."""
        return f"dop_v1_{_derived(self.digitalocean, 'firewalls')}"

    @property
    def cloudflare_read_only(self) -> str:
        """A token with Zone:Read and DNS:Read."""
        return _derived(self.cloudflare)[:40]


def _derived(token: str, rights: str = "read only") -> str:
    return hashlib.sha256(f"{rights} {token}".encode()).hexdigest()


def tokens(state_dir: Path) -> Tokens:
    """Read the tokens below `state_dir`; make them (readable by their owner only) when there are none."""
    path = state_dir / FILE
    if path.exists():
        return Tokens(**json.loads(path.read_text()))
    fresh = Tokens(
        digitalocean=f"dop_v1_{secrets.token_hex(32)}",
        cloudflare="".join(secrets.choice(_CLOUDFLARE_ALPHABET) for _ in range(40)),
    )
    state_dir.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{FILE}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(fresh), file)
    try:
        path.hardlink_to(draft)  # fails when another process was first: then its tokens count
    except FileExistsError:
        return Tokens(**json.loads(path.read_text()))
    finally:
        draft.unlink()
    return fresh
