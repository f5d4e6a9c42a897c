"""Steps that the engine could report."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import yaml

from auren_infra import call
from auren_infra.host.machine import script
from auren_infra.release_text import RELEASE_ID, Release, argument
from auren_infra.review.comment import comment
from auren_infra.review.preview import Hidden, Preview, Step

COMMAND = "command:remote:Command"
DROPLET = "digitalocean:index/droplet:Droplet"
FIREWALL = "digitalocean:index/firewall:Firewall"
WEBSITE = "/opt/auren/website"


def step(
    kind: str, name: str, op: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, **more: Any
) -> Step:
    changed = tuple(key for key in (new or {}) if (old or {}).get(key) != (new or {}).get(key))
    return Step(
        op, f"urn:pulumi:prod::auren::{kind}::auren-prod-{name}", kind, old, new, **{"changed": changed, **more}
    )


def sent(script_name: str, *arguments: str, data: str = "", text: str = "") -> dict[str, Any]:
    """The inputs of a command, as `Machine.run` makes them."""
    create = call.line(script_name, arguments, lock="/run/lock/auren-it", seconds=600)
    return {"create": create, "stdin": (text or script(script_name)) + data, "connection": Hidden.SECRET}


def secret(service: str, name: str) -> dict[str, Any]:
    directory = f"/opt/auren/services/{service}/secrets"
    return sent("put_secret", directory, name, "999:999") | {"stdin": Hidden.SECRET}


def release(
    specification: Mapping[str, Any] | None = None,
    files: Mapping[str, str] | None = None,
    *,
    service: str = "redis",
    preflight: Mapping[str, Any] | None = None,
    **secrets: str,
) -> Release:
    """A release of the service, with this part of the compose file."""
    services = {service: {"image": f"{service}:1", "labels": {"auren.release": RELEASE_ID}, **(specification or {})}}
    if preflight is not None:
        services["judge"] = dict(preflight)
    compose = yaml.safe_dump({"name": "auren", "services": services}, sort_keys=False)
    return Release("999:999", compose, files or {}, "judge" if preflight is not None else "", secrets)


def staged(release: Release, service: str = "redis", text: str = "") -> dict[str, Any]:
    """The inputs of the command that stages it."""
    arguments = [argument(name, digest) for name, digest in release.secrets.items()]
    return sent("stage", service, *arguments, data=release.text, text=text)


def restaged(old: Release, new: Release, service: str = "redis") -> Step:
    return step(COMMAND, f"{service}-release", "update", staged(old, service), staged(new, service))


def switched(service: str = "redis", *, first: bool = False) -> Step:
    """The command that starts a container: what it is sent is known when the release is staged."""
    old = sent("switch", service, "60", data="0123456789abcdef 2026-01-01T00:00:00Z\n")
    new = old | {"stdin": Hidden.LATER}
    return step(COMMAND, service, "create", None, new) if first else step(COMMAND, service, "update", old, new)


def started_beside(service: str = "api") -> Step:
    """The command that starts a container beside the one that runs."""
    old = sent("start_first", service, "60", "60", data="0123456789abcdef 2026-01-01T00:00:00Z\n")
    return step(COMMAND, service, "update", old, old | {"stdin": Hidden.LATER})


def reloaded(service: str = "nginx") -> Step:
    """The command that lets a container read its files anew, or starts another one."""
    old = sent("reload", service, "60", data="0123456789abcdef 2026-01-01T00:00:00Z\n")
    return step(COMMAND, service, "update", old, old | {"stdin": Hidden.LATER})


def file(name: str, old: str, new: str) -> Step:
    """A file on the machine that changes."""
    return step(COMMAND, name, "update", sent("put_file", name, data=old), sent("put_file", name, data=new))


def website(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Step:
    """The website's files before and after, by path."""
    before, after = (sent("put_tree", WEBSITE, data=packed(files)) for files in (old, new))
    return step(COMMAND, "website", "update", before, after)


def packed(files: Mapping[str, bytes]) -> str:
    """As `files/directory.py` packs them."""
    return "".join(f"{path}\t{b64encode(content).decode()}\n" for path, content in sorted(files.items()))


def firewall(old: Mapping[str, list[str]], new: Mapping[str, list[str]], op: str = "update") -> Step:
    """A cloud's firewall that lets other sources in, by port."""
    before, after = (
        {
            "inboundRules": [
                {"protocol": "tcp", "portRange": port, "sourceAddresses": sources} for port, sources in rules.items()
            ]
        }
        for rules in (old, new)
    )
    return step(FIREWALL, "auren-prod", op, before, after)


def told(*steps: Step, **more: Any) -> str:
    return comment(Preview("prod", True, steps, **more))
