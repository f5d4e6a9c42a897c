"""Creates a droplet: validates the request, assigns an address, and boots the machine in the background."""

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from sandbox.clouds.cloud import Cloud, CloudDep
from sandbox.clouds.digitalocean import keys, projects
from sandbox.clouds.digitalocean.actions import begin, carry_out
from sandbox.clouds.digitalocean.addresses import next_private, next_public
from sandbox.clouds.digitalocean.bodies import MAY_BE_EMPTY, Body, Strings, remember_tags
from sandbox.clouds.digitalocean.catalogue import REGIONS, SIZES, Image, image_by
from sandbox.clouds.digitalocean.droplets import droplet_json, spec
from sandbox.clouds.digitalocean.enforcement import enforce_firewalls
from sandbox.clouds.digitalocean.errors import invalid, not_found
from sandbox.clouds.digitalocean.volume_actions import MAX_PER_DROPLET, check_attachable
from sandbox.clouds.state import Action, DigitalOceanState, Droplet, Volume, Vpc

router = APIRouter(prefix="/droplets")

_HOSTNAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.\-]{0,253}[a-zA-Z0-9])?")
MAX_USER_DATA = 64 * 1024
MAX_AT_ONCE = 10


class BackupPolicy(Body):
    plan: Literal["", "daily", "weekly"] = ""
    weekday: Literal["", "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] = ""
    hour: int | None = Field(default=None, ge=0, le=20)


class VolumeReference(Body):
    id: str = ""
    name: str = ""


References = Annotated[list[str | int], *MAY_BE_EMPTY]
Volumes = Annotated[list[str | VolumeReference], *MAY_BE_EMPTY]


class DropletCreate(Body):
    name: str = ""
    names: Strings
    region: str = ""
    size: str
    image: str | int
    ssh_keys: References
    backups: bool = False
    backup_policy: BackupPolicy | None = None
    ipv6: bool = False
    private_networking: bool = False
    """Deprecated and without effect: every droplet is in a VPC."""
    public_networking: bool = True
    monitoring: bool = False
    tags: Strings
    user_data: str | None = None
    volumes: Volumes
    vpc_uuid: str | None = None
    with_droplet_agent: bool = True


def check_name(name: str) -> None:
    if not _HOSTNAME.fullmatch(name):
        raise invalid("Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)")


def _sold(body: DropletCreate) -> tuple[str, Image]:
    """The requested region and image."""
    region = body.region.lower()
    if region not in REGIONS:
        raise invalid("You specified an invalid region for Droplet creation.")
    if body.size.lower() not in SIZES:
        raise invalid("You specified an invalid size for Droplet creation.")
    if body.size.lower() in REGIONS[region].sold_out:
        raise invalid("Size is not available in this region.")
    image = image_by(body.image)
    if image is None:
        raise invalid("You specified an invalid image for Droplet creation.")
    if image.min_disk_size > SIZES[body.size.lower()].disk:
        raise invalid("The image is too big for this size.")
    return region, image


def _checked(body: DropletCreate) -> tuple[list[str], str, Image]:
    """The droplets' names, their region and their image."""
    if bool(body.name) == bool(body.names):
        raise invalid("name or names is required")
    wanted = body.names or [body.name]
    if len(wanted) > MAX_AT_ONCE:
        raise invalid(f"at most {MAX_AT_ONCE} Droplets can be created at once")
    for name in wanted:
        check_name(name)
    region, image = _sold(body)
    if body.ipv6:
        raise invalid("IPv6 is not available in this region.")
    if not body.public_networking:
        raise invalid("Droplets without public networking are not available in this region.")
    if body.backup_policy and not body.backups:
        raise invalid("backup_policy requires backups to be enabled")
    if len((body.user_data or "").encode()) > MAX_USER_DATA:
        raise invalid("User data is limited to 64KiB.")
    if body.volumes and len(wanted) > 1:
        raise invalid("volumes can not be attached to several Droplets")
    return wanted, region, image


def _keys(state: DigitalOceanState, references: list[str | int]) -> list[str]:
    chosen = [(reference, keys.find(state, reference)) for reference in references]
    unknown = [str(reference) for reference, key in chosen if key is None]
    if unknown:
        raise invalid(f"{', '.join(unknown)} are invalid key identifiers for Droplet creation.")
    return [key.public_key for _, key in chosen if key]


def _vpc(state: DigitalOceanState, region: str, vpc_id: str | None) -> Vpc:
    if not vpc_id:
        return next(vpc for vpc in state.vpcs.values() if vpc.region == region and vpc.default)
    vpc = state.vpcs.get(vpc_id)
    if vpc is None:
        raise not_found()
    if vpc.region != region:
        raise invalid("The VPC is not in the same region as the Droplet.")
    return vpc


def _volumes(state: DigitalOceanState, references: list[str | VolumeReference], region: str) -> list[Volume]:
    if len(references) > MAX_PER_DROPLET:
        raise invalid("cannot attach more volumes to the Droplet")
    chosen: list[Volume] = []
    for reference in references:
        wanted = VolumeReference(id=reference) if isinstance(reference, str) else reference
        volume = next(
            (
                each
                for each in state.volumes.values()
                if each.id == wanted.id or (wanted.name and (each.name, each.region) == (wanted.name, region))
            ),
            None,
        )
        if volume is None:
            raise invalid("volume not found")
        check_attachable(state, volume, region)
        chosen.append(volume)
    return chosen


def _features(body: DropletCreate) -> list[str]:
    optional = {"backups": body.backups, "monitoring": body.monitoring, "droplet_agent": body.with_droplet_agent}
    return [*(name for name, on in optional.items() if on), "private_networking"]


@router.post("", status_code=202)
def create_droplet(cloud: CloudDep, request: Request, body: DropletCreate) -> dict[str, Any]:
    names, region, image = _checked(body)
    size = SIZES[body.size.lower()]
    with cloud.store.change() as whole:
        state = whole.digitalocean
        if len(state.droplets) + len(names) > keys.DROPLET_LIMIT:
            raise invalid("creating this/these droplet(s) will exceed your droplet limit")
        vpc = _vpc(state, region, body.vpc_uuid)
        volumes = _volumes(state, body.volumes, region)
        public_keys = _keys(state, body.ssh_keys)
        tags = remember_tags(state, body.tags)
        made: list[tuple[Droplet, Action]] = []
        for name in names:
            droplet = Droplet(
                id=state.next_id(),
                name=name,
                region=region,
                size=size.slug,
                image=image.slug,
                memory=size.memory,
                vcpus=size.vcpus,
                disk=size.disk,
                vpc_id=vpc.id,
                public_ipv4=next_public(state),
                private_ipv4=next_private(state, vpc.id, vpc.ip_range),
                ssh_keys=public_keys,
                user_data=body.user_data or "",
                features=_features(body),
                tags=tags,
            )
            state.droplets[droplet.id] = droplet
            projects.assign(state, f"do:droplet:{droplet.id}")
            made.append((droplet, begin(state, "create", "droplet", str(droplet.id), region, droplet=droplet)))
        answer = _answer(state, request, made, several=bool(body.names))
    for droplet, action in made:
        _boot(cloud, droplet, action, vpc, [volume.id for volume in volumes])
    return answer


def _answer(
    state: DigitalOceanState, request: Request, made: list[tuple[Droplet, Action]], *, several: bool
) -> dict[str, Any]:
    base = str(request.base_url).rstrip("/")
    actions = [{"id": action.id, "rel": "create", "href": f"{base}/actions/{action.id}"} for _, action in made]
    droplets = [droplet_json(state, droplet) for droplet, _ in made]
    return ({"droplets": droplets} if several else {"droplet": droplets[0]}) | {"links": {"actions": actions}}


def _boot(cloud: Cloud, droplet: Droplet, action: Action, vpc: Vpc, volume_ids: list[str]) -> None:
    droplet_id, machine = droplet.id, spec(droplet)

    def work() -> None:
        cloud.hypervisor.ensure_vpc(vpc.id, vpc.ip_range)
        cloud.hypervisor.create_droplet(machine)
        # The firewalls of its tags must be applied before the droplet becomes active.
        enforce_firewalls(cloud).result()
        for volume_id in volume_ids:
            cloud.hypervisor.attach_volume(volume_id, droplet_id)

    def active(state: DigitalOceanState) -> None:
        state.droplets[droplet_id].status = "active"
        for volume_id in volume_ids:
            state.volumes[volume_id].droplet_id = droplet_id

    def failed(state: DigitalOceanState) -> None:
        state.droplets[droplet_id].status = "off"

    carry_out(cloud, action, work, active, failed)
