"""The digitalocean plugin: a translation to the DigitalOcean API v2, as the Terraform provider over godo does it."""

from sandbox.plugins.digitalocean.client import Client
from sandbox.plugins.digitalocean.droplets import Droplet
from sandbox.plugins.digitalocean.firewalls import Firewall
from sandbox.plugins.digitalocean.functions import GetDroplet
from sandbox.plugins.digitalocean.keys import SshKey
from sandbox.plugins.digitalocean.projects import Project, ProjectResources
from sandbox.plugins.digitalocean.reserved_ips import ReservedIp, ReservedIpAssignment
from sandbox.plugins.digitalocean.spaces_buckets import SpacesBucket
from sandbox.plugins.digitalocean.spaces_client import SpacesClient
from sandbox.plugins.digitalocean.spaces_keys import SpacesKey
from sandbox.plugins.digitalocean.tags import Tag
from sandbox.plugins.digitalocean.volumes import Volume, VolumeAttachment
from sandbox.plugins.digitalocean.vpcs import Vpc
from sandbox.plugins.resource import Plugin
from sandbox.plugins.schema import Schema
from sandbox.plugins.values import Values

_RESOURCES = (
    Droplet,
    Firewall,
    Project,
    ProjectResources,
    ReservedIp,
    ReservedIpAssignment,
    SpacesKey,
    SshKey,
    Tag,
    Volume,
    VolumeAttachment,
    Vpc,
)


def plugin() -> Plugin:
    """The plugin, not configured yet."""
    client, spaces = Client(), SpacesClient()
    resources = {kind.token: kind(client) for kind in _RESOURCES} | {SpacesBucket.token: SpacesBucket(spaces)}
    functions = {GetDroplet.token: GetDroplet(client)}

    def configure(configuration: Values) -> None:
        client.configure(configuration)
        spaces.configure(configuration)

    return Plugin("digitalocean", Schema("digitalocean"), resources, functions, configure)
