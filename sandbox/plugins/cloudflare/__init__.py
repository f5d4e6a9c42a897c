"""The cloudflare plugin: a translation to the Cloudflare API v4, as version 5 of the Terraform provider does it."""

from sandbox.plugins.cloudflare.client import Client
from sandbox.plugins.cloudflare.functions import GetIpRanges, GetZone, GetZones
from sandbox.plugins.cloudflare.records import DnsRecord
from sandbox.plugins.cloudflare.settings import ZoneSetting
from sandbox.plugins.resource import Plugin
from sandbox.plugins.schema import Schema


def plugin() -> Plugin:
    """The plugin, not configured yet."""
    client = Client()
    resources = {kind.token: kind(client) for kind in (DnsRecord, ZoneSetting)}
    functions = {kind.token: kind(client) for kind in (GetIpRanges, GetZone, GetZones)}
    return Plugin("cloudflare", Schema("cloudflare"), resources, functions, client.configure)
