"""Before a droplet is resized: its containers end cleanly, since the cloud cuts the power."""

import asyncio
import os
import subprocess

import pulumi

from auren_infra.host.machine import script
from auren_infra.host.over_ssh import STOP_SECONDS, Errand

AGAIN_AFTER_SECONDS = 600
"""A resize that the cloud refuses leaves the containers stopped for this long at most."""
BACKUP_SECONDS = 3600
"""That a backup before a resize may take."""


def stop_before_resize(
    name: str,
    *,
    backup_minutes: int,
    address: pulumi.Output[str],
    private_key: pulumi.Output[str],
    host_key: pulumi.Output[str],
) -> pulumi.ResourceHook:
    """A hook for a droplet's updates. It does nothing while the size stays.

    It is a hook and not a command: a command would not run again after a resize that the cloud refused.
    """

    async def stop(args: pulumi.ResourceHookArgs) -> None:
        old, new = args.old_inputs or {}, args.new_inputs or {}
        if old.get("size") == new.get("size"):
            return
        machine = await pulumi.Output.all(address, private_key, host_key).future()
        assert machine is not None  # they are the droplet's own inputs, so an update knows them
        pulumi.log.info(f"{args.name}: {await asyncio.to_thread(stop_containers, backup_minutes, *machine)}")

    return pulumi.ResourceHook(f"{name}-stop-before-resize", stop)


def stop_containers(backup_minutes: int, address: str, private_key: str, host_key: str) -> str:
    """What the script said. Raises `RuntimeError` with its words when the machine is alive and did not stop them."""
    stop = Errand(
        "stop_containers",
        (str(AGAIN_AFTER_SECONDS), str(backup_minutes)),
        next="it is resized as it is",
        kept="the droplet was not resized",
        seconds=STOP_SECONDS + BACKUP_SECONDS,
    )
    done = subprocess.run(
        ["bash", "-c", script("over_ssh")],
        input=private_key,
        env={**os.environ, **stop.environment(address=address, known_hosts=f"{address} {host_key}")},
        capture_output=True,
        text=True,
        check=False,
        timeout=5 * stop.local_seconds,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout.strip()
