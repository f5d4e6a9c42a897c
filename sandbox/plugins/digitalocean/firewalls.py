"""Cloud firewalls."""

# ruff: noqa: ARG002  the interface's arguments are not needed everywhere

from typing import Any

from sandbox.plugins.digitalocean.client import Client
from sandbox.plugins.resource import Operation, Resource, State
from sandbox.plugins.schema import Fault
from sandbox.plugins.values import Values

_PROTOCOLS = ("tcp", "udp", "icmp")
_PEERS = {
    "Addresses": "addresses",
    "DropletIds": "droplet_ids",
    "KubernetesIds": "kubernetes_ids",
    "LoadBalancerUids": "load_balancer_uids",
    "Tags": "tags",
}


class Firewall(Resource):
    """`digitalocean.Firewall`."""

    token = "digitalocean:index/firewall:Firewall"
    autoname = "name"

    def __init__(self, client: Client) -> None:
        self._client = client

    def check(self, inputs: Values) -> list[Fault]:
        inbound, outbound = inputs.get("inboundRules", []), inputs.get("outboundRules", [])
        if not inbound and not outbound:
            return [Fault("", "At least one rule must be specified")]
        return _rule_faults("inbound", inbound) + _rule_faults("outbound", outbound)

    async def create(self, operation: Operation, inputs: Values) -> State:
        return _state((await self._client.post("/v2/firewalls", _body(inputs)))["firewall"])

    async def read(self, operation: Operation, state: State) -> State | None:
        found = await self._client.find(f"/v2/firewalls/{state.id}")
        return _state(found["firewall"]) if found else None

    async def update(self, operation: Operation, state: State, inputs: Values) -> State:
        return _state((await self._client.put(f"/v2/firewalls/{state.id}", _body(inputs)))["firewall"])

    async def delete(self, operation: Operation, state: State) -> None:
        await self._client.delete_if_there(f"/v2/firewalls/{state.id}")


def _rule_faults(direction: str, rules: Any) -> list[Fault]:
    faults: list[Fault] = []
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        if not isinstance(rule, dict):
            continue
        place = f"{direction}Rules[{index}]"
        protocol = rule["protocol"]
        if isinstance(protocol, str) and protocol not in _PROTOCOLS:
            faults.append(Fault(f"{place}.protocol", f"expected protocol to be one of {_PROTOCOLS}, got {protocol}"))
        elif protocol != "icmp" and not rule.get("portRange"):
            reason = f"`port_range` of {direction} rules is required if protocol is `tcp` or `udp`"
            faults.append(Fault(f"{place}.portRange", reason))
    return faults


def _body(inputs: Values) -> Values:
    return {
        "name": inputs["name"],
        "inbound_rules": [_rule(rule, "source", "sources") for rule in inputs.get("inboundRules", [])],
        "outbound_rules": [_rule(rule, "destination", "destinations") for rule in inputs.get("outboundRules", [])],
        "droplet_ids": inputs.get("dropletIds", []),
        "tags": inputs.get("tags", []),
    }


def _rule(rule: Values, prefix: str, peers: str) -> Values:
    body: Values = {"protocol": rule["protocol"]}
    if rule.get("portRange"):
        body["ports"] = rule["portRange"]
    body[peers] = {key: rule[prefix + name] for name, key in _PEERS.items() if rule.get(prefix + name)}
    return body


def _state(firewall: Values) -> State:
    outputs: Values = {
        "name": firewall["name"],
        "status": firewall["status"],
        "createdAt": firewall["created_at"],
        "pendingChanges": [
            {"dropletId": change["droplet_id"], "removing": change["removing"], "status": change["status"]}
            for change in firewall.get("pending_changes") or []
        ],
        "dropletIds": firewall.get("droplet_ids") or None,
        "tags": firewall.get("tags") or None,
        "inboundRules": [_flat(rule, "source", "sources") for rule in firewall.get("inbound_rules") or []] or None,
        "outboundRules": [_flat(rule, "destination", "destinations") for rule in firewall.get("outbound_rules") or []]
        or None,
    }
    return State(firewall["id"], outputs)


def _flat(rule: Values, prefix: str, peers: str) -> Values:
    """A rule as it is written; the API reports every port as `0`, also for icmp, which has none."""
    flat: Values = {"protocol": rule["protocol"]}
    ports = rule.get("ports")
    if ports not in (None, "", "0"):
        flat["portRange"] = ports
    elif rule["protocol"] != "icmp":
        flat["portRange"] = "all"
    listed = rule.get(peers) or {}
    return flat | {prefix + name: listed[key] for name, key in _PEERS.items() if listed.get(key)}
