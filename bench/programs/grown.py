"""AUREN as the stack has it, but with `bench:sets` times its services and on `bench:droplets` droplets.

The first droplet has all the containers. The others have none.
"""

from dataclasses import replace

import pulumi
from pulumi.runtime import config

from auren_infra.blueprint import describe
from auren_infra.cloud.dns import Dns
from auren_infra.cloud.network import Network
from auren_infra.cloud.questions import ask
from auren_infra.placement import MachinePlan, Placement, instances
from auren_infra.provisioning import Shared, provision
from auren_infra.secrets import Secrets
from auren_infra.services.model import Service
from auren_infra.settings import load
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
everything = tuple(each for service in blueprint.services for each in instances(service))
placement = Placement(
    tuple(
        MachinePlan(f"bench-{number}", blueprint, () if number else everything)
        for number in range(wanted.require_int("droplets"))
    )
)
network = Network("bench", blueprint, [plan.name for plan in placement.machines])
zone, adopted = ask(settings, Deployed())
Dns("bench", settings, zone, network.addresses["bench-0"], adopted=adopted)
shared = Shared(network, Secrets("bench-0", blueprint, issued={}), built={})
for plan in placement.machines:
    provision(plan, shared)
