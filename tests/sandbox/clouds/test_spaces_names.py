"""How the names of Spaces are found: the droplets' name server, and the proxy for programs of this machine."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import dns.message
import dns.query
import dns.rcode
import pytest
from dnslib import RR, DNSRecord

from sandbox.clouds.spaces import names
from sandbox.clouds.spaces.names import SpacesNames
from sandbox.clouds.spaces.proxy import SpacesProxy
from sandbox.clouds.spaces.regions import Endpoint, endpoint_of


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("fra1.digitaloceanspaces.com", Endpoint("fra1")),
        ("FRA1.DigitalOceanSpaces.com.:443", Endpoint("fra1")),
        ("auren-backups.ams3.digitaloceanspaces.com", Endpoint("ams3", "auren-backups")),
        ("with.dots.ams3.digitaloceanspaces.com:443", Endpoint("ams3", "with.dots")),
        ("digitaloceanspaces.com", None),
        ("moon1.digitaloceanspaces.com", None),
        ("fra1.digitaloceanspaces.com.example.org", None),
        ("fra1.evil-digitaloceanspaces.com", None),
        ("127.0.0.1", None),
    ],
)
def test_a_host_name_is_an_endpoint_or_not(host: str, found: Endpoint | None) -> None:
    assert endpoint_of(host) == found


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    servers: list[str] = []
    monkeypatch.setattr(names, "_name_servers", lambda: servers)
    return servers


@pytest.fixture
def server(upstream: list[str]) -> Iterator[SpacesNames]:
    made = SpacesNames("127.0.0.1", 0)
    made.start()
    yield made
    made.stop()


def ask(server: SpacesNames, name: str, kind: str = "A") -> dns.message.Message:
    return dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", port=server.port, timeout=5)


def test_every_endpoint_and_every_bucket_has_the_same_address(server: SpacesNames) -> None:
    for name in ("fra1.digitaloceanspaces.com", "Any-Bucket.nyc3.digitaloceanspaces.com"):
        (answer,) = ask(server, name).answer
        assert [rdata.to_text() for rdata in answer] == ["127.0.0.1"]
        empty = ask(server, name, "AAAA")
        assert (empty.rcode(), empty.answer) == (dns.rcode.NOERROR, [])


def test_a_region_without_spaces_does_not_exist(server: SpacesNames) -> None:
    assert ask(server, "moon1.digitaloceanspaces.com").rcode() == dns.rcode.NXDOMAIN


def test_other_names_are_another_servers(
    server: SpacesNames, upstream: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(server, "example.com").rcode() == dns.rcode.SERVFAIL

    def answered(request: DNSRecord, address: str, port: int, **_: Any) -> bytes:
        if address != "192.0.2.53":
            raise OSError("no route")
        reply = request.reply()
        reply.add_answer(*RR.fromZone("example.com. 60 IN A 192.0.2.80"))
        return bytes(reply.pack())

    monkeypatch.setattr(DNSRecord, "send", answered)
    upstream += ["192.0.2.1", "192.0.2.53"]
    (answer,) = ask(server, "example.com").answer
    assert [rdata.to_text() for rdata in answer] == ["192.0.2.80"]


def connect(port: int, target: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        return client.recv(100)


def test_the_proxy_leads_to_spaces_and_nowhere_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as spaces:
        proxy = SpacesProxy(0, spaces.getsockname())
        proxy.start()
        try:
            with contextlib.closing(socket.create_connection(("127.0.0.1", proxy.port), timeout=5)) as client:
                client.sendall(b"CONNECT b.fra1.digitaloceanspaces.com:443 HTTP/1.1\r\n\r\n")
                inside, _ = spaces.accept()
                with inside:
                    assert client.recv(100) == b"HTTP/1.1 200 Connected\r\n\r\n"
                    client.sendall(b"hello")
                    assert inside.recv(5) == b"hello"
                    inside.sendall(b"you")
                    assert client.recv(3) == b"you"
            for target in ("example.com:443", "moon1.digitaloceanspaces.com:443"):
                assert connect(proxy.port, target).startswith(b"HTTP/1.1 403 ")
        finally:
            proxy.stop()
