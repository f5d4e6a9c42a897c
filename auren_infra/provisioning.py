"""One machine of a stack: its volume, its droplet, Docker, the services that are placed on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import pulumi

from auren_infra.cloud.droplet import Droplet
from auren_infra.cloud.network import Network
from auren_infra.cloud.volumes import DataVolume
from auren_infra.host.configuration import Configuration
from auren_infra.host.containers import Containers
from auren_infra.host.data_disk import DataDisk
from auren_infra.host.docker_engine import DockerEngine
from auren_infra.host.lock import lock_before_command
from auren_infra.host.machine import Machine
from auren_infra.host.orders import WaitReady
from auren_infra.host.resize import stop_before_resize
from auren_infra.host.system_updates import SystemUpdates
from auren_infra.placement import MachinePlan
from auren_infra.secrets import Secrets
from auren_infra.settings import docker


@dataclass(frozen=True)
class Shared:
    """What the machines of a stack have in common."""

    network: Network
    secrets: Secrets
    built: Mapping[str, pulumi.Output[str]]
    """The images that are known only when they are built, by service."""
    cloud_options: pulumi.ResourceOptions | None = None
    """For the components of the cloud."""


@dataclass(frozen=True)
class Provisioned:
    data: DataVolume
    droplet: Droplet
    containers: Containers


def provision(plan: MachinePlan, shared: Shared) -> Provisioned:
    """Register everything of one machine."""
    name, settings, network = plan.name, plan.blueprint.settings, shared.network
    data = DataVolume(name, settings, network.tag, shared.cloud_options)
    stop = partial(stop_before_resize, backup_minutes=settings.backup_minutes)
    droplet = Droplet(name, settings, network, data, shared.cloud_options, before_resize=stop)
    address, private_key, host_key = droplet.address, droplet.private_key, droplet.host_key
    machine = Machine(
        name,
        address,
        private_key,
        host_key,
        lifetime=droplet.droplet,
        by_agent=bool(settings.deploy_key),
        lock=lock_before_command(name, address=address, private_key=private_key, host_key=host_key),
    )
    ready = machine.run("ready", WaitReady(600), parent=droplet, bound=660, unlocked=True)
    disk = DataDisk(
        machine,
        device=data.device,
        size_gb=settings.data_volume_size,
        attachment=droplet.attachment,
        plan=plan,
        ready=ready,
    )
    engine = DockerEngine(machine, plan, ready)
    SystemUpdates(machine, settings, engine.installed)
    after = [disk.mounted, engine.network]
    configuration = Configuration(machine, plan, ready, after=after, secrets=shared.secrets, built=shared.built)
    containers = Containers(
        machine,
        plan,
        configuration,
        [*after, configuration.logins],
        docker_generation=docker.generation(settings.docker_source, settings.docker_version),
    )
    return Provisioned(data, droplet, containers)
