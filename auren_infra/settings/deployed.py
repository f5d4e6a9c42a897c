"""The stack after its last update, and the changes of settings that are refused for it.

A stack that is up has data, an address and a machine. Some settings cannot be changed without losing one of them. Such
a change is refused before anything is registered. Left out on purpose: changes that lose nothing, such as another
droplet image or VPC range. A preview shows what they replace.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from auren_infra.droplet_sizes import SIZES
from auren_infra.settings import Settings
from auren_infra.settings.faults import Fault
from auren_infra.settings.releases import major

_KEY = "auren:"
_DROPLET = "digitalocean:index/droplet:Droplet"
_RECORD = "cloudflare:index/dnsRecord:DnsRecord"
_COMPONENTS = ("auren:cloud:DataVolume", "auren:cloud:Network", "auren:cloud:Droplet")
"""Each is named by the stack's `auren:name`. The data volume is the most important, so it is read first."""


@dataclass(frozen=True)
class DeployedDroplet:
    urn: str
    """For the engine's command line."""
    id: int
    size: str
    disk_gb: int
    """The droplet's own disk, which cannot become smaller."""
    image: str
    region: str


@dataclass(frozen=True)
class Deployed:
    """What the engine's state holds. All fields are empty for a stack that was never updated."""

    name: str = ""
    region: str = ""
    """Where the data volume is."""
    volume_gb: int = 0
    droplet_size: str = ""
    images: Mapping[str, str] = field(default_factory=dict[str, str])
    """Service -> image, from the outputs of the last update that succeeded."""
    domain: str = ""
    """Of the last update that succeeded: its names have their records."""
    records: frozenset[str] = frozenset()
    """The names that have a record in the state. Known only if the resources were read, like the next ones."""
    vpc_range: str = ""
    """Known only if the resources were read, like `droplet`."""
    droplet: DeployedDroplet | None = None


def of_outputs(outputs: Mapping[str, Any]) -> Deployed | None:
    """Read the stack's outputs; None if no update of this program has succeeded yet."""
    if not outputs.get("volumes") or "droplet" not in outputs:
        return None
    (volume, *_), droplet = outputs["volumes"], outputs["droplet"]
    return Deployed(
        name=str(volume["name"]),
        region=str(droplet["region"]),
        volume_gb=int(volume["sizeGb"]),
        droplet_size=str(droplet["size"]),
        images=_images(outputs),
        domain=str(outputs.get("domain", "")),
    )


def of_resources(resources: Mapping[str, Mapping[str, Any]]) -> Deployed:
    """Read the state's resources: URN -> `type` and `outputs`, as the engine's `readStackResourceOutputs` has them."""
    urns = {str(resource["type"]): urn for urn, resource in resources.items()}
    outputs: dict[str, Mapping[str, Any]] = {
        str(resource["type"]): resource.get("outputs") or {} for resource in resources.values()
    }
    volume = outputs.get("digitalocean:index/volume:Volume", {})
    droplet = _droplet(urns.get(_DROPLET, ""), outputs.get(_DROPLET, {}))
    return Deployed(
        name=next((urns[component].rpartition("::")[2] for component in _COMPONENTS if component in urns), ""),
        region=str(volume.get("region", "")),
        volume_gb=int(volume.get("size", 0)),
        droplet_size=droplet.size if droplet else "",
        images=_images(outputs.get("pulumi:pulumi:Stack", {})),
        domain=str(outputs.get("pulumi:pulumi:Stack", {}).get("domain", "")),
        records=frozenset(urn.rpartition("::")[2] for urn, each in resources.items() if each["type"] == _RECORD),
        vpc_range=str(outputs.get("digitalocean:index/vpc:Vpc", {}).get("ipRange", "")),
        droplet=droplet,
    )


def _images(outputs: Mapping[str, Any]) -> dict[str, str]:
    services = cast("Mapping[str, Mapping[str, Any]]", outputs.get("services") or {})
    return {name: str(service["image"]) for name, service in services.items()}


