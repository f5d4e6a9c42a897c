"""Steps that the engine could report."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from auren_infra.host.machine import script
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
    create = " ".join(["flock -w 600 /run/lock/auren-it timeout 600 bash -s --", *arguments])
    return {"create": create, "stdin": (text or script(script_name)) + data, "connection": Hidden.SECRET}


def secret(name: str) -> dict[str, Any]:
    return sent("put_file", f"/opt/auren/secrets/{name}") | {"stdin": Hidden.SECRET}


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
