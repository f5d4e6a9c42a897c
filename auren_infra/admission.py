"""The whole of a configuration before anything is made of it: settings, services, capacity, and what is up already.

Everything that can be known without asking a cloud is known here, and reported in one message: whoever repairs one
fault must not meet the next one a minute later.
"""

from collections.abc import Collection, Mapping, Sequence

from auren_infra.blueprint import Blueprint, describe
from auren_infra.services import capacity, consistency, given_secrets, overrides
from auren_infra.services.catalogue import described
from auren_infra.services.links import LINKS
from auren_infra.services.model import Link
from auren_infra.settings import read, refusal
from auren_infra.settings.deployed import Deployed
from auren_infra.settings.deployed import faults as faults_of_changes
from auren_infra.settings.faults import ENCRYPTED, Fault, joined
from auren_infra.settings.plain_text import UnreadableError, in_plain
from auren_infra.settings.secrets import KEY


def admit(
    stack: str,
    configuration: Mapping[str, str],
    before: Deployed | None = None,
    links: tuple[Link, ...] = LINKS,
    *,
    encrypted: Collection[str] = (),
    stack_file: str = "",
) -> Blueprint:
    """The blueprint of a configuration that may be deployed, by the engine's full keys. Raises `SettingsError`.

    `before` is the stack as its last update left it; None for one that was never updated. `encrypted` are the keys that
    hold a secret, and `stack_file` is the text of the stack's configuration file, as far as it is known.
    """
    settings, faults = read(configuration, name=f"auren-{stack}", encrypted=encrypted)
    wrong = {fault.where.partition("[")[0] for fault in faults}
    services = described(settings)
    images_known = overrides.IMAGES not in wrong or bool(settings.images)
    faults = joined(faults, _hidden(overrides.faults(settings, services, images_known=images_known), encrypted))
    given = configuration.get(KEY, "")
    try:
        plain = in_plain(stack_file, given, encrypted=KEY in encrypted)
    except UnreadableError as error:
        plain = in_plain("", given, encrypted=KEY in encrypted)
        faults = joined(faults, [Fault(KEY, str(error))])
    faults = joined(faults, given_secrets.faults(settings, services, plain, wrong))
    faults += consistency.faults(settings, links)
    if capacity.KEY not in wrong:
        faults += capacity.faults(settings)
    if before:
        images = {service.name: settings.images.get(service.name, service.image) for service in services}
        changed = [fault for fault in faults_of_changes(settings, images, before) if fault.where not in wrong]
        faults += _hidden(changed, encrypted)
    if faults:
        raise refusal(faults)
    return describe(settings, links)


def _hidden(faults: Sequence[Fault], encrypted: Collection[str]) -> list[Fault]:
    """The faults without the values that are encrypted."""
    return [Fault(fault.where, ENCRYPTED) if fault.where in encrypted else fault for fault in faults]
