"""The stack's outputs, as types, and their JSON Schema (`outputs.schema.json`).

Within a version, outputs may be added. None is removed, renamed or given another type. So readers must ignore unknown
outputs, and the schema allows them.
"""

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, SecretStr
from pydantic.alias_generators import to_camel

VERSION = 1
"""Increased by a change that breaks readers."""

HIDDEN = "[secret]"
"""Replaces a secret that was not requested. The engine's own listings use the same text."""


def _hide(_: SecretStr) -> str:
    return HIDDEN


Secret = Annotated[SecretStr, PlainSerializer(_hide, return_type=str, when_used="json")]
"""A text that is not printed by accident."""


class _Contract(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Urls(_Contract):
    website: str
    api: str
    by_address: str = Field(description="The website by the address alone, without DNS")


class Ssh(_Contract):
    user: str
    host: str
    port: int
    known_hosts: str = Field(description="The line that a known_hosts file needs to trust the machine")


class ContainerNetwork(_Contract):
    name: str
    subnet: str


class Volume(_Contract):
    id: str
    name: str
    size_gb: int
    device: str = Field(description="The device on the machine")
    mount_point: str
    docker_volumes: list[str] = Field(description="The named Docker volumes that are directories of it")


class InboundRule(_Contract):
    port: int
    sources: list[str]


class Firewall(_Contract):
    id: str
    name: str
    inbound: list[InboundRule]


class Droplet(_Contract):
    id: str
    name: str
    region: str
    size: str
    image: str


class Service(_Contract):
    image: str
    container: str
    address: str = Field(description="On the container network")
    port: int = Field(description="On the container network")
    published_port: int | None = Field(description="On the machine, the first; null when it is not published")
    published_ports: list[int] = Field(description="On the machine; each leads to the same port of the container")
    health_check: list[str] = Field(description="The command that runs inside the container")


class Memory(_Contract):
    limits_mb: int = Field(description="The memory limits of all services together")
    system_mb: int = Field(description="What is kept for the system")
    droplet_mb: int


class Capacity(_Contract):
    """The plan for `auren:users`. What is recommended is null when AUREN must be spread."""

    users: int
    size: str = Field(description="The droplet's size as configured")
    fits: bool = Field(description="Whether that size has room for the users")
    recommended_size: str | None = Field(description="The cheapest size that has room for them")
    recommended_volume_gb: int | None
    monthly_usd: float | None = Field(description="What the recommended droplet and volume cost together")
    bottleneck: str | None = Field(description="What the recommended droplet will be short of first: memory or cpu")
    spread: bool = Field(description="Whether so many users need more than one droplet")
    memory: Memory


class StackOutputs(_Contract):
    """The outputs of an AUREN stack."""

    version: int = Field(
        description="Of these outputs: a program for one version reads no other", json_schema_extra={"const": VERSION}
    )
    address: str = Field(description="The reserved IPv4 address; it stays when the droplet is replaced")
    domain: str
    urls: Urls
    ssh: Ssh
    ssh_private_key: Secret = Field(
        description="The key that the program itself logs in with (secret); empty when `auren:deployKey` names it"
    )
    droplet: Droplet
    network: ContainerNetwork
    volumes: list[Volume]
    firewall: Firewall
    services: dict[str, Service]
    capacity: Capacity


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of `pulumi stack output --json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:auren:stack-outputs:v{VERSION}",
    } | StackOutputs.model_json_schema(by_alias=True)


def schema() -> str:
    """The text of `outputs.schema.json`."""
    return json.dumps(json_schema(), indent=2) + "\n"
