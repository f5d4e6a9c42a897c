"""Who may come in: the rules of the clouds' firewalls and of the machine's own, and the keys of those who log in."""

from collections.abc import Iterator, Sequence

from auren_infra.files import paths
from auren_infra.host.orders import ContainerFirewall, MachineFirewall
from auren_infra.review import differences, machine, resources
from auren_infra.review.commands import Change
from auren_infra.review.layout import Block

_ORDERS = (MachineFirewall.id, ContainerFirewall.id)
_KINDS = ("Firewall", "SshKey")


def belongs(change: Change) -> bool:
    """Whether a change is about who may come in."""
    if not change.is_command:
        return change.step.kind in _KINDS
    placed = (*change.new.arguments, "")[0] if change.new else ""
    return change.order in _ORDERS or placed == paths.OPERATOR_KEYS


def opened(changes: Sequence[Change]) -> list[str]:
    """The ports, such as `tcp 22`, that everyone can reach and could not before."""
    return [
        port
        for change in changes
        if change.step.kind == "Firewall"
        for port in differences.opened_to_everyone(change.step.old or {}, change.step.new or {})
    ]


def differing(changes: Sequence[Change]) -> Iterator[Block]:
    """The rules and keys that go and come, whatever becomes of the resource that has them."""
    for change in changes:
        if belongs(change):
            yield from machine.given(change) if change.is_command else [resources.differing(change.step)]
