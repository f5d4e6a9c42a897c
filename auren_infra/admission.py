"""The whole of a configuration before anything is made of it: settings, catalogue, capacity, and the stack's name.

Everything that can be known without asking a cloud is known here, and told in one message: whoever mends one fault
must not meet the next one a minute later.
"""

import re
from collections.abc import Mapping

from auren_infra.services import capacity, consistency
from auren_infra.services.images import IMAGES
from auren_infra.settings import Fault, Settings, read, refusal

_STACK = re.compile(r"[a-z0-9]([a-z0-9-]{0,55}[a-z0-9])?")
"""What a droplet's name, 63 characters with `auren-` before it, and a volume's name have in common."""


def admit(stack: str, configuration: Mapping[str, str]) -> Settings:
    """The settings of a configuration that may be deployed, by the engine's full keys. Raises `SettingsError`."""
    settings, faults = read(configuration, IMAGES)
    if not _STACK.fullmatch(stack):
        what = "a droplet and a volume are named after it: lower-case letters, digits and dashes, 57 at most"
        faults.append(Fault(f"the stack's name, {stack}", f"{what}; `pulumi stack rename NAME`"))
    faults += consistency.faults(settings)
    if capacity.KEY not in {fault.where for fault in faults}:
        faults += capacity.faults(settings)
    if faults:
        raise refusal(faults)
    return settings
