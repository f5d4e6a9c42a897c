"""Compares the clouds with the state: a line for each leftover, with what to do."""

from collections.abc import Iterator, Mapping
from typing import Any

from auren_infra.apis.cloudflare import Cloudflare
from auren_infra.apis.digitalocean import DigitalOcean
from auren_infra.leftovers.known import Names

SCOPES = "droplet:read, block_storage:read, firewall:read, vpc:read, ssh_key:read, reserved_ip:read and spaces_key:read"
_NAMED = {
    "firewalls": ("firewalls", "firewall"),
    "vpcs": ("vpcs", "VPC"),
    "ssh_keys": ("account/keys", "SSH key"),
}
"""By the API's list: its path, and the word for one of it. No two of these have the same name."""
_DELETE = "Delete it in DigitalOcean's control panel."
_UNLESS = "Delete it in DigitalOcean's control panel, unless another stack has made it."
_IN_USE = (
    "It is in use. If the state of the stack is an earlier one, docs/state.md says how to go on. Delete it only when "
    "you know that nothing of it is needed."
)


def leftovers(
    digitalocean: DigitalOcean, cloudflare: Cloudflare, names: Names, known: Mapping[str, set[str]]
) -> list[str]:
    """Raises `CloudError` when a cloud cannot be asked."""
    return [
        *_droplets(digitalocean, names, known["droplets"]),
        *_volumes(digitalocean, names, known["volumes"]),
        *_addresses(digitalocean, names, known["reserved_ips"]),
        *_of_their_names(digitalocean, names, known),
        *_bucket_keys(digitalocean, names, known["keys"]),
        *_records(cloudflare, names, known["records"]),
    ]


def _droplets(api: DigitalOcean, names: Names, known: set[str]) -> Iterator[str]:
    for each in api.all("droplets", tag_name=names.name):
        if str(each["id"]) not in known:
            used = _IN_USE if each["volume_ids"] else f"It has no volume, so it holds no data. {_DELETE}"
            price = each["size"]["price_monthly"]
            yield f"the droplet {each['name']} ({each['id']}), {_since(each)}, {price:.0f} USD a month. {used}"


def _volumes(api: DigitalOcean, names: Names, known: set[str]) -> Iterator[str]:
    for each in api.all("volumes", name=names.name, region=names.region):
        if each["id"] not in known:
            used = (
                _IN_USE
                if each["droplet_ids"]
                else "It is attached to nothing, and may hold data. Delete it in DigitalOcean's control panel if an "
                "update was cut a moment after that. Otherwise docs/state.md says how to go on."
            )
            yield f"the volume {each['name']} ({each['id']}), {_since(each)}, {each['size_gigabytes']} GB. {used}"


def _addresses(api: DigitalOcean, names: Names, known: set[str]) -> Iterator[str]:
    """They have neither name nor tag. So one that is assigned is somebody's, and another one may be."""
    for each in api.all("reserved_ips"):
        if each["ip"] not in known and each["droplet"] is None and each["region"]["slug"] == names.region:
            yield (
                f"the reserved IP {each['ip']}, which is assigned to nothing, and costs money. "
                "Release it in DigitalOcean's control panel, if no other project keeps it."
            )


def _of_their_names(api: DigitalOcean, names: Names, known: Mapping[str, set[str]]) -> Iterator[str]:
    for kind, (path, word) in _NAMED.items():
        for each in api.all(kind, path):
            if each["name"] == names.name and str(each["id"]) not in known[kind]:
                yield f"the {word} {each['name']} ({each['id']}). {_UNLESS}"


def _bucket_keys(api: DigitalOcean, names: Names, known: set[str]) -> Iterator[str]:
    ours = {f"{names.name}-backups", f"{names.name}-backups-owner"}
    for each in api.all("keys", "spaces/keys"):
        if each["name"] in ours and each["access_key"] not in known:
            yield f"the Spaces key {each['name']} ({each['access_key']}). Nobody has its secret half. {_DELETE}"


def _records(api: Cloudflare, names: Names, known: set[str]) -> Iterator[str]:
    for each in api.address_records(names.zone):
        if each["name"] in names.hosts and each["id"] not in known:
            yield f"the DNS record {each['name']} with the address {each['content']}. Delete it at Cloudflare."


def _since(found: Mapping[str, Any]) -> str:
    return f"created {str(found['created_at']).replace('T', ' ').replace('Z', ' UTC')}"
