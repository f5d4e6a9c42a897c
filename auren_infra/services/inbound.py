"""Who may reach which port of a machine: the cloud's firewall and the machine's own walls follow from it."""

from collections.abc import Sequence

from auren_infra.settings import Settings

EVERYWHERE = ("0.0.0.0/0", "::/0")
SSH_PORT = 22
WEB_PORT = 80
KAFKA_UI_PORT = 8081


def inbound(settings: Settings) -> dict[int, Sequence[str]]:
    """Port -> the addresses that may reach it."""
    return {
        SSH_PORT: settings.ssh_allowed,
        WEB_PORT: EVERYWHERE,
        443: EVERYWHERE,
        KAFKA_UI_PORT: settings.kafka_ui_allowed,
    }
