"""Docker on a machine: the engine, installed and pinned, and AUREN's network."""

import pulumi

from auren_infra.files.render import docker_daemon
from auren_infra.host import orders
from auren_infra.host.firewall import MachineFirewall
from auren_infra.host.machine import Machine
from auren_infra.placement import MachinePlan
from auren_infra.services.model import BRIDGE, NETWORK_NAME
from auren_infra.settings import CONTAINER_SUBNET, docker


class DockerEngine(pulumi.ComponentResource):
    """Docker Engine and Compose V2 with `auren-network`.

    A changed version installs other packages, newer or older. Between versions of one `docker.generation`, the
    containers keep running (live-restore). Another generation stops them cleanly first, and starts them afterwards.
    """

    installed: pulumi.Resource
    """The packages: Docker's, and those that the firewall, the rotation of logs and the system's updates need."""
    network: pulumi.Resource
    """Behind the walls: containers can talk only once they are there."""

    def __init__(
        self,
        machine: Machine,
        plan: MachinePlan,
        ready: pulumi.Resource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("auren:host:DockerEngine", machine.name, None, opts)
        settings = plan.blueprint.settings
        source, version = settings.docker_source, settings.docker_version
        self.installed = machine.run(
            "docker",
            orders.DockerEngine(source, docker.packages(source, version), docker_daemon()),
            after=[ready],
            parent=self,
            bound=1500,
        )
        firewall = MachineFirewall(machine, plan, after=[self.installed], opts=pulumi.ResourceOptions(parent=self))
        self.network = machine.run(
            "network",
            orders.DockerNetwork(NETWORK_NAME, str(CONTAINER_SUBNET), BRIDGE),
            after=firewall.walls,
            parent=self,
        )
        self.register_outputs({})
