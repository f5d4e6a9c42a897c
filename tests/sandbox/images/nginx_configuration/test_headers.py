"""How much a request and an answer may say in their headers, and what is said about more."""

import itertools
import json

import pytest

from tests.sandbox.images.nginx_configuration import upstream
from tests.sandbox.images.nginx_configuration.web import Serve

pytestmark = pytest.mark.machine

KB = 1024
TOO_LARGE = "the headers are larger than 128 KB, or one of them than 32 KB; delete this website's cookies"


def test_an_answer_with_large_headers_is_passed_on(serve: Serve, streaming: str) -> None:
    web = serve(streaming=streaming)
    for size in (3_900, 16_000, 32_000, 64_000):
        answer = web.ask(f"/api/headers?size={size}")
        assert (answer.status, answer.body) == (200, "sent"), size
        assert sum(len(f"set-cookie: {cookie}\r\n") for cookie in answer.headers["set-cookie"]) == size


def test_headers_of_an_answer_that_are_too_large_are_told_as_such(serve: Serve, streaming: str) -> None:
    """It is no answer of an API that is away, so nobody is told to try again."""
    web = serve(streaming=streaming)
    answer = web.ask(f"/api/headers?size={65 * KB}")
    assert (answer.status, answer["content-type"], answer["retry-after"]) == (500, "application/json", "")
    assert "its headers are larger than 64 KB" in json.loads(answer.body)["detail"]
    assert web.ask("/api/headers?size=10").status == 200


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 OK\r\nContent-", b"HTTP/1.1 200 OK\r\na\0: b\r\n\r\n"], ids=repr)
def test_what_is_no_http_is_told_as_such(serve: Serve, gateway: str, said: bytes) -> None:
    with upstream.saying(gateway, said) as address:
        answer = serve(streaming=address).ask("/api/anything")
    assert (answer.status, answer["content-type"]) == (500, "application/json")
    assert "or it is no HTTP" in json.loads(answer.body)["detail"]


def test_who_says_nothing_is_away(serve: Serve, gateway: str) -> None:
    with upstream.saying(gateway, b"") as address:
        answer = serve(streaming=address).ask("/api/anything.txt")
    assert (answer.status, answer["content-type"], answer["retry-after"]) == (503, "application/json", "5")
    assert json.loads(answer.body) == {"detail": "the API does not answer; try again"}


def test_a_request_with_large_headers_is_passed_on(serve: Serve, streaming: str) -> None:
    web = serve(streaming=streaming)
    url = json.loads(web.ask(f"/api/received?{'q' * 16 * KB}").body)
    assert url["query"] == 16 * KB, "Cloudflare's longest URL"
    token = json.loads(web.ask("/api/received", "-H", f"Authorization: Bearer {'t' * 30_000}").body)
    assert token["authorization"] == len("Bearer ") + 30_000
    cookies = json.loads(web.ask("/api/received", "-H", f"Cookie: {'c' * 32_000}").body)
    assert cookies["cookie"] == 32_000
    many = [word for number in range(4) for word in ("-H", f"X-{number}: {'x' * 15_000}")]
    together = json.loads(web.ask("/api/received", "-H", f"Cookie: {'c' * 30_000}", *many).body)
    assert sum(together.values()) > 90_000


def test_headers_of_a_request_that_are_too_large_are_told_as_such(serve: Serve, streaming: str) -> None:
    web = serve(streaming=streaming)
    places = itertools.product(("/", "/api/received", "/.well-known/security.txt"), ("aupex.ai", "elsewhere.example"))
    each = [f"X-{number}: {'x' * 30_000}" for number in range(5)]
    for path, host in places:
        for headers in ([f"Cookie: {'c' * 33 * KB}"], [f"Authorization: Bearer {'t' * 33 * KB}"], each):
            answer = web.ask(path, *(word for header in headers for word in ("-H", header)), host=host)
            assert (answer.status, answer["content-type"]) == (431, "application/json"), (path, host)
            assert json.loads(answer.body) == {"detail": TOO_LARGE}
    assert {line["status"] for line in web.log() if line["path"] == "/api/received"} == {431}


def test_a_url_that_is_too_long_is_told_as_such(serve: Serve, streaming: str) -> None:
    web = serve(streaming=streaming)
    for path in ("/?", "/api/received?"):
        assert web.ask(path + "q" * 33 * KB).status == 414
    assert web.ask("/healthz").status == 200
