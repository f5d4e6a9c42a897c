"""Compares the clouds with the state: a line for each leftover, with what to do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from auren_infra.apis.cloudflare import Cloudflare
from auren_infra.apis.digitalocean import DigitalOcean
from auren_infra.leftovers.known import Names

SCOPES = "droplet:read, block_storage:read, firewall:read, vpc:read, ssh_key:read, reserved_ip:read and spaces_key:read"
_DELETE = "Delete it in DigitalOcean's control panel."
_MAY_HOLD = (
    "It is attached to nothing, and may hold data. Delete it in DigitalOcean's control panel if an update was cut a "
    "moment after that. Otherwise docs/state.md says how to go on."
)
_UNLESS = "Delete it in DigitalOcean's control panel, unless another stack has made it."
_IN_USE = (
    "It is in use. If the state of the stack is an earlier one, docs/state.md says how to go on. Delete it only when "
    "you know that nothing of it is needed."
)


def leftovers(
    digitalocean: DigitalOcean, cloudflare: Cloudflare, names: Names, known: Mapping[str, set[str]]
) -> list[str]:
    """Raises `CloudError` when a cloud cannot be asked."""
    compared = _Compared(
        digitalocean,
        names,
        known,
        droplets=list(digitalocean.all("droplets", tag_name=names.name)),
        addresses=list(digitalocean.all("reserved_ips")),
    )
    return [*compared.lines(), *compared.records(cloudflare)]


@dataclass(frozen=True)
class _Compared:
    api: DigitalOcean
    names: Names
    known: Mapping[str, set[str]]
    droplets: list[dict[str, Any]]
    """Those with the stack's tag."""
    addresses: list[dict[str, Any]]
    """The account's reserved IPs."""

    def lines(self) -> Iterator[str]:
        yield from self._droplets()
        yield from self._volumes()
        yield from self._addresses()
        yield from self._firewalls()
        yield from self._networks()
        yield from self._ssh_keys()
        yield from self._bucket_keys()

    def records(self, api: Cloudflare) -> Iterator[str]:
        leading = {each["ip"] for each in self.addresses if each["droplet"]}
        leading |= {network["ip_address"] for each in self.droplets for network in each["networks"]["v4"]}
        for each in api.address_records(self.names.zone):
            if each["name"] in self.names.hosts and each["id"] not in self.known["records"]:
                used = _IN_USE if each["content"] in leading else "Delete it at Cloudflare."
                yield f"the DNS record {each['name']} with the address {each['content']}. {used}"

    def _droplets(self) -> Iterator[str]:
        reached = {each["droplet"]["id"] for each in self.addresses if each["droplet"]}
        for each in self.droplets:
            if str(each["id"]) in self.known["droplets"]:
                continue
            if each["name"] != self.names.name:
                what = f"It has the stack's tag, and so its firewall. Take the tag {self.names.name} away from it."
            elif each["volume_ids"] or each["id"] in reached:
                what = _IN_USE
            else:
                what = f"It has neither a volume nor a reserved IP, so it never served. {_DELETE}"
            price = f"{each['size']['price_monthly']:.0f} USD a month"
            yield f"the droplet {each['name']} ({each['id']}), {_since(each)}, {price}. {what}"

    def _volumes(self) -> Iterator[str]:
        for each in self.api.all("volumes", name=self.names.name, region=self.names.region):
            if each["id"] not in self.known["volumes"]:
                used = _IN_USE if each["droplet_ids"] else _MAY_HOLD
                yield f"the volume {each['name']} ({each['id']}), {_since(each)}, {each['size_gigabytes']} GB. {used}"

    def _addresses(self) -> Iterator[str]:
        """They have neither name nor tag. So one that is assigned is somebody's, and another one may be."""
        for each in self.addresses:
            here = each["region"]["slug"] == self.names.region
            if each["ip"] not in self.known["reserved_ips"] and not each["droplet"] and here:
                yield (
                    f"the reserved IP {each['ip']}, which is assigned to nothing, and costs money. "
                    "Release it in DigitalOcean's control panel, if no other project keeps it."
                )

    def _firewalls(self) -> Iterator[str]:
        for each in self.api.all("firewalls"):
            if each["name"] == self.names.name and each["id"] not in self.known["firewalls"]:
                guards = each["droplet_ids"] or (self.droplets and self.names.name in (each["tags"] or ()))
                yield f"the firewall {each['name']} ({each['id']}). {_IN_USE if guards else _UNLESS}"

    def _networks(self) -> Iterator[str]:
        """DigitalOcean deletes none that has members."""
        for each in self.api.all("vpcs"):
            if each["name"] == self.names.name and each["id"] not in self.known["vpcs"]:
                yield f"the VPC {each['name']} ({each['id']}). {_UNLESS}"

    def _ssh_keys(self) -> Iterator[str]:
        """The account has each public key once, whatever its name is."""
        for each in self.api.all("ssh_keys", "account/keys"):
            if str(each["id"]) in self.known["ssh_keys"]:
                continue
            if each["name"] == self.names.name:
                yield f"the SSH key {each['name']} ({each['id']}). {_UNLESS}"
            elif self.names.deploy_key == " ".join(each["public_key"].split()[:2]):
                yield (
                    f"the SSH key {each['name']} ({each['id']}), which is auren:deployKey. The stack needs it under "
                    f"its own name. {_DELETE} Or set another auren:deployKey."
                )

    def _bucket_keys(self) -> Iterator[str]:
        ours = {f"{self.names.name}-{kind}" for kind in ("backups", "backups-owner", "restore")}
        for each in self.api.all("keys", "spaces/keys"):
            if each["name"] in ours and each["access_key"] not in self.known["keys"]:
                yield (
                    f"the Spaces key {each['name']} ({each['access_key']}). If an update was cut, nobody has its "
                    f"secret half. {_DELETE} If the state is an earlier one, the machine uses it."
                )


def _since(found: Mapping[str, Any]) -> str:
    return f"created {str(found['created_at']).replace('T', ' ').replace('Z', ' UTC')}"
