"""Who may reach which port of a machine: the cloud's firewall and the machine's own walls follow from it."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from auren_infra.settings import Settings

EVERYWHERE = ("0.0.0.0/0", "::/0")
SSH_PORT = 22
WEB_PORT = 80
KAFKA_UI_PORT = 8081

_WIDEST = {4: 8, 6: 16}
"""The shortest prefix, by IP version, that still names somebody: the halves of the internet are the internet."""


def lets_everyone_in(sources: Iterable[str]) -> bool:
    """Whether these networks together are as good as everybody. What is no network, such as a tag, is nobody here."""
    four: list[IPv4Network] = []
    six: list[IPv6Network] = []
    for source in sources:
        try:
            network = ip_network(source, strict=False)
        except ValueError:
            continue
        if isinstance(network, IPv4Network):
            four.append(network)
        else:
            six.append(network)
    return any(
        network.prefixlen < _WIDEST[network.version]
        for network in (*collapse_addresses(four), *collapse_addresses(six))
    )


def inbound(settings: Settings) -> dict[int, Sequence[str]]:
    """Port -> the addresses that may reach it."""
    return {
        SSH_PORT: settings.ssh_allowed,
        WEB_PORT: EVERYWHERE,
        443: EVERYWHERE,
        KAFKA_UI_PORT: settings.kafka_ui_allowed,
    }
