"""The door of Spaces on its own address, the name server for its names, and a proxy for programs of this machine."""

import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from sandbox import layout
from sandbox.clouds.edge_server import STOP_SECONDS, add_address, remove_address
from sandbox.clouds.faults import Faults, losing_answers
from sandbox.clouds.limits import RateLimit
from sandbox.clouds.spaces.door import PER_SECOND, create_door
from sandbox.clouds.spaces.names import SpacesNames
from sandbox.clouds.spaces.object_store import ObjectStore
from sandbox.clouds.spaces.proxy import SpacesProxy
from sandbox.clouds.spaces.regions import REGIONS, endpoint
from sandbox.clouds.store import Store
from sandbox.server_certificates import ensure_certificates

log = logging.getLogger("sandbox.clouds")
HTTPS = 443


@dataclass(frozen=True)
class Listen:
    """Where Spaces listens. 0: any free port."""

    address: str = str(layout.SPACES_ADDRESS)
    https: int = HTTPS
    names: int = 53
    proxy: int = layout.SPACES_PROXY_PORT
    """On loopback."""


def ensure_authority(folder: Path) -> Path:
    """The certificate that clients of Spaces trust. The server's covers each endpoint, and buckets without a dot."""
    hosts = [name for region in REGIONS for name in (endpoint(region), f"*.{endpoint(region)}")]
    ensure_certificates(folder, "Spaces", hosts, str(layout.SPACES_ADDRESS))
    return folder / "ca.pem"


class SpacesServer:
    """Spaces in threads of their own. Without its address the clouds work all the same, without Spaces."""

    def __init__(
        self, store: Store, objects: ObjectStore, faults: Faults, certificates: Path, listen: Listen | None = None
    ) -> None:
        self._listen = listen or Listen()
        self._certificates = certificates
        door = create_door(store, objects, faults, RateLimit(PER_SECOND, 1))
        self._door = losing_answers(door, faults, with_host=True)
        self._parts: list[SpacesNames | SpacesProxy] = []
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def proxy_port(self) -> int:
        return next(part.port for part in self._parts if isinstance(part, SpacesProxy))

    def start(self) -> None:
        listen = self._listen
        ensure_authority(self._certificates)
        try:
            self._add_address()
            # With the protocol named, or asyncio leaves Nagle's algorithm on and each answer takes 40 ms.
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((listen.address, listen.https))
        except OSError as error:
            log.error("Spaces is not served: %s", error)
            return
        config = uvicorn.Config(
            self._door,
            log_config=None,
            server_header=False,
            date_header=False,
            ssl_certfile=self._certificates / "server.pem",
            ssl_keyfile=self._certificates / "server.key",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="Spaces", daemon=True)
        self._thread.start()
        door = listen.address, listener.getsockname()[1]
        self._serve("the proxy to Spaces", lambda: SpacesProxy(listen.proxy, door))
        self._serve("the names of Spaces", lambda: SpacesNames(listen.address, listen.names))

    def _serve(self, what: str, make: Callable[[], SpacesNames | SpacesProxy]) -> None:
        try:
            part = make()
        except OSError as error:
            log.error("%s: not served: %s", what, error)
            return
        part.start()
        self._parts.append(part)

    def stop(self) -> None:
        for part in self._parts:
            part.stop()
        if self._server and self._thread:
            self._server.should_exit = True
            self._thread.join(STOP_SECONDS)
        if self._listen.address == str(layout.SPACES_ADDRESS):
            remove_address(layout.SPACES_ADDRESS)

    def _add_address(self) -> None:
        if self._listen.address == str(layout.SPACES_ADDRESS):
            add_address(layout.SPACES_ADDRESS)
