"""Runs on the droplet: who reaches whom by TCP, tried from inside each container's network, all at once.

Its argument is JSON: `{"sources": {NAME: PROCESS}, "targets": [[ADDRESS, PORT], …]}`. What it prints is JSON as well:
`{NAME: {"ADDRESS PORT": ANSWER}}`, where an answer is `open`, `refused`, `silent`, or the error's name. Nothing is
needed inside the containers, since only their network namespace is entered.
"""

import ctypes
import errno
import json
import selectors
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

SECONDS = 2.0
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def answer(error: int) -> str:
    if error == errno.ECONNREFUSED:
        return "refused"
    return errno.errorcode.get(error, str(error)) if error else "open"


def begin(address: str, port: int) -> tuple[socket.socket, int]:
    """A connection under way. An IPv6 link-local address is meant on the container's first interface."""
    version6 = ":" in address
    connection = socket.socket(socket.AF_INET6 if version6 else socket.AF_INET)
    connection.setblocking(False)
    try:
        target = (address, port, 0, socket.if_nametoindex("eth0")) if version6 else (address, port)
        return connection, connection.connect_ex(target)
    except OSError as error:
        return connection, error.errno or errno.EIO


def probe(process: int, targets: list[tuple[str, int]]) -> dict[str, str]:
    """A thread's network namespace is its own."""
    with open(f"/proc/{process}/ns/net", "rb") as namespace:  # noqa: PTH123 - its descriptor is wanted, no path
        if LIBC.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"the network namespace of process {process} cannot be entered")
    answers: dict[str, str] = {}
    with selectors.DefaultSelector() as under_way:
        for address, port in targets:
            connection, error = begin(address, port)
            if error == errno.EINPROGRESS:
                under_way.register(connection, selectors.EVENT_WRITE, f"{address} {port}")
            else:
                answers[f"{address} {port}"] = answer(error)
                connection.close()
        deadline = time.monotonic() + SECONDS
        while under_way.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in under_way.select(left):
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                answers[key.data] = answer(connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                under_way.unregister(connection)
                connection.close()
        for key in list(under_way.get_map().values()):
            answers[key.data] = "silent"
    return answers


def main() -> None:
    wanted = json.loads(sys.argv[1])
    targets = [(address, port) for address, port in wanted["targets"]]
    sources = wanted["sources"]
    with ThreadPoolExecutor(len(sources)) as threads:
        found = threads.map(lambda process: probe(process, targets), sources.values())
        print(json.dumps(dict(zip(sources, found, strict=True))))


main()
