"""The edge on its own address: a public one of this machine's, there as long as the edge is."""

import logging
import subprocess
import threading
from ipaddress import IPv4Address

import httpx
import uvicorn

from sandbox.clouds.edge import create_edge
from sandbox.clouds.store import Store

log = logging.getLogger("sandbox.clouds")

PORT = 80
STOP_SECONDS = 10


def add_address(address: IPv4Address) -> None:
    _ip("replace", address)


def remove_address(address: IPv4Address) -> None:
    """Also of an edge that was killed; no fault when it is not there."""
    _ip("del", address)


def _ip(verb: str, address: IPv4Address) -> None:
    command = ["ip", "address", verb, f"{address}/32", "dev", "lo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    if done.returncode and verb != "del":
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


class EdgeServer:
    """The edge in a thread of its own. Without its address or port the clouds work all the same, unproxied."""

    def __init__(self, store: Store, address: IPv4Address) -> None:
        self._address = address
        app = create_edge(store, httpx.AsyncHTTPTransport(local_address=str(address)))
        self._server = uvicorn.Server(uvicorn.Config(app, host=str(address), port=PORT, log_config=None))
        self._thread = threading.Thread(target=self._serve, name="edge", daemon=True)

    def start(self) -> None:
        try:
            add_address(self._address)
        except OSError as error:
            log.error("proxied names are not served: %s", error)
            return
        self._thread.start()

    def _serve(self) -> None:
        try:
            self._server.run()
        except SystemExit:
            log.error("proxied names are not served: %s:%s cannot be listened on", self._address, PORT)

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.should_exit = True
            self._thread.join(STOP_SECONDS)
        remove_address(self._address)
