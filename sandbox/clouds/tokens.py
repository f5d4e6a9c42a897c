"""The API tokens that the simulated clouds accept, made once and shared with whoever runs on this machine as root."""

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
