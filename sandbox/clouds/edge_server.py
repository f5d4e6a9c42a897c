"""The edge on its own address: a public one of this machine's, there as long as the edge is."""

import logging
import subprocess
import threading
from ipaddress import IPv4Address
from pathlib import Path

import httpx
import uvicorn

from sandbox.clouds.edge import Origins, create_edge
from sandbox.clouds.edge_certificates import EdgeCertificates
from sandbox.clouds.store import Store

log = logging.getLogger("sandbox.clouds")

PORTS = {"http": 80, "https": 443}
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
    """The edge in threads of its own. Without its address or ports the clouds work all the same, unproxied."""

    def __init__(self, store: Store, address: IPv4Address, certificates: Path) -> None:
        self._store = store
        self._address = address
        self._certificates = EdgeCertificates(certificates, store)
        self._running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(self) -> None:
        try:
            add_address(self._address)
        except OSError as error:
            log.error("proxied names are not served: %s", error)
            return
        for scheme, port in PORTS.items():
            # Each has connections to origins of its own, since they belong to its thread.
            app = create_edge(self._store, Origins(self._transport(verify=False), self._transport(verify=True)))
            config = uvicorn.Config(
                app, str(self._address), port, log_config=None, server_header=False, date_header=False
            )
            config.load()
            if scheme == "https":
                config.ssl = self._certificates.server_context()
            server = uvicorn.Server(config)
            thread = threading.Thread(target=self._serve, args=(server, port), name=f"edge {scheme}", daemon=True)
            thread.start()
            self._running.append((server, thread))

    def _transport(self, *, verify: bool) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(local_address=str(self._address), verify=verify)

    def _serve(self, server: uvicorn.Server, port: int) -> None:
        try:
            server.run()
        except SystemExit:
            log.error("proxied names are not served: %s:%s cannot be listened on", self._address, port)

    def stop(self) -> None:
        for server, _ in self._running:
            server.should_exit = True
        for _, thread in self._running:
            thread.join(STOP_SECONDS)
        remove_address(self._address)
