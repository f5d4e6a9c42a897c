"""The environment in which plain `pulumi` commands work against the cloud on this machine.

Printed for a shell to evaluate, many times a day: so it imports little, starts nothing and asks nobody.
"""

import os
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path

from sandbox import layout
from sandbox.clouds.tokens import tokens

DOCKER_HOST_RECORD = layout.STATE / "docker-host"

CONFLICTING = (
    "SSH_AUTH_SOCK",  # a remote command would offer the agent's keys, and fail when the agent is gone
    "PULUMI_CONFIG_PASSPHRASE_FILE",
    "PULUMI_ACCESS_TOKEN",
    # Real credentials of other kinds must not be sent to the simulated clouds or be used instead of their tokens.
    "DIGITALOCEAN_ACCESS_TOKEN",
    "CLOUDFLARE_API_KEY",
    "CLOUDFLARE_EMAIL",
    "CLOUDFLARE_API_USER_SERVICE_KEY",
    "SPACES_ACCESS_KEY_ID",
    "SPACES_SECRET_ACCESS_KEY",
    "SPACES_ENDPOINT_URL",
)
"""Variables that are unset."""


def variables(stack: str, state: Path = layout.STATE, caller: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables to set: name -> value. `caller` is the environment that they are added to."""
    known = tokens(state)
    own = str(state / "bin")
    path = [own, *(entry for entry in caller.get("PATH", "").split(os.pathsep) if entry and entry != own)]
    api = f"http://{layout.API_ADDRESS}:{layout.API_PORT}"
    found = {
        "PATH": os.pathsep.join(path),
        "PULUMI_HOME": str(state / "pulumi"),
        "PULUMI_BACKEND_URL": f"file://{state / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE": passphrase(state),
        "PULUMI_STACK": stack,
        "PULUMI_OPTION_CONFIG_FILE": str(state / f"Pulumi.{stack}.yaml"),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "DIGITALOCEAN_TOKEN": known.digitalocean,
        "DIGITALOCEAN_API_URL": api,
        "CLOUDFLARE_API_TOKEN": known.cloudflare,
        "CLOUDFLARE_BASE_URL": f"{api}/client/v4",
        "SANDBOX_SPACES_PROXY": f"http://127.0.0.1:{layout.SPACES_PROXY_PORT}",
    }
    record = state / DOCKER_HOST_RECORD.name
    if record.exists() and record.read_text().strip() == f"unix://{layout.DOCKER_SOCKET}":
        found["DOCKER_HOST"] = f"unix://{layout.DOCKER_SOCKET}"
    if trusted := _trusted(state, caller.get("SSL_CERT_FILE")):
        found["SSL_CERT_FILE"] = str(trusted)
    if any(name in caller for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")):
        direct = dict.fromkeys([layout.API_ADDRESS, *filter(None, caller.get("NO_PROXY", "").split(","))])
        found["NO_PROXY"] = found["no_proxy"] = ",".join(direct)
    return found


def _trusted(state: Path, given: str | None) -> Path | None:
    """The file with the certificate authorities to trust: those of the simulated edge and Spaces, and the caller's own.

    Those in the system's directory of certificates are trusted all the same. None before the clouds' first start.
    """
    together = state / "certificates.pem"
    places = (state / "edge" / "authority.pem", state / "spaces" / "certificates" / "ca.pem")
    own = [file for file in places if file.exists()]
    if not own:
        return None
    callers = Path(given) if given and Path(given) not in (*places, together) and Path(given).is_file() else None
    if callers is None and not together.exists() and len(own) == 1:
        return own[0]
    # Without a file of the caller's own, what was put together before: it may have one in it.
    texts = [file.read_bytes() for file in (callers or together,) if file.exists()]
    for authority in (file.read_bytes() for file in own):
        if not any(authority in text for text in texts):
            texts.append(authority)
    if not together.exists() or together.read_bytes() != b"\n".join(texts):
        draft = together.with_name(f".{together.name}.{os.getpid()}")
        draft.write_bytes(b"\n".join(texts))
        draft.replace(together)
    return together


def complete(stack: str, state: Path = layout.STATE) -> dict[str, str]:
    """The environment of a pulumi that is started from here."""
    return {k: v for k, v in os.environ.items() if k not in CONFLICTING} | variables(stack, state)


def shell_text(found: Mapping[str, str]) -> str:
    """Lines for `eval` in any POSIX shell."""
    lines = [f"unset {name}" for name in CONFLICTING]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in found.items()]
    return "\n".join(lines)


def passphrase(state: Path = layout.STATE) -> str:
    """The passphrase of this machine's stacks. It is created once, and only its owner can read it."""
    file = state / "passphrase"
    if not file.exists():
        state.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".passphrase.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(32))
        try:
            os.link(draft, file)  # the first of two at once counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return file.read_text()
