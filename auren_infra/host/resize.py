"""Before a droplet is resized: its containers end cleanly, since the cloud cuts the power."""

import asyncio
import os
import subprocess

import pulumi

from auren_infra.host.machine import script
from auren_infra.host.over_ssh import LOCAL_SECONDS, Errand

AGAIN_AFTER_SECONDS = 600
"""A resize that the cloud refuses leaves the containers stopped for this long at most."""
STOP = Errand(
    "stop_containers", (str(AGAIN_AFTER_SECONDS),), next="it is resized as it is", kept="the droplet was not resized"
)


def stop_before_resize(
    name: str, *, address: pulumi.Output[str], private_key: pulumi.Output[str], host_key: pulumi.Output[str]
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
        pulumi.log.info(f"{args.name}: {await asyncio.to_thread(stop_containers, *machine)}")

    return pulumi.ResourceHook(f"{name}-stop-before-resize", stop)


def stop_containers(address: str, private_key: str, host_key: str) -> str:
    """What the script said. Raises `RuntimeError` with its words when the machine is alive and did not stop them."""
    done = subprocess.run(
        ["bash", "-c", script("over_ssh")],
        input=private_key,
        env={**os.environ, **STOP.environment(address=address, known_hosts=f"{address} {host_key}")},
        capture_output=True,
        text=True,
        check=False,
        timeout=5 * LOCAL_SECONDS,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout.strip()
