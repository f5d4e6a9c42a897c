"""Puts the components together: what a stack has once, and each of its machines."""

from collections.abc import Mapping
from typing import Any

import pulumi

from auren_infra import outputs
from auren_infra.cloud.backups import BackupSpace, SourceSpace
from auren_infra.cloud.dns import Dns
from auren_infra.cloud.network import Network
from auren_infra.cloud.questions import ask
from auren_infra.cloud.refusals import explained
from auren_infra.files import paths
from auren_infra.host import agent
from auren_infra.host.machine import USER
from auren_infra.host.over_ssh import missing_programs
from auren_infra.images import BuiltImages
from auren_infra.placement import Placement
from auren_infra.provisioning import Provisioned, Shared, provision
from auren_infra.secrets import Secrets
from auren_infra.services import capacity
from auren_infra.services.model import NETWORK_NAME
from auren_infra.settings import CONTAINER_SUBNET, NAMESPACE, Fault, Settings, docker, refusal
from auren_infra.settings.deployed import Deployed, loss
from auren_infra.smoke_test.update import smoke_test


def deploy(placement: Placement, before: Deployed) -> dict[str, Any]:
    """Register everything of the stack and return its outputs, by the names of `outputs.StackOutputs`.

    `before` is the stack as its last update left it. Raises `SettingsError` before anything is registered when the
    services do not fit the droplet, when a cloud's answer speaks against the settings, or when this machine lacks a
    program or a key that an update needs.
    """
    blueprint = placement.blueprint
    settings, name = blueprint.settings, blueprint.settings.name
    if not pulumi.runtime.is_dry_run() and (faults := [*missing_programs(), *_missing_key(settings)]):
        raise refusal(faults)
    capacity_plan = capacity.plan(settings)
    zone, adopted = ask(settings, before)
    supported = docker.warning(settings.docker_source, settings.docker_version)
    for warning in filter(None, (capacity_plan.warning, settings.warning, supported, loss(settings, before))):
        pulumi.log.warn(warning)

    asked = explained()
    network = Network(name, blueprint, [plan.name for plan in placement.machines], asked)
    built: Mapping[str, pulumi.Output[str]] = BuiltImages(name, blueprint).references if settings.builds else {}
    bucket, source = settings.bucket, settings.source
    issued = BackupSpace(name, settings, bucket, asked).issued if bucket and bucket.made else {}
    issued |= SourceSpace(name, settings, source, asked).issued if source and source.made else {}
    shared = Shared(network, Secrets(name, blueprint, issued), built, asked)
    machines = [provision(plan, shared) for plan in placement.machines]
    first = machines[0]
    address = settings.moving_from or network.addresses[placement.machines[0].name]
    dns = Dns(name, settings, zone, address, adopted=adopted, opts=asked)
    containers = [machine.containers for machine in machines]
    smoke_test(
        settings,
        address=first.droplet.address,
        droplet=first.droplet.droplet,
        web_server=first.containers.started["nginx"],
        records=dns.records,
        after=[command for each in containers for command in (*each.started.values(), *each.others)],
    )

    return _outputs(placement, capacity_plan, shared, first)


def _missing_key(settings: Settings) -> list[Fault]:
    fault = agent.missing(settings.deploy_key) if settings.deploy_key else ""
    return [Fault(f"{NAMESPACE}:deployKey", fault)] if fault else []


def _outputs(placement: Placement, plan: capacity.Plan, shared: Shared, first: Provisioned) -> dict[str, Any]:
    """They describe the first machine."""
    blueprint, machine = placement.blueprint, placement.machines[0]
    settings, network, built = blueprint.settings, shared.network, shared.built
    data, droplet = first.data, first.droplet
    address = network.addresses[machine.name]
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
                "name": machine.name,
                "sizeGb": settings.data_volume_size,
                "device": data.device,
                "mountPoint": paths.DATA,
                "dockerVolumes": [volume.name for service in machine.services for volume in service.volumes],
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
                "container": first.containers.live[service.name].apply(lambda instance: instance.container),
                "address": first.containers.live[service.name].apply(lambda instance: str(instance.address)),
                "port": service.port,
                "publishedPort": next(iter(service.published), None),
                "publishedPorts": list(service.published),
                "healthCheck": list(service.health.command),
            }
            for service in machine.services
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
