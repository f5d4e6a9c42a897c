"""A proxy on loopback that leads to Spaces, for programs of this machine: `HTTPS_PROXY=http://127.0.0.1:8609`.

This machine has no name server for the names of Spaces, and a program that asks a proxy needs none. It passes on TLS
as it is. It leads nowhere else: a program that has other hosts to ask must not use it for them.
"""

import select
import socket
import socketserver
import threading

from sandbox.clouds.spaces.regions import endpoint_of

_CONNECT_SECONDS = 10


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    target: tuple[str, int]


class SpacesProxy:
    def __init__(self, port: int, target: tuple[str, int]) -> None:
        self._server = _Server(("127.0.0.1", port), _Tunnel)
        self._server.target = target

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="Spaces proxy").start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Tunnel(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        words = self.rfile.readline().decode("latin-1").split()
        while self.rfile.readline().strip():
            pass  # headers for the proxy
        server = self.server
        assert isinstance(server, _Server)
        if len(words) < 2 or words[0] != "CONNECT" or endpoint_of(words[1]) is None:
            self.wfile.write(b"HTTP/1.1 403 This proxy leads to DigitalOcean Spaces only\r\n\r\n")
            return
        try:
            inside = socket.create_connection(server.target, timeout=_CONNECT_SECONDS)
        except OSError:
            self.wfile.write(b"HTTP/1.1 502 Spaces does not answer\r\n\r\n")
            return
        with inside:
            inside.settimeout(None)
            for end in (inside, self.connection):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            _join(self.connection, inside)


def _join(one: socket.socket, other: socket.socket) -> None:
    across = {one: other, other: one}
    while True:
        for end in select.select(list(across), [], [])[0]:
            if not (data := end.recv(1 << 16)):
                return
            across[end].sendall(data)