def _droplet(urn: str, outputs: Mapping[str, Any]) -> DeployedDroplet | None:
    number = str(outputs.get("dropletUrn", "")).rpartition(":")[2]
    if not number.isdigit():
        return None
    return DeployedDroplet(
        urn=urn,
        id=int(number),
        size=str(outputs["size"]),
        disk_gb=int(outputs.get("disk", 0)),
        image=str(outputs.get("image", "")),
        region=str(outputs.get("region", "")),
    )


def faults(wanted: Settings, images: Mapping[str, str], before: Deployed) -> list[Fault]:
    """Settings that would lose the stack's data or address. `images`: service -> image that would run."""
    found = (_name(wanted, before), _region(wanted, before), _volume(wanted, before), _database(images, before))
    return [fault for fault in found if fault]


def loss(wanted: Settings, before: Deployed) -> str:
    """A warning if an update would delete unprotected data; empty when it deletes none."""
    if before.region in ("", wanted.region) or wanted.protect_data:
        return ""
    return (
        f"{_KEY}region: the data volume and the address are in {before.region} and cannot move to {wanted.region}. "
        "They are not protected: this update deletes both, with all data."
    )


def resizes(wanted: Settings, before: Deployed) -> DeployedDroplet | None:
    """The droplet that would be resized in place. None: nothing is resized, or the droplet is replaced."""
    droplet = before.droplet
    if droplet is None or droplet.size == wanted.droplet_size:
        return None
    stays = (droplet.image, droplet.region) == (wanted.droplet_image, wanted.region)
    return droplet if stays and before.vpc_range in ("", wanted.vpc_range) else None


def too_small(wanted: Settings, droplet: DeployedDroplet, disk_gb: int) -> Fault | None:
    """A fault if the droplet's disk, of `disk_gb`, is larger than the disk of the new size."""
    offered = SIZES[wanted.droplet_size].disk_gb
    if offered >= disk_gb:
        return None
    fitting = ", ".join(name for name, size in SIZES.items() if size.disk_gb >= disk_gb and name != droplet.size)
    return Fault(
        f"{_KEY}dropletSize",
        f"the droplet is a {droplet.size} with a disk of {disk_gb} GB, {wanted.droplet_size} has {offered} GB, "
        f"and a disk cannot become smaller; set it back to {droplet.size}, or to one of {fitting}\n"
        "Or create a new droplet, which keeps the data and the address. Nothing is served in the meantime:\n"
        f"`pulumi destroy --target '{droplet.urn}' --target-dependents`, then `pulumi up`",
    )


def _name(wanted: Settings, before: Deployed) -> Fault | None:
    if before.name in ("", wanted.name):
        return None
    return Fault(
        f"{_KEY}name",
        f"all resources of this stack are named {before.name}. Under another name, they would be deleted and "
        f"created again, including the data volume. "
        f"Keep the name: `pulumi config set auren:name {before.name}` (it is {wanted.name!r})",
    )


def _region(wanted: Settings, before: Deployed) -> Fault | None:
    if before.region in ("", wanted.region) or not wanted.protect_data:
        return None
    return Fault(
        f"{_KEY}region",
        f"the data volume and the address are in {before.region}, cannot move to another region, and are protected; "
        f"set it to {before.region} (it is {wanted.region!r})",
    )


def _volume(wanted: Settings, before: Deployed) -> Fault | None:
    if wanted.data_volume_size >= before.volume_gb or wanted.region != before.region:
        return None
    return Fault(
        f"{_KEY}dataVolumeSize",
        f"the data volume has {before.volume_gb} GB and can only grow; set it to {before.volume_gb} or more "
        f"(it is {wanted.data_volume_size})",
    )


def _database(images: Mapping[str, str], before: Deployed) -> Fault | None:
    old, new = before.images.get("postgres", ""), images.get("postgres", "")
    written, reads = major("postgres", old), major("postgres", new)
    if written is None or reads is None or written == reads:
        return None
    return Fault(
        f"{_KEY}images",
        f"postgres: PostgreSQL {written} wrote the data, and {reads} cannot read it. Keep it: postgres={old}; "
        f"or dump the data, and restore it into a new stack (it is {new!r})",
    )
