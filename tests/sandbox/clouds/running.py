"""The clouds as a real server on an ephemeral port, with clients that are not ours."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from azure.core.credentials import AzureKeyCredential
from azure.core.pipeline.policies import AzureKeyCredentialPolicy
from cloudflare import Cloudflare
from pydo import Client

from sandbox.clouds.app import Limits, create_app, open_store
from sandbox.clouds.cloudflare.zones import PRO
from sandbox.clouds.digitalocean.addresses import EDGE
from sandbox.clouds.name_server import NameServer
from sandbox.clouds.tokens import Tokens, tokens
from tests.sandbox.clouds.machines import FakeHypervisor


@dataclass
class Clouds:
    """One running cloud, and its clients. `restart` ends the server and starts another over the same state."""

    directory: Path
    machines: FakeHypervisor
    limits: Limits = field(default_factory=Limits)
    url: str = ""
    dns_port: int = 0
    _stop: Callable[[], None] = lambda: None
    _clients: list[Client | Cloudflare] = field(default_factory=list[Client | Cloudflare])

    @property
    def tokens(self) -> Tokens:
        return tokens(self.directory)

    def start(self) -> None:
        store = open_store(self.directory / "clouds", "aupex.ai")
        app = create_app(store, self.machines, self.tokens, limits=self.limits, plan=PRO)
        names = NameServer(store, EDGE, "127.0.0.1", 0)
        names.start()
        # With the protocol named, or asyncio leaves Nagle's algorithm on and each answer takes 40 ms.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()

        def stop() -> None:
            server.should_exit = True
            thread.join(10)
            listener.close()
            names.stop()

        self._stop = stop
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.dns_port = names.port
        eventually(lambda: server.started)

    def stop(self) -> None:
        while self._clients:
            self._clients.pop().close()
        self._stop()

    def restart(self) -> None:
        self._stop()
        self.start()

    def digitalocean(self) -> Client:
        # Of itself the client sends its token over TLS only.
        plain = AzureKeyCredentialPolicy(AzureKeyCredential(self.tokens.digitalocean), "Authorization", prefix="Bearer")
        client = Client(self.tokens.digitalocean, endpoint=self.url, retry_total=0, authentication_policy=plain)
        self._clients.append(client)
        return client

    def cloudflare(self, **options: Any) -> Cloudflare:
        url = f"{self.url}/client/v4"
        client = Cloudflare(api_token=self.tokens.cloudflare, base_url=url, max_retries=0, **options)
        self._clients.append(client)
        return client

    def raw(self) -> httpx.Client:
        """Plain HTTP with DigitalOcean's token, for what the clients would not send."""
        return httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.tokens.digitalocean}"}, timeout=10
        )


def eventually(check: Callable[[], Any], seconds: float = 10) -> Any:
    """What `check` returns once it is truthy."""
    deadline = time.monotonic() + seconds
    while not (result := check()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)
    return result
