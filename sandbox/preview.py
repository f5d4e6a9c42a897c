"""`pulumi preview` of a stack against the simulated APIs alone: no Docker, no root, no machine, nothing kept.

A preview asks the clouds a few questions (which zone, which addresses) and creates nothing. So the APIs are served by
this very process, on a port of their own and with a state that is thrown away; whether the sandbox runs beside it makes
no difference.
"""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path
from typing import cast

import uvicorn

from sandbox import environment, layout, pulumi_stack, stack_config
from sandbox.clouds.__main__ import ZONE
from sandbox.clouds.app import create_app, open_store
from sandbox.clouds.tokens import tokens
from sandbox.droplets.hypervisor import FirewallPolicy, Hypervisor, HypervisorError
from sandbox.engine import ensure_engine, install
from sandbox.plugins.install import install_plugins
from sandbox.progress import Progress

PYTHON = Path(sys.executable)
POLICY_PACK = str(layout.PROJECT / "policy")
READY_SECONDS = 20


class PreviewError(RuntimeError):
    """The preview is not possible; the text says why."""


class NoMachines:
    """A hypervisor that knows networks and refuses to create anything else."""

    def ensure_vpc(self, vpc_id: str, ip_range: IPv4Network) -> None:
        """A fresh account has one in each region."""

    def apply_firewalls(self, policies: dict[int, FirewallPolicy]) -> None:
        """Do nothing, because there are no machines."""

    def __getattr__(self, name: str) -> object:
        raise HypervisorError(f"{name}: this cloud serves previews and creates no machines")


def run(stack: str, options: Sequence[str]) -> int:
    """Preview the stack as if it had never been deployed, with the policy pack. Returns pulumi's exit status."""
    stack_config.source_of(stack)  # before the engine is built
    layout.CACHE.mkdir(parents=True, exist_ok=True)
    # Beside the engine, so that it is linked and not copied.
    with tempfile.TemporaryDirectory(prefix="preview-", dir=layout.CACHE) as directory:
        state = Path(directory)
        Progress(state / "logs").run("engine", ensure_engine)
        install(state / "bin", PYTHON)
        install_plugins(state / "pulumi", PYTHON)
        stack_config.refresh(stack, state=state)
        pulumi_stack.ensure_stack(stack, state=state)
        with _serving(state) as address:
            apis = {"DIGITALOCEAN_API_URL": address, "CLOUDFLARE_BASE_URL": f"{address}/client/v4"}
            return subprocess.run(
                ["pulumi", "preview", "--policy-pack", POLICY_PACK, *options],
                cwd=layout.PROJECT,
                env=environment.complete(stack, state) | apis,
                check=False,
            ).returncode


@contextmanager
def _serving(state: Path) -> Iterator[str]:
    app = create_app(open_store(state / "clouds", ZONE), cast(Hypervisor, NoMachines()), tokens(state))
    server = uvicorn.Server(uvicorn.Config(app, host=layout.API_ADDRESS, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, name="simulated clouds")
    thread.start()
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise PreviewError("The simulated clouds did not start; the lines above say why.")
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://{layout.API_ADDRESS}:{port}"
    finally:
        server.should_exit = True
        thread.join()
