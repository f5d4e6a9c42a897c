"""Nobody is trusted at first use: every connection to a machine knows the machine's key beforehand."""

import re
from collections.abc import Iterable

from policy.resource import Resource, Rule

REMOTE = ("command:remote:Command", "command:remote:CopyToRemote", "command:remote:CopyFile")
LOCAL = "command:local:Command"
_UNCHECKED = re.compile(
    r"StrictHostKeyChecking[= ]\s*(no|off|accept-new)\b|UserKnownHostsFile[= ]\s*/dev/null", re.IGNORECASE
)


def _host_key_unpinned(resource: Resource) -> Iterable[str]:
    if resource.type in REMOTE:
        hops = {"connection": ("connection",), "connection's proxy": ("connection", "proxy")}
        for name, path in hops.items():
            if resource.text(*path, "host") is not None and not resource.text(*path, "hostKey"):
                yield f"Its {name} has no hostKey and would trust whoever answers: give it the machine's own."
    elif resource.type == LOCAL:
        for name in ("create", "update", "delete"):
            text = resource.text(name)
            if isinstance(text, str) and (found := _UNCHECKED.search(text)):
                yield f"Its `{name}` says {found[0]!r} to ssh: give ssh a known_hosts file with the machine's key."


RULES = (Rule("host-key-unpinned", "Every connection to a machine pins the machine's host key.", _host_key_unpinned),)
