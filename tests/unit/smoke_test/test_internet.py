"""The real network: what each kind of server, and of name server, is taken for."""

import errno
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import dns.resolver
import pytest

from auren_infra.smoke_test import internet
from auren_infra.smoke_test.answers import Addresses, Answer, NoSuchName, Silence, Unresolved
from auren_infra.smoke_test.internet import Internet
from tests.unit.smoke_test import servers
from tests.unit.smoke_test.servers import LOOPBACK, PAGE, Behaviour, Zone

HERE = Internet("")


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(internet, "READ_SECONDS", 0.3)
    monkeypatch.setattr(internet, "DNS_SECONDS", 0.3)


def test_a_page_is_asked_for_by_its_name_at_the_address() -> None:
    with servers.serving(servers.answer(PAGE)) as server:
        answer = HERE.get(f"http://aupex.ai:{server.port}/api/health", LOOPBACK)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.headers["x-own"], answer.text) == (200, "yes", "AUREN")
    request, *headers = server.requests[0].splitlines()
    assert re.fullmatch(r"GET /api/health\?smoke-test=[0-9a-f]{8} HTTP/1\.1", request)
    assert f"Host: aupex.ai:{server.port}" in headers


def test_no_two_questions_are_the_same_so_that_no_cache_answers() -> None:
    with servers.serving(servers.answer(PAGE)) as server:
        for _ in range(2):
            HERE.get(f"http://aupex.ai:{server.port}/", LOOPBACK)
    first, second = (request.splitlines()[0] for request in server.requests)
    assert first != second


@pytest.mark.parametrize(
    ("path", "target"),
    [("/?lang=en", "/?lang=en&smoke-test="), ("/a b", "/a%20b?smoke-test="), ("/ä", "/%C3%A4?smoke-test=")],
)
def test_any_path_that_a_redirect_leads_to_can_be_asked_for(path: str, target: str) -> None:
    with servers.serving(servers.answer(PAGE)) as server:
        assert isinstance(HERE.get(f"http://aupex.ai:{server.port}{path}", LOOPBACK), Answer)
    assert server.requests[0].startswith(f"GET {target}")


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{LOOPBACK}:{servers.closed_port()}")
    with servers.serving(servers.answer(PAGE)) as server:
        assert isinstance(HERE.get(f"http://aupex.ai:{server.port}/", LOOPBACK), Answer)


@pytest.mark.parametrize(
    "behaviour", [servers.hang_up, servers.answer(b"SSH-2.0-OpenSSH_9.6\r\n"), servers.answer(b"")]
)
def test_a_server_that_sends_no_http(behaviour: Behaviour) -> None:
    with servers.serving(behaviour) as server:
        assert HERE.get(f"http://aupex.ai:{server.port}/", LOOPBACK) is Silence.CUT


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_says_nothing(scheme: str, impatient: None) -> None:
    with servers.serving(servers.say_nothing) as server:
        assert HERE.get(f"{scheme}://aupex.ai:{server.port}/", LOOPBACK) is Silence.SLOW


def test_a_server_that_sends_a_byte_now_and_then_has_no_more_time_than_others(impatient: None) -> None:
    with servers.serving(servers.trickle) as server:
        assert HERE.get(f"http://aupex.ai:{server.port}/", LOOPBACK) is Silence.SLOW


def test_a_long_page_is_not_read_to_its_end() -> None:
    with servers.serving(servers.answer(PAGE.replace(b" 5", b" 99999999") + b"A" * 100_000)) as server:
        answer = HERE.get(f"http://aupex.ai:{server.port}/", LOOPBACK)
    assert isinstance(answer, Answer)
    assert len(answer.text) <= internet.LONGEST_TEXT


def test_a_port_that_nobody_listens_on() -> None:
    port = servers.closed_port()
    assert HERE.get(f"http://aupex.ai:{port}/", LOOPBACK) is Silence.REFUSED
    assert not HERE.connects(LOOPBACK, port)
    with servers.serving(servers.hang_up) as server:
        assert HERE.connects(LOOPBACK, server.port)


