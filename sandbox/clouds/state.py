"""The state of the clouds: one Pydantic model for each kind of resource, and `State`, which holds all of them."""

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Literal

from pydantic import BaseModel, Field


def now() -> datetime:
    """The moment, to the second: the resolution of both APIs' timestamps."""
    return datetime.now(UTC).replace(microsecond=0)


class Action(BaseModel):
    """Something that takes time. `status` is final once `completed_at` is set."""

    id: int
    type: str
    status: Literal["in-progress", "completed", "errored"] = "in-progress"
    started_at: datetime = Field(default_factory=now)
    completed_at: datetime | None = None
    resource_type: Literal["droplet", "volume", "reserved_ip"]
    resource_id: int | None
    """The droplet's id; for a reserved IP, the address as a number, as the real API does. None for a volume."""
    resource: str
    """The id, UUID or address of the action's resource."""
    region: str
    droplet_id: int | None = None
    """The droplet that is busy until the action is done."""


class SshKey(BaseModel):
    id: int
    name: str
    public_key: str
    fingerprint: str


class Vpc(BaseModel):
    id: str
    name: str
    description: str
    region: str
    ip_range: IPv4Network
    default: bool
    created_at: datetime = Field(default_factory=now)


class Droplet(BaseModel):
    id: int
    name: str
    region: str
    size: str
    image: str
    memory: int
    vcpus: int
    disk: int
    vpc_id: str
    public_ipv4: IPv4Address
    private_ipv4: IPv4Address
    ssh_keys: list[str]
    """The public keys themselves: a key that is deleted from the account stays on its droplets."""
    user_data: str
    features: list[str]
    tags: list[str]
    status: Literal["new", "active", "off"] = "new"
    pending_action: int | None = None
    deleting: bool = False
    created_at: datetime = Field(default_factory=now)


class Volume(BaseModel):
    id: str
    name: str
    region: str
    size_gigabytes: int
    description: str
    filesystem_type: str
    filesystem_label: str
    tags: list[str]
    droplet_id: int | None = None
    created_at: datetime = Field(default_factory=now)


class ReservedIp(BaseModel):
    ip: IPv4Address
    region: str
    project_id: str
    droplet_id: int | None = None
    pending_action: int | None = None


class FirewallPeers(BaseModel):
    """The sources of an inbound rule, or the destinations of an outbound rule."""

    addresses: list[str] = []
    droplet_ids: list[int] = []
    tags: list[str] = []


class FirewallRule(BaseModel):
    protocol: Literal["tcp", "udp", "icmp"]
    ports: str
    """A port, a range `first-last`, or `0`: all ports, and icmp. The real API answers `0` for `all`, too."""
    peers: FirewallPeers


class Firewall(BaseModel):
    id: str
    name: str
    status: Literal["waiting", "succeeded", "failed"] = "waiting"
    inbound: list[FirewallRule]
    outbound: list[FirewallRule]
    droplet_ids: list[int]
    tags: list[str]
    pending_droplets: list[int] = []
    """The droplets that do not have the latest rules yet."""
    created_at: datetime = Field(default_factory=now)


class Project(BaseModel):
    id: str
    name: str
    description: str
    purpose: str
    environment: str
    is_default: bool
    resources: dict[str, datetime] = {}
    """URN to the moment of assignment."""
    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)


class SpacesGrant(BaseModel):
    bucket: str
    """Empty for full access."""
    permission: Literal["read", "readwrite", "fullaccess", ""]


class SpacesKey(BaseModel):
    name: str
    access_key: str
    secret_key: str
    """The object store checks signatures with it. The API shows it once."""
    grants: list[SpacesGrant]
    created_at: datetime = Field(default_factory=now)

    @property
    def full_access(self) -> bool:
        return any(grant.permission == "fullaccess" for grant in self.grants)


class DnsRecord(BaseModel):
    id: str
    type: str
    name: str
    """In full, without a final dot, lower case."""
    content: str
    ttl: int
    """Seconds; 1 means automatic."""
    proxied: bool
    priority: int | None = None
    data: dict[str, Any] | None = None
    """The parts of a CAA or SRV record."""
    comment: str | None = None
    comment_modified_on: datetime | None = None
    tags: list[str] = []
    tags_modified_on: datetime | None = None
    settings: dict[str, bool] = {}
    created_on: datetime
    modified_on: datetime


class ZoneSetting(BaseModel):
    value: Any
    modified_on: datetime


class Zone(BaseModel):
    id: str
    name: str
    status: Literal["initializing", "pending", "active", "moved"] = "active"
    """Resolvers ask only an active zone. The API accepts records with every status."""
    account: str = ""
    """The name of another account that the token sees; empty for the token's own."""
    records: dict[str, DnsRecord] = {}
    settings: dict[str, ZoneSetting] = {}
    """Only those that were changed; the rest have their defaults."""
    serial: int = 1
    """The SOA serial. Each change of a record increases it by one."""
    created_on: datetime = Field(default_factory=now)
    modified_on: datetime = Field(default_factory=now)


class DigitalOceanState(BaseModel):
    account_uuid: str
    last_id: int = 400_000_000
    """The next id of droplets, actions and keys, so that no id is used twice."""
    last_public_ipv4: IPv4Address | None = None
    last_reserved_ipv4: IPv4Address | None = None
    """Addresses are assigned in turn, so a released one is reused as late as possible."""
    actions: dict[int, Action] = {}
    keys: dict[int, SshKey] = {}
    vpcs: dict[str, Vpc] = {}
    droplets: dict[int, Droplet] = {}
    volumes: dict[str, Volume] = {}
    reserved_ips: dict[str, ReservedIp] = {}
    firewalls: dict[str, Firewall] = {}
    tags: dict[str, datetime] = {}
    projects: dict[str, Project] = {}
    spaces_keys: dict[str, SpacesKey] = {}
    """By access key."""
    buckets: dict[str, str] = {}
    """The region of each bucket. The objects are in the object store."""

    def next_id(self) -> int:
        self.last_id += 1
        return self.last_id


class CloudflareState(BaseModel):
    account_id: str
    user_id: str
    zones: dict[str, Zone] = {}


class State(BaseModel):
    digitalocean: DigitalOceanState
    cloudflare: CloudflareState
