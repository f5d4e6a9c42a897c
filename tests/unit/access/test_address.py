"""The address that whoever deploys is seen at: by IPv4, since a machine has no other."""

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address

import pytest

from auren_infra.access import address
from auren_infra.apis.http import CloudError

Serve = Callable[..., str]


class BothProtocols(ThreadingHTTPServer):
    address_family = socket.AF_INET6

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A host that answers `/cdn-cgi/trace` with this text, where `{client}` is the asker's address; its base URL."""
    running: list[ThreadingHTTPServer] = []

    def start(
        text: str, status: int = 200, kind: type[ThreadingHTTPServer] = ThreadingHTTPServer, host: str = "127.0.0.1"
    ) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = text.replace("{client}", self.client_address[0].removeprefix("::ffff:")).encode()
                self.send_response(status if self.path == "/cdn-cgi/trace" else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Tests print nothing."""

        server = kind((host, 0), Handler)
        running.append(server)
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        return f"http://localhost:{server.server_port}/client/v4"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def test_it_is_what_the_host_of_cloudflares_api_tells(serve: Serve) -> None:
    url = serve("fl=1f1\nh=api.cloudflare.com\nip=198.51.100.7\nts=1.0\nuag=a=b\n")
    assert address.own({"CLOUDFLARE_BASE_URL": url}) == IPv4Address("198.51.100.7")


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")
def test_it_is_asked_over_ipv4_where_the_host_has_both(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    url = serve("ip={client}\n", kind=BothProtocols, host="::")
    port = int(url.partition("localhost:")[2].partition("/")[0])
    both = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: both)
    with socket.create_connection(("localhost", port)) as preferred:
        assert preferred.family == socket.AF_INET6, "the system would take IPv6"
    assert address.own({"CLOUDFLARE_BASE_URL": url}) == IPv4Address("127.0.0.1")


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("ip=2001:db8::7\n", 200, "answered with 200 and names no IPv4 address. Name it with --address."),
        ("<html>\n", 403, "answered with 403 and names no IPv4 address"),
        ("", 200, "names no IPv4 address"),
    ],
)
def test_an_answer_without_one_is_said(serve: Serve, text: str, status: int, said: str) -> None:
    with pytest.raises(CloudError, match=r"^Your public address is unknown: http://localhost:") as raised:
        address.own({"CLOUDFLARE_BASE_URL": serve(text, status)})
    assert said in str(raised.value)
