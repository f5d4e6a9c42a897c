"""A client somewhere on the internet: a network namespace with an address of its own, routed through this machine."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox import layout

NAMESPACE = "asbx-test-internet"
_OUTSIDE, _INSIDE = "asbx-test-out", "asbx-test-in"
_ROUTER, _ADDRESS = layout.INTERNET_RANGE[1], layout.INTERNET_RANGE[2]

CONNECT = """
import socket, sys
try:
    connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[3]))
    connection.sendall(b"?\\r\\n\\r\\n")
    print("open", connection.recv(100).decode(errors="replace").strip())
except TimeoutError:
    print("silent")
except OSError as error:
    print("refused" if isinstance(error, ConnectionRefusedError) else error)
"""
"""Prints `open` and what the server says first, `refused`, or `silent` when nothing answers at all."""

SERVER = """
import socket, sys
server = socket.create_server(("0.0.0.0", int(sys.argv[1])), reuse_port=True)
while True:
    connection, (client, _) = server.accept()
    connection.sendall(client.encode())
    connection.close()
"""
"""Says to each client which address it comes from."""


@dataclass(frozen=True)
class Client:
    """Where a connection is tried from: this machine itself, or a namespace."""

    prefix: tuple[str, ...] = ()
    address: str = str(layout.GATEWAY)

    def connect(self, address: object, port: int, *, seconds: float = 2) -> str:
        command = [*self.prefix, sys.executable, "-I", "-S", "-c", CONNECT, str(address), str(port), str(seconds)]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()


HOST = Client()


@contextlib.contextmanager
def internet_client() -> Iterator[Client]:
    _remove()
    try:
        for command in (
            f"ip netns add {NAMESPACE}",
            f"ip link add {_OUTSIDE} type veth peer name {_INSIDE} netns {NAMESPACE}",
            f"ip address add {_ROUTER}/30 dev {_OUTSIDE}",
            f"ip link set {_OUTSIDE} up",
            f"ip -n {NAMESPACE} address add {_ADDRESS}/30 dev {_INSIDE}",
            f"ip -n {NAMESPACE} link set {_INSIDE} up",
            f"ip -n {NAMESPACE} route add default via {_ROUTER}",
        ):
            subprocess.run(command.split(), check=True, timeout=10)
        yield Client(("ip", "netns", "exec", NAMESPACE), str(_ADDRESS))
    finally:
        _remove()


@contextlib.contextmanager
def serving(client: Client, *ports: int) -> Iterator[None]:
    """Somebody listens there, on every address."""
    servers = [subprocess.Popen([*client.prefix, sys.executable, "-c", SERVER, str(port)]) for port in ports]
    try:
        while any(
            client.connect("127.0.0.1" if client is HOST else client.address, port) == "refused" for port in ports
        ):
            assert all(server.poll() is None for server in servers)
        yield
    finally:
        for server in servers:
            server.kill()
            server.wait()


def _remove() -> None:
    for command in (f"ip netns del {NAMESPACE}", f"ip link del {_OUTSIDE}"):
        subprocess.run(command.split(), capture_output=True, timeout=10, check=False)
