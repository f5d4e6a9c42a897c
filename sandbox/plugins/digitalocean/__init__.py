"""The digitalocean plugin: a translation to the DigitalOcean API v2, as the Terraform provider over godo does it."""

from sandbox.plugins.digitalocean.client import Client
from sandbox.plugins.digitalocean.droplets import Droplet
from sandbox.plugins.digitalocean.firewalls import Firewall
from sandbox.plugins.digitalocean.functions import GetDroplet
from sandbox.plugins.digitalocean.keys import SshKey
from sandbox.plugins.digitalocean.projects import Project, ProjectResources
from sandbox.plugins.digitalocean.reserved_ips import ReservedIp, ReservedIpAssignment
from sandbox.plugins.digitalocean.tags import Tag
from sandbox.plugins.digitalocean.volumes import Volume, VolumeAttachment
from sandbox.plugins.digitalocean.vpcs import Vpc
from sandbox.plugins.resource import Plugin
from sandbox.plugins.schema import Schema

_RESOURCES = (
    Droplet,
    Firewall,
    Project,
    ProjectResources,
    ReservedIp,
    ReservedIpAssignment,
    SshKey,
    Tag,
    Volume,
    VolumeAttachment,
    Vpc,
)


def plugin() -> Plugin:
    """The plugin, not configured yet."""
    client = Client()
    resources = {kind.token: kind(client) for kind in _RESOURCES}
    functions = {GetDroplet.token: GetDroplet(client)}
    return Plugin("digitalocean", Schema("digitalocean"), resources, functions, client.configure)
