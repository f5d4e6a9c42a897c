"""The schemas against the official SDKs, and what is refused before anything is asked of a cloud."""

import asyncio
import importlib
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto.provider_pb2 import CheckRequest

from sandbox.plugins import cloudflare, digitalocean
from sandbox.plugins.provider import PluginProvider
from sandbox.plugins.schema import Schema
from sandbox.plugins.values import property_map

NOT_SUPPORTED = {
    "digitalocean:index/droplet:Droplet": {"gpuPartitionMode"},
    "cloudflare:index/dnsRecord:DnsRecord": {"includeShadowMetadata"},
}
TOKENS = [(name, token) for name in ("cloudflare", "digitalocean", "docker") for token in Schema(name).resources]


def camel(name: str) -> str:
    return re.sub(r"_(.)", lambda match: match[1].upper(), name)


def sdk_source(name: str, token: str) -> str:
    """The text of the resource's class: importing an SDK takes seconds."""
    spec = importlib.util.find_spec(f"pulumi_{name}")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    module = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", token.rpartition(":")[2]).lower()
    return (Path(spec.submodule_search_locations[0]) / f"{module}.py").read_text()


@pytest.mark.parametrize(("name", "token"), TOKENS)
def test_a_resource_has_the_properties_that_its_sdk_knows(name: str, token: str) -> None:
    shape = Schema(name).resources[token]
    source = sdk_source(name, token).split("def _internal_init")[1].split("def get(")[0]
    assigned = re.findall(r'__props__\.__dict__\["(\w+)"\] = (\w+)', source)
    inputs = {camel(key) for key, value in assigned if value != "None"}
    outputs = {camel(key) for key, value in assigned if value == "None"}
    required = {camel(key) for key in re.findall(r"Missing required property '(\w+)'", source)}
    assert set(shape.inputs) == inputs - NOT_SUPPORTED.get(token, set())
    assert set(shape.outputs) == outputs
    assert set(shape.required) == required
    assert shape.replace_on_changes <= set(shape.inputs)
    assert set(shape.defaults) <= set(shape.inputs)


@pytest.mark.parametrize("name", ["cloudflare", "digitalocean", "docker"])
def test_every_resource_and_function_of_the_schema_is_served(name: str) -> None:
    plugin = importlib.import_module(f"sandbox.plugins.{name}").plugin()
    assert set(plugin.resources) == set(plugin.schema.resources)
    assert set(plugin.functions) == set(plugin.schema.functions)


RULE = {"protocol": "tcp"}
RECORD = {"zoneId": "z", "name": "a", "type": "A"}


@pytest.mark.parametrize(
    ("token", "inputs", "reason"),
    [
        ("digitalocean:index/firewall:Firewall", {}, "At least one rule must be specified"),
        (
            "digitalocean:index/firewall:Firewall",
            {"inboundRules": [RULE]},
            "rules is required if protocol is `tcp` or `udp`. Examine values at 'x.inboundRules[0].portRange'",
        ),
        (
            "digitalocean:index/firewall:Firewall",
            {"outboundRules": [{"protocol": "gre", "portRange": "1"}]},
            "expected protocol to be one of",
        ),
        ("digitalocean:index/volume:Volume", {"region": "fra1", "size": 0}, "at least (1), got 0"),
        (
            "digitalocean:index/volume:Volume",
            {"region": "fra1", "size": 1, "initialFilesystemType": "ntfs"},
            "got ntfs",
        ),
        ("digitalocean:index/droplet:Droplet", {"image": "", "size": "s"}, '"image" must not be empty'),
        ("digitalocean:index/droplet:Droplet", {"image": "i", "size": "s", "userData": "é" * 40000}, "65536 bytes"),
        (
            "digitalocean:index/droplet:Droplet",
            {"image": "i", "size": "s", "backups": False, "backupPolicy": {"plan": "daily"}},
            "backups are enabled",
        ),
        ("digitalocean:index/vpc:Vpc", {}, 'The argument "region" is required'),
        ("cloudflare:index/dnsRecord:DnsRecord", RECORD | {"ttl": 5}, "must be 1 or between 30 and 86400"),
        ("cloudflare:index/dnsRecord:DnsRecord", RECORD, 'The argument "ttl" is required'),
        ("cloudflare:index/zoneSetting:ZoneSetting", {"settingId": "ssl", "value": "full"}, '"zoneId" is required'),
    ],
)
def test_what_cannot_work_is_refused(token: str, inputs: dict[str, Any], reason: str) -> None:
    plugin = (cloudflare if token.startswith("cloudflare") else digitalocean).plugin()
    urn = f"urn:pulumi:local::trial::auren:host:Component${token}::x"
    request = CheckRequest(urn=urn, news=property_map(inputs, {}), randomSeed=b"seed")
    response = asyncio.run(PluginProvider(plugin).check(request))
    assert [reason in failure.reason for failure in response.failures] == [True]
