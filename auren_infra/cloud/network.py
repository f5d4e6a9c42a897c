"""The network of the machines: VPC, firewall, and the address, which does not change when a droplet is replaced."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_digitalocean as digitalocean

from auren_infra.blueprint import Blueprint
from auren_infra.services.inbound import EVERYWHERE, SSH_PORT


class Network(pulumi.ComponentResource):
    """A VPC, a firewall for every droplet that carries `tag`, and a reserved IP for each of the machines.

    The firewall applies to the tag and is created before the droplet, so no droplet is ever without it.
    Left out on purpose: the assignment of the address. It belongs to `Droplet`, because a new droplet needs a new one.
    """

    tag: pulumi.Output[str]
    vpc_id: pulumi.Output[str]
    addresses: Mapping[str, pulumi.Output[str]]
    """The reserved IPs, by the name of the machine."""
    firewall: digitalocean.Firewall

    def __init__(
        self, name: str, blueprint: Blueprint, machines: Sequence[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("auren:cloud:Network", name, None, opts)
        settings = blueprint.settings
        vpc = digitalocean.Vpc(
            name,
            name=name,
            region=settings.region,
            ip_range=settings.vpc_range,
            description="AUREN's private network",
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),  # names of VPCs are unique
        )
        # After the VPC. Another stack with the same `auren:name` fails at the VPC. Otherwise the API would give it this
        # tag, its destroy would delete the tag, and this stack's droplet would be without its firewall.
        tag = digitalocean.Tag(name, name=name, opts=pulumi.ResourceOptions(parent=self, depends_on=[vpc]))
        self.firewall = digitalocean.Firewall(
            name,
            name=name,
            tags=[tag.name],
            inbound_rules=[inbound_rule(port, sources) for port, sources in blueprint.ports.items() if sources],
            outbound_rules=[
                digitalocean.FirewallOutboundRuleArgs(
                    protocol=protocol, port_range=ports, destination_addresses=list(EVERYWHERE)
                )
                for protocol, ports in _outbound(blueprint)
            ]
            + _to_old_machine(settings.moving_from),
            opts=pulumi.ResourceOptions(parent=self),
        )
        # DNS and other people's allow lists contain these addresses. So they are protected like the data.
        kept = pulumi.ResourceOptions(parent=self, protect=settings.protect_data)
        self.addresses = {
            machine: digitalocean.ReservedIp(machine, region=settings.region, opts=kept).ip_address
            for machine in machines
        }
        self.tag, self.vpc_id = tag.name, vpc.id
        self.register_outputs({"address": self.addresses[machines[0]], "vpcId": self.vpc_id})


_OUTBOUND = (
    ("tcp", "53"),  # names
    ("udp", "53"),
    ("tcp", "80"),  # packages
    ("tcp", "443"),  # packages, images, the services' own calls
    ("udp", "123"),  # time
    ("icmp", None),  # path MTU discovery, ping
)
"""Outgoing connections that every machine of AUREN may open. All others are dropped."""


def _outbound(blueprint: Blueprint) -> list[tuple[str, str | None]]:
    """With the ports of services that use https at other ones."""
    further = {("tcp", str(port)) for service in blueprint.services for port in service.https}
    return [*_OUTBOUND, *sorted(further.difference(_OUTBOUND))]


def _to_old_machine(address: str) -> list[digitalocean.FirewallOutboundRuleArgs]:
    """While data moves in, the machine fetches it over SSH."""
    if not address:
        return []
    return [
        digitalocean.FirewallOutboundRuleArgs(
            protocol="tcp", port_range=str(SSH_PORT), destination_addresses=[f"{address}/32"]
        )
    ]


def inbound_rule(port: int, sources: Sequence[str]) -> digitalocean.FirewallInboundRuleArgs:
    return digitalocean.FirewallInboundRuleArgs(protocol="tcp", port_range=str(port), source_addresses=list(sources))
