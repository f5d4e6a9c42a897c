"""Commands on this machine and over SSH, as `pulumi-resource-command` runs them."""

from sandbox.plugins.command.local import LocalCommand
from sandbox.plugins.command.remote import RemoteCommand
from sandbox.plugins.resource import Plugin
from sandbox.plugins.schema import Schema


def plugin() -> Plugin:
    resources = (LocalCommand(), RemoteCommand())
    return Plugin("command", Schema("command"), {resource.token: resource for resource in resources})
