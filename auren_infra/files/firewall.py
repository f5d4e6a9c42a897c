"""The machine's own firewalls: who may talk to whom on `auren-network`, and what reaches the machine itself.

The cloud's firewall stands in front of the machine and never sees containers talking to each other. The container
firewall does. It also filters the published ports a second time, and UFW every other port except SSH's.
"""

from ipaddress import IPv4Address, ip_network

from auren_infra.files import compose
from auren_infra.files.render import template
from auren_infra.placement import MachinePlan, restore_address
from auren_infra.services.inbound import SSH_PORT
from auren_infra.services.model import BRIDGE

DOCKER_BRIDGE = "docker0"
"""The bridge of Docker's own default network. AUREN has no container there, but somebody may start one by hand."""


def container_rules(plan: MachinePlan) -> str:
    """Everything that containers may do, then a drop, in the format of `iptables-restore`.

    It is the chain DOCKER-USER, which Docker asks first and never changes. What comes to a published port has been led
    to its container by then, so rules name the port that the client asked for (`--ctorigdstport`).
    """
    return template(
        "containers.rules",
        bridge=BRIDGE,
        connections=plan.connections,
        outgoing=[instance for instance in plan.instances if instance.service.internet],
        over_https=_over_https(plan),
        incoming=[
            (port, source)
            for service in plan.services
            for port in service.published
            for source in plan.blueprint.ports[port]
            if ip_network(source).version == 4  # a machine of AUREN has no other address
        ],
    )


def _over_https(plan: MachinePlan) -> list[tuple[str, IPv4Address, tuple[int, ...]]]:
    """Name, address and ports of each container that may do no more outside."""
    found = [
        (instance.name, instance.address, instance.service.https)
        for instance in plan.instances
        if instance.service.https and not instance.service.internet
    ]
    restores = [
        (compose.restore_name(service.name), address, service.https)
        for service in plan.services
        if (address := restore_address(service))
    ]
    return [*found, *restores]


def machine_rules() -> str:
    """UFW's rules, one a line. Published ports are not among them: the container firewall decides about those.

    SSH is open to every address here. Which addresses reach it is decided in the cloud's firewall alone, because that
    one can be changed without the machine. If UFW named the operators' addresses, an operator whose address changed
    could not log in to change UFW.
    """
    denials = [f"deny in on {bridge}\n" for bridge in (BRIDGE, DOCKER_BRIDGE)]
    return "".join([*denials, f"allow {SSH_PORT}/tcp\n"])
