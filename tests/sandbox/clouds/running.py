"""The clouds as a real server on an ephemeral port, with clients that are not ours."""

import asyncio
import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import boto3
import httpx
import uvicorn
from azure.core.credentials import AzureKeyCredential
from azure.core.pipeline.policies import AzureKeyCredentialPolicy
from botocore.config import Config
from cloudflare import Cloudflare
from pydo import Client

from sandbox.clouds.app import Limits, create_app, open_store
from sandbox.clouds.cloudflare.zones import PRO
from sandbox.clouds.digitalocean.addresses import EDGE
from sandbox.clouds.faults import Faults
from sandbox.clouds.name_server import NameServer
from sandbox.clouds.spaces import object_store
from sandbox.clouds.spaces.object_store import ObjectStore, Place
from sandbox.clouds.spaces.server import Listen, SpacesServer
from sandbox.clouds.store import spaces_keys
from sandbox.clouds.tokens import Tokens, tokens
from tests.sandbox.clouds.machines import FakeHypervisor

ANY = Listen("127.0.0.1", 0, 0, 0)


@dataclass
class Clouds:
    """One running cloud, and its clients. `restart` ends the server and starts another over the same state."""

    directory: Path
    machines: FakeHypervisor
    limits: Limits = field(default_factory=Limits)
    with_spaces: bool = False
    """Serve Spaces as well, with a real object store that is there from the first request on."""
    url: str = ""
    dns_port: int = 0
    _listen: Listen = ANY
    _stop: Callable[[], None] = lambda: None
    _clients: list[Any] = field(default_factory=list[Any])

    @property
    def tokens(self) -> Tokens:
        return tokens(self.directory)

    @property
    def spaces_proxy(self) -> str:
        return f"http://127.0.0.1:{self._listen.proxy}"

    @cached_property
    def object_store(self) -> Place:
        return Place(self.directory / "spaces", self.directory / "run", self.directory / "logs", free_ports())

    def s3(self, key: Mapping[str, str], region: str = "fra1", addressing: Literal["path", "virtual"] = "path") -> Any:
        """A client of Spaces that is not ours, with a key as the API answers it."""
        client = boto3.client(
            "s3",
            region_name="us-east-1",
            endpoint_url=f"https://{region}.digitaloceanspaces.com",
            verify=str(self.directory / "certificates" / "ca.pem"),
            aws_access_key_id=key["access_key"],
            aws_secret_access_key=key["secret_key"],
            config=Config(
                proxies={"https": self.spaces_proxy},
                retries={"total_max_attempts": 1},
                s3={"addressing_style": addressing},
            ),
        )
        self._clients.append(client)
        return client

    def start(self) -> None:
        store = open_store(self.directory / "clouds", "aupex.ai")
        faults = Faults()
        objects = ObjectStore(lambda: spaces_keys(store), self.object_store)
        app = create_app(
            store, self.machines, self.tokens, faults=faults, objects=objects, limits=self.limits, plan=PRO
        )
        names = NameServer(store, EDGE, "127.0.0.1", 0)
        names.start()
        spaces = SpacesServer(store, objects, faults, self.directory / "certificates", self._listen)
        if self.with_spaces:
            spaces.start()
            self._listen = replace(self._listen, proxy=spaces.proxy_port)
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
            if self.with_spaces:
                spaces.stop()

        self._stop = stop
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.dns_port = names.port
        eventually(lambda: server.started)

    def stop(self) -> None:
        while self._clients:
            self._clients.pop().close()
        self._stop()
        object_store.stop(self.object_store)

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


@contextlib.contextmanager
def clouds_with_spaces(directory: Path) -> Iterator[Clouds]:
    """They run while the context is open."""
    running = Clouds(directory, FakeHypervisor(), with_spaces=True)
    running.start()
    yield running
    running.stop()


def eventually(check: Callable[[], Any], seconds: float = 10) -> Any:
    """What `check` returns once it is truthy."""
    deadline = time.monotonic() + seconds
    while not (result := check()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)
    return result


def free_ports() -> int:
    """The first of four neighbours on loopback that are free, with those that are 10,000 higher."""
    for first in random.sample(range(20_000, 40_000, 4), 100):
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in (*range(first, first + 4), *range(first + 10_000, first + 10_004)):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise AssertionError("no ports are free")
