"""The machine's own walls: who may talk to whom on `auren-network`, and who may reach the machine itself.

The cloud's firewall stands in front of the machine and never sees containers talking to each other. These walls do,
and they are a second one for everybody else.
"""

from collections.abc import Sequence
from ipaddress import ip_network

from auren_infra.files.render import template
from auren_infra.services.inbound import SSH_PORT, inbound
from auren_infra.services.links import LINKS
from auren_infra.services.model import BRIDGE, Service
from auren_infra.settings import Settings


def container_rules(settings: Settings, services: Sequence[Service]) -> str:
    """Everything that containers may do, then a drop, in the format of `iptables-restore`.

    It is the chain DOCKER-USER, which Docker asks first and never changes. What comes to a published port has been led
    to its container by then, so rules name the port that the client asked for (`--ctorigdstport`).
    """
    by_name = {service.name: service for service in services}
    sources = inbound(settings)
    return template(
        "containers.rules",
        bridge=BRIDGE,
        links=[(link, by_name[link.source], by_name[link.target]) for link in LINKS],
        outgoing=[service for service in services if service.internet],
        incoming=[
            (port, source)
            for service in services
            for port in service.published
            for source in sources[port]
            if ip_network(source).version == 4  # a machine of AUREN has no other address
        ],
    )


def machine_rules(settings: Settings) -> str:
    """UFW's rules, one a line. Published ports are not among them: they are the containers' matter."""
    return "".join(
        [
            f"deny in on {BRIDGE}\n",
            *(f"allow from {source} to any port {SSH_PORT} proto tcp\n" for source in settings.ssh_allowed),
        ]
    )
