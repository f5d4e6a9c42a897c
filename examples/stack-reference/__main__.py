"""Another Pulumi program that needs to know where AUREN is: it reads AUREN's stack by reference.

What the names hold is in AUREN's `outputs.schema.json`. The values are those of AUREN's last update.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

VERSION = 1
"""The version of AUREN's outputs that this program was written for."""

auren = pulumi.StackReference(pulumi.Config().require("stack"))


def published(services: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """The services that the machine publishes, and the port of each.

    By `get`: the Python SDK leaves out what is null in another stack's outputs.
    """
    ports = {name: service.get("publishedPort") for name, service in services.items()}
    return {name: int(port) for name, port in ports.items() if port}


def checked(version: float) -> int:
    """Rather no update than one with outputs that mean something else by now."""
    if version != VERSION:
        raise pulumi.RunError(f"AUREN's outputs are of version {version:g}, and this program is for {VERSION}.")
    return int(version)


pulumi.export("version", auren.require_output("version").apply(checked))
pulumi.export("address", auren.require_output("address"))
pulumi.export("published", auren.require_output("services").apply(published))
# A secret stays one: it is encrypted in this program's state, too, and listed as [secret].
pulumi.export("deployKey", auren.require_output("sshPrivateKey"))
