"""The network around the droplets while the sandbox runs: public network, routes, firewall and address translation.

The Docker engine knows the addresses. Assignments and policies are recorded. After a restart of this machine, all rules
are restored from both before a droplet is switched on, so that no droplet is ever without its firewall.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path

import docker

from sandbox.droplets import firewall, machine, network
from sandbox.droplets.hypervisor import FirewallPolicy
from sandbox.droplets.seed import write_private


def ensure(client: docker.DockerClient) -> None:
    network.ensure_public(client)
    record = _policy_record()
    firewall.apply(firewall.standing_rules())
    firewall.apply(record.read_text() if record.exists() else firewall.policy_rules({}, {}))
    apply_translation(client)
    firewall.ensure_hooks()


def apply_policies(client: docker.DockerClient, policies: Mapping[int, FirewallPolicy]) -> None:
    rules = firewall.policy_rules(policies, machine.all_addresses(client))
    firewall.apply(rules)
    record = _policy_record()
    record.parent.mkdir(parents=True, exist_ok=True)
    write_private(record, rules)
    firewall.ensure_hooks()


def assign(client: docker.DockerClient, address: IPv4Address, droplet_id: int | None) -> None:
    assignments = network.reserved_addresses()
    if droplet_id is None:
        assignments.pop(address, None)
    else:
        assignments[address] = droplet_id
    network.record_reserved_addresses(assignments)
    apply_translation(client)


def apply_translation(client: docker.DockerClient) -> None:
    droplets = machine.all_addresses(client)
    assignments = network.reserved_addresses().items()
    firewall.apply(
        firewall.translation_rules({each: droplets[to].public for each, to in assignments if to in droplets})
    )


def _policy_record() -> Path:
    return machine.directory() / "firewall.rules"
