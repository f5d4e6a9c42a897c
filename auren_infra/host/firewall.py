"""The walls on a machine: between its containers, and in front of the machine itself."""

from collections.abc import Sequence

import pulumi

from auren_infra.files import systemd
from auren_infra.files.firewall import container_rules, machine_rules
from auren_infra.host import orders
from auren_infra.host.machine import Machine
from auren_infra.placement import MachinePlan


class MachineFirewall(pulumi.ComponentResource):
    """The communication matrix, enforced; and UFW. Both are there before any container."""

    walls: Sequence[pulumi.Resource]

    def __init__(
        self,
        machine: Machine,
        plan: MachinePlan,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("auren:host:MachineFirewall", machine.name, None, opts)
        rules = orders.ContainerFirewall(container_rules(plan), systemd.unit(systemd.CONTAINER_FIREWALL))
        containers = machine.run("container-firewall", rules, after=after, parent=self)
        itself = machine.run("machine-firewall", orders.MachineFirewall(machine_rules()), after=after, parent=self)
        self.walls = (containers, itself)
        self.register_outputs({})
