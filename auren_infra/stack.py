"""Puts the components together. The only place that knows that there is one machine."""

from collections.abc import Mapping
from typing import Any

import pulumi

from auren_infra import outputs
from auren_infra.blueprint import Blueprint
from auren_infra.cloud.dns import Dns
from auren_infra.cloud.droplet import Droplet
from auren_infra.cloud.network import Network
from auren_infra.cloud.questions import ask
from auren_infra.cloud.refusals import explained
from auren_infra.cloud.volumes import DataVolume
from auren_infra.files import paths
from auren_infra.host import agent
from auren_infra.host.configuration import Configuration
from auren_infra.host.containers import Containers
from auren_infra.host.data_disk import DataDisk
from auren_infra.host.docker_engine import DockerEngine
from auren_infra.host.machine import USER, Machine
from auren_infra.host.orders import WaitReady
from auren_infra.host.over_ssh import missing_programs
from auren_infra.host.resize import stop_before_resize
from auren_infra.host.system_updates import SystemUpdates
from auren_infra.images import BuiltImages
from auren_infra.secrets import Secrets
from auren_infra.services import capacity
from auren_infra.services.model import NETWORK_NAME
from auren_infra.settings import CONTAINER_SUBNET, NAMESPACE, Fault, Settings, docker, refusal
from auren_infra.settings.deployed import Deployed, loss
from auren_infra.smoke_test.update import smoke_test


def deploy(blueprint: Blueprint, before: Deployed) -> dict[str, Any]:
    """Register everything of the stack and return its outputs, by the names of `outputs.StackOutputs`.

    `before` is the stack as its last update left it. Raises `SettingsError` before anything is registered when the
    services do not fit the droplet, when a cloud's answer speaks against the settings, or when this machine lacks a
    program or a key that an update needs.
    """
    settings, services = blueprint.settings, blueprint.services
    name = settings.name
    if not pulumi.runtime.is_dry_run() and (faults := [*missing_programs(), *_missing_key(settings)]):
        raise refusal(faults)
    plan = capacity.plan(settings)
    zone = ask(settings, before)
    supported = docker.warning(settings.docker_source, settings.docker_version)
    for warning in filter(None, (plan.warning, settings.warning, supported, loss(settings, before))):
        pulumi.log.warn(warning)

    asked = explained()
    network = Network(name, blueprint, asked)
    data = DataVolume(name, settings, network.tag, asked)
    droplet = Droplet(name, settings, network, data, asked, before_resize=stop_before_resize)
    dns = Dns(name, settings, zone, network.address, asked)

    machine = Machine(
        name,
        address=droplet.address,
        private_key=droplet.private_key,
        host_key=droplet.host_key,
        lifetime=droplet.droplet,
        by_agent=bool(settings.deploy_key),
    )
    ready = machine.run("ready", WaitReady(600), parent=droplet, bound=660)
    disk = DataDisk(
        machine,
        device=data.device,
        size_gb=settings.data_volume_size,
        attachment=droplet.attachment,
        services=services,
        ready=ready,
    )
    engine = DockerEngine(machine, blueprint, ready)
    SystemUpdates(machine, settings, engine.installed)
    built: Mapping[str, pulumi.Output[str]] = BuiltImages(name, blueprint).references if settings.builds else {}
    secrets = Secrets(name, blueprint)
    configuration = Configuration(machine, blueprint, ready, secrets=secrets, built=built)
    generation = docker.generation(settings.docker_source, settings.docker_version)
    before_start = [disk.mounted, engine.network, configuration.logins]
    containers = Containers(machine, blueprint, configuration, before_start, docker_generation=generation)
    smoke_test(
        settings,
        address=droplet.address,
        droplet=droplet.droplet,
        web_server=containers.started["nginx"],
        records=dns.records,
        after=[*containers.started.values(), *containers.others],
    )

    return _outputs(blueprint, plan, built=built, network=network, data=data, droplet=droplet)


def _missing_key(settings: Settings) -> list[Fault]:
    fault = agent.missing(settings.deploy_key) if settings.deploy_key else ""
    return [Fault(f"{NAMESPACE}:deployKey", fault)] if fault else []


def _outputs(
    blueprint: Blueprint,
    plan: capacity.Plan,
    *,
    built: Mapping[str, pulumi.Output[str]],
    network: Network,
    data: DataVolume,
    droplet: Droplet,
) -> dict[str, Any]:
    settings, services = blueprint.settings, blueprint.services
    address = network.address
    scheme = "https" if settings.proxied else "http"
    exported = {
        "version": outputs.VERSION,
        "address": address,
        "domain": settings.domain,
        "urls": {
            "website": f"{scheme}://{settings.domain}/",
            "api": f"{scheme}://{settings.domain}/api/",
            "byAddress": pulumi.Output.concat("http://", address, "/"),
        },
        "ssh": {
            "user": USER,
            "host": address,
            "port": 22,
            "knownHosts": pulumi.Output.concat(address, " ", droplet.host_key),
        },
        "sshPrivateKey": pulumi.Output.secret(droplet.private_key),
        "droplet": {
            "id": droplet.droplet.id,
            "name": droplet.droplet.name,
            "region": settings.region,
            "size": settings.droplet_size,
            "image": settings.droplet_image,
        },
        "network": {"name": NETWORK_NAME, "subnet": str(CONTAINER_SUBNET)},
        "volumes": [
            {
                "id": data.volume.id,
                "name": settings.name,
                "sizeGb": settings.data_volume_size,
                "device": data.device,
                "mountPoint": paths.DATA,
                "dockerVolumes": [volume.name for service in services for volume in service.volumes],
            }
        ],
        "firewall": {
            "id": network.firewall.id,
            "name": settings.name,
            "inbound": [
                {"port": port, "sources": list(sources)} for port, sources in blueprint.ports.items() if sources
            ],
        },
        "services": {
            service.name: {
                "image": built.get(service.name, service.image),
                "container": service.container,
                "address": str(service.address),
                "port": service.port,
                "publishedPort": next(iter(service.published), None),
                "publishedPorts": list(service.published),
                "healthCheck": list(service.health.command),
            }
            for service in services
        },
        "capacity": _capacity(plan),
    }
    promised = {field.alias for field in outputs.StackOutputs.model_fields.values()}
    assert exported.keys() == promised, f"outputs and their contract differ in {exported.keys() ^ promised}"
    return exported


def _capacity(plan: capacity.Plan) -> dict[str, Any]:
    best = plan.recommended
    return {
        "users": plan.users,
        "size": plan.size,
        "fits": plan.fits,
        "recommendedSize": best and best.size,
        "recommendedVolumeGb": best and best.volume_gb,
        "monthlyUsd": best and best.usd_a_month,
        "bottleneck": best and best.bottleneck.value,
        "spread": best is None,
        "memory": {
            "limitsMb": plan.memory.limits_mb,
            "systemMb": capacity.SYSTEM_MB,
            "dropletMb": plan.memory.droplet_mb,
        },
    }
