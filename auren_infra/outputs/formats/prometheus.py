"""For Prometheus: a target for each service, as file-based service discovery reads them.

The services use their own protocols on these ports, so use a probe of the blackbox exporter. `reach` says from where
the firewall lets a target be reached:

- `everyone`: at the machine's public address
- `named-addresses`: at the public address, but only from the addresses that the firewall names
- `ssh-tunnel`: on the containers' network, which only the machine can reach
"""

import json
from enum import StrEnum

from auren_infra.outputs.contract import Service, StackOutputs

WORLD = "0.0.0.0/0"


class Reach(StrEnum):
    EVERYONE = "everyone"
    NAMED_ADDRESSES = "named-addresses"
    SSH_TUNNEL = "ssh-tunnel"


def targets(outputs: StackOutputs) -> str:
    """The text of a targets file (`file_sd_configs`)."""
    return json.dumps([_group(outputs, name, service) for name, service in outputs.services.items()], indent=2) + "\n"


def _group(outputs: StackOutputs, name: str, service: Service) -> dict[str, object]:
    reach = _reach(outputs, service)
    target = (
        f"{service.address}:{service.port}"
        if reach is Reach.SSH_TUNNEL
        else f"{outputs.address}:{service.published_port}"
    )
    return {
        "targets": [target],
        "labels": {
            "machine": outputs.droplet.name,
            "service": name,
            "container": service.container,
            "reach": reach.value,
        },
    }


def _reach(outputs: StackOutputs, service: Service) -> Reach:
    sources = {rule.port: rule.sources for rule in outputs.firewall.inbound}.get(service.published_port or 0)
    if not sources:
        return Reach.SSH_TUNNEL
    return Reach.EVERYONE if WORLD in sources else Reach.NAMED_ADDRESSES