@pytest.mark.parametrize(
    ("error", "silence"),
    [
        (TimeoutError("timed out"), Silence.UNREACHABLE),
        (OSError(errno.EHOSTUNREACH, "No route to host"), Silence.UNREACHABLE),
        (OSError(errno.ETIMEDOUT, "Connection timed out"), Silence.UNREACHABLE),
        (ConnectionResetError(errno.ECONNRESET, "reset"), Silence.UNREACHABLE),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), Silence.NO_NETWORK),
        (PermissionError(errno.EPERM, "Operation not permitted"), Silence.NO_NETWORK),
    ],
)
def test_no_connection_at_all(monkeypatch: pytest.MonkeyPatch, error: OSError, silence: Silence) -> None:
    def fail(*_: object) -> socket.socket:
        raise error

    monkeypatch.setattr(socket, "create_connection", fail)
    assert HERE.get("http://aupex.ai/", LOOPBACK) is silence
    assert not HERE.connects(LOOPBACK, 22)


def test_https_is_answered_with_a_certificate_for_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = servers.certificate(tmp_path, "aupex.ai")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with servers.serving(servers.answer(PAGE), servers.tls_with(file)) as server:
        assert isinstance(HERE.get(f"https://aupex.ai:{server.port}/", LOOPBACK), Answer)
        assert HERE.get(f"https://www.aupex.ai:{server.port}/", LOOPBACK) is Silence.CERTIFICATE


def test_a_certificate_of_nobodys_is_refused(tmp_path: Path) -> None:
    tls = servers.tls_with(servers.certificate(tmp_path, "aupex.ai"))
    with servers.serving(servers.answer(PAGE), tls) as server:
        assert HERE.get(f"https://aupex.ai:{server.port}/", LOOPBACK) is Silence.CERTIFICATE


@pytest.mark.parametrize(
    "behaviour",
    [servers.answer(b"HTTP/1.1 400 Bad Request\r\n\r\n"), servers.answer(servers.HANDSHAKE_FAILURE)],
)
def test_a_server_without_tls(behaviour: Behaviour) -> None:
    with servers.serving(behaviour) as server:
        assert HERE.get(f"https://aupex.ai:{server.port}/", LOOPBACK) is Silence.TLS


def looked_up(zone: Zone) -> Addresses | NoSuchName | Unresolved:
    with servers.name_server(zone) as server:
        return Internet(server).look_up("aupex.ai")


OK, GONE = dns.rcode.NOERROR, dns.rcode.NXDOMAIN
IPV4 = (OK, [("A", "198.51.100.10")])


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ({"A": IPV4}, Addresses(("198.51.100.10",), (), 300)),
        (
            {"A": IPV4, "AAAA": (OK, [("AAAA", "2001:db8::1")])},
            Addresses(("198.51.100.10",), ("2001:db8::1",), 300),
        ),
        ({"AAAA": (OK, [("AAAA", "2001:db8::1")])}, Addresses((), ("2001:db8::1",), 1800)),
        ({}, NoSuchName(1800)),
        ({"A": (GONE, []), "AAAA": (GONE, [])}, NoSuchName(1800)),
        ({"A": (dns.rcode.SERVFAIL, [])}, Unresolved.FAILED),
        ({"A": (dns.rcode.REFUSED, [])}, Unresolved.REFUSED),
        (
            {"A": IPV4, "AAAA": (dns.rcode.SERVFAIL, [])},
            Addresses(("198.51.100.10",), (), 300),
        ),
    ],
)
def test_what_a_name_server_answers(
    records: dict[str, tuple[dns.rcode.Rcode, list[tuple[str, str]]]], found: Addresses | NoSuchName | Unresolved
) -> None:
    assert looked_up(lambda _, kind: records.get(kind, (OK, []))) == found


def test_an_alias_is_followed_to_its_addresses() -> None:
    def zone(name: str, kind: str) -> tuple[dns.rcode.Rcode, list[tuple[str, str]]]:
        return OK, [("CNAME", "target.example.")] if kind == "A" else []

    assert isinstance(looked_up(zone), NoSuchName), "an alias alone is no address"


def test_a_question_that_got_lost_is_asked_again() -> None:
    asked: list[str] = []

    def zone(name: str, kind: str) -> tuple[dns.rcode.Rcode, list[tuple[str, str]]] | None:
        asked.append(kind)
        return None if len(asked) == 1 else (OK, [("A", "198.51.100.10")] if kind == "A" else [])

    assert isinstance(looked_up(zone), Addresses)
    assert asked[:2] == ["A", "A"]


def test_no_name_server_answers(impatient: None) -> None:
    assert looked_up(lambda *_: None) is Unresolved.SILENT


def test_a_machine_without_a_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> dns.resolver.Resolver:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver, "Resolver", none)
    assert HERE.look_up("aupex.ai") is Unresolved.SILENT
