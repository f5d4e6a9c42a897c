"""Applies the account's firewalls to the machines.

A droplet's policy is the union of the firewalls that name it or one of its tags; a droplet that no firewall names is
open. IPv6 addresses stay in the API and are not enforced: droplets have no IPv6 here. A rule that is left without an
address lets nothing through.
"""

import logging
from concurrent.futures import Future
from ipaddress import ip_network

from sandbox.clouds.cloud import Cloud
from sandbox.clouds.state import DigitalOceanState, Droplet, Firewall
from sandbox.clouds.state import FirewallRule as StoredRule
from sandbox.droplets.hypervisor import FirewallPolicy, FirewallRule

log = logging.getLogger("sandbox.clouds")


def covers(firewall: Firewall, droplet: Droplet) -> bool:
    return droplet.id in firewall.droplet_ids or not set(firewall.tags).isdisjoint(droplet.tags)


def policies(state: DigitalOceanState) -> dict[int, FirewallPolicy]:
    found: dict[int, FirewallPolicy] = {}
    for droplet in state.droplets.values():
        own = [firewall for firewall in state.firewalls.values() if covers(firewall, droplet)]
        if own:
            found[droplet.id] = FirewallPolicy(
                inbound=tuple(_rule(state, rule) for firewall in own for rule in firewall.inbound),
                outbound=tuple(_rule(state, rule) for firewall in own for rule in firewall.outbound),
            )
    return found


def _rule(state: DigitalOceanState, rule: StoredRule) -> FirewallRule:
    addresses = [text for text in rule.peers.addresses if ip_network(text, strict=False).version == 4]
    for droplet in state.droplets.values():
        if droplet.id in rule.peers.droplet_ids or not set(rule.peers.tags).isdisjoint(droplet.tags):
            addresses += [str(droplet.public_ipv4), str(droplet.private_ipv4)]
    first, _, last = rule.ports.partition("-")
    ports = None if rule.ports == "0" else (int(first), int(last or first))
    return FirewallRule(protocol=rule.protocol, ports=ports, addresses=tuple(dict.fromkeys(addresses)))


def enforce_firewalls(cloud: Cloud) -> Future[None]:
    """Apply the account's firewalls in the background. Their status says when this is done."""
    with cloud.store.change() as whole:
        state = whole.digitalocean
        for firewall in state.firewalls.values():
            firewall.pending_droplets = [each.id for each in state.droplets.values() if covers(firewall, each)]
            firewall.status = "waiting" if firewall.pending_droplets else "succeeded"
    return cloud.start_in_turn(lambda: enforce_firewalls_now(cloud))


def enforce_firewalls_now(cloud: Cloud) -> None:
    with cloud.store.read() as whole:
        wanted = policies(whole.digitalocean)
    try:
        cloud.hypervisor.apply_firewalls(wanted)
    except Exception:
        log.exception("the firewalls could not be enforced")
        with cloud.store.change() as whole:
            for firewall in whole.digitalocean.firewalls.values():
                firewall.status = "failed" if firewall.pending_droplets else "succeeded"
        return
    with cloud.store.change() as whole:
        if policies(whole.digitalocean) != wanted:
            return  # changed meanwhile: the work that is queued for that change will settle it
        for firewall in whole.digitalocean.firewalls.values():
            firewall.status = "succeeded"
            firewall.pending_droplets = []
