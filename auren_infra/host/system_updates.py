"""Security updates of the system, installed without anybody, and the reboot that some of them need."""

import pulumi

from auren_infra.files.render import system_updates
from auren_infra.host import orders
from auren_infra.host.machine import Machine
from auren_infra.settings import Settings


class SystemUpdates(pulumi.ComponentResource):
    """The distribution's own unattended-upgrades, for its security updates alone.

    Docker's packages are held: their versions are the stack's. A reboot stops the containers cleanly (`auren.service`),
    and they come back without Pulumi.
    """

    def __init__(
        self,
        machine: Machine,
        settings: Settings,
        installed: pulumi.Resource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`installed` has put the package there."""
        super().__init__("auren:host:SystemUpdates", machine.name, None, opts)
        machine.run("updates", orders.SystemUpdates(system_updates(settings)), after=[installed], parent=self)
        self.register_outputs({})
