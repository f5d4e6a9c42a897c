"""AUREN as the stack has it, but with `bench:sets` times its services and on `bench:droplets` droplets.

The first droplet has all the containers; the others are machines with data disk, Docker and its walls.
"""

from dataclasses import replace

import pulumi
from pulumi.runtime import config

from auren_infra.blueprint import describe
from auren_infra.cloud.dns import Dns
from auren_infra.cloud.droplet import Droplet
from auren_infra.cloud.network import Network
from auren_infra.cloud.questions import ask
from auren_infra.cloud.volumes import DataVolume
from auren_infra.host.configuration import Configuration
from auren_infra.host.containers import Containers
from auren_infra.host.data_disk import DataDisk
from auren_infra.host.docker_engine import DockerEngine
from auren_infra.host.machine import Machine
from auren_infra.host.orders import WaitReady
from auren_infra.host.resize import stop_before_resize
from auren_infra.secrets import Secrets
from auren_infra.services.model import Service
from auren_infra.settings import docker, load
from auren_infra.settings.deployed import Deployed


def twin(service: Service, number: int) -> Service:
    """The same service once more. It talks to nobody: the links know the first one's name."""
    suffix = f"-{number}" if number else ""
    return replace(
        service,
        name=service.name + suffix,
        host_number=service.host_number + 256 * number,
        volumes=tuple(replace(volume, name=volume.name + suffix) for volume in service.volumes),
        directories=tuple(replace(one, source=one.source + suffix) for one in service.directories),
    )


settings = load({**config.get_config_env(), **config.CONFIG.get()})
wanted = pulumi.Config("bench")
one_set = describe(settings)
blueprint = replace(
    one_set,
    services=tuple(twin(one, number) for number in range(wanted.require_int("sets")) for one in one_set.services),
)
network = Network("bench", blueprint)
Dns("bench", settings, ask(settings, Deployed()), network.address)
for number in range(wanted.require_int("droplets")):
    name = f"bench-{number}"
    data = DataVolume(name, settings, network.tag)
    droplet = Droplet(name, settings, network, data, before_resize=stop_before_resize)
    machine = Machine(
        name,
        address=droplet.address,
        private_key=droplet.private_key,
        host_key=droplet.host_key,
        lifetime=droplet.droplet,
    )
    ready = machine.run("ready", WaitReady(600), parent=droplet, bound=660)
    disk = DataDisk(
        machine,
        device=data.device,
        size_gb=settings.data_volume_size,
        attachment=droplet.attachment,
        services=blueprint.services,
        ready=ready,
    )
    engine = DockerEngine(machine, blueprint, ready)
    if number == 0:
        configuration = Configuration(machine, blueprint, ready, secrets=Secrets(name, blueprint), built={})
        generation = docker.generation(settings.docker_source, settings.docker_version)
        Containers(
            machine,
            blueprint,
            configuration,
            [disk.mounted, engine.network, configuration.logins],
            docker_generation=generation,
        )
