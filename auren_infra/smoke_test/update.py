"""The smoke test in an update: after everything is deployed, and with a time limit.

It runs in the program. A resource that runs in each update would be a change in each preview. A failure is a
`RunError`, of which the engine shows only the message. The stack's outputs are recorded before.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence

import pulumi

from auren_infra.services.inbound import SSH_PORT
from auren_infra.settings import Settings, SmokeTest
from auren_infra.smoke_test import LEFT_OUT, clouds
from auren_infra.smoke_test.advice import AT_REST, Facts, sentence
from auren_infra.smoke_test.answers import Network
from auren_infra.smoke_test.questions import Cause, Fault, Site, by_address, by_name

MACHINE_SECONDS = 180
"""How long the machine may take to answer. It boots after a resize, and a container that hangs is restarted in 90 s."""
NAMES_SECONDS = 30
"""How long the names may take after that. Cloudflare's name servers and its proxy apply a change within seconds."""
PAUSE_SECONDS = 2


def smoke_test(
    settings: Settings,
    *,
    address: pulumi.Output[str],
    droplet: pulumi.CustomResource,
    web_server: pulumi.CustomResource,
    records: Mapping[str, pulumi.CustomResource],
    after: Sequence[pulumi.Resource],
) -> None:
    """Run the smoke test once all of `after` is deployed. If it fails, the update fails.

    It does not run in a preview. `records` are the records of the domain's names. With `--target`, some resources may
    not exist yet. Requests that need them are left out, with a warning.
    """
    if pulumi.runtime.is_dry_run():
        return
    if os.environ.get(LEFT_OUT):
        pulumi.log.warn(f"{LEFT_OUT} is set: whether AUREN answers was not tested.")
        return
    if settings.smoke_test is SmokeTest.NONE:
        pulumi.log.warn("auren:smokeTest is none: whether AUREN answers was not tested.")
        return

    async def ask(_: object) -> None:
        if not await web_server.id.is_known():
            pulumi.log.warn("nginx is not deployed yet: whether AUREN answers was not tested.")
            return
        if settings.smoke_test is SmokeTest.ADDRESS:
            pulumi.log.warn("auren:smokeTest is address: whether AUREN answers by name was not tested.")
            hosts = ()
        elif settings.moving_from:
            pulumi.log.info(f"The domain's names lead to {settings.moving_from}, so they were not tested.")
            hosts = ()
        else:
            hosts = [host for host, record in records.items() if await record.id.is_known()]
            for host in records.keys() - hosts:
                pulumi.log.warn(f"The record of {host} is not deployed yet: that name was not tested.")
        site = Site(str(await address.future()), hosts, settings.proxied)
        await _run(site, settings, droplet=str(await droplet.id.future()))

    everything = [resource.urn for resource in (*after, web_server, *records.values())]
    pulumi.Output.all(*everything).apply(ask, run_with_unknowns=True)


def open_network(name_server: str) -> Network:
    """The real network."""
    from auren_infra.smoke_test.internet import Internet  # a preview needs none of its libraries

    return Internet(name_server)


async def _run(site: Site, settings: Settings, *, droplet: str) -> None:
    """Raises `pulumi.RunError`."""
    network = open_network(settings.name_server)
    started = time.monotonic()

    def at_rest(fault: Fault) -> bool:
        return fault.cause is Cause.UNREACHABLE and clouds.droplet_status(droplet) in AT_REST

    fault = await answered(lambda: by_address(site, network), MACHINE_SECONDS, hopeless=at_rest)
    if not fault and site.hosts:
        fault = await answered(lambda: by_name(site, network), NAMES_SECONDS)
    if fault:
        waited = time.monotonic() - started
        zone_status, name_servers = clouds.zone_status(settings.cloudflare_zone)
        facts = Facts(
            droplet=droplet,
            droplet_status=clouds.droplet_status(droplet),
            ssh_open=await asyncio.to_thread(network.connects, site.address, SSH_PORT),
            zone=settings.cloudflare_zone,
            zone_status=zone_status,
            name_servers=name_servers,
        )
        raise pulumi.RunError(sentence(fault, facts, waited))


async def answered(
    ask: Callable[[], Fault | None],
    seconds: float,
    *,
    hopeless: Callable[[Fault], bool] | None = None,
    pause: float = PAUSE_SECONDS,
) -> Fault | None:
    """Repeat `ask` until there is no fault, for `seconds` at most. A fault that is `hopeless` is returned at once."""
    deadline = time.monotonic() + seconds
    while fault := await asyncio.to_thread(ask):
        if time.monotonic() + pause >= deadline or (hopeless and hopeless(fault)):
            return fault
        pulumi.log.info(f"{fault}; trying again", ephemeral=True)
        await asyncio.sleep(pause)
    return None
