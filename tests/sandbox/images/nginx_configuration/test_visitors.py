"""Who asks: how much, from where, and from whose pages."""

import json

import pytest

from tests.sandbox.images.containers import says
from tests.sandbox.images.nginx_configuration.web import CLOUDFLARE, Serve

pytestmark = pytest.mark.machine


def test_a_client_that_asks_too_much_is_told_to_wait_and_no_other_is(serve: Serve) -> None:
    web = serve(apiRequestsPerSecond="1", apiRequestBurst="3", proxied="true")
    assert [web.ask("/api/silent").status for _ in range(4)] == [200] * 4
    paths = [f"http://127.0.0.1/api/silent?{number}" for number in range(20)]
    statuses = says(web.nginx, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}\n", *_each_to_null(paths))[
        1
    ].split()
    assert statuses.count("429") >= 15
    refused = next(answer for _ in range(50) if (answer := web.ask("/api/silent")).status == 429)
    assert (refused["content-type"], refused["retry-after"]) == ("application/json", "1")
    assert json.loads(refused.body) == {"detail": "too many requests; wait a moment"}
    assert web.ask("/api/silent", "--interface", "127.0.0.2").status == 200, "another client"
    assert web.ask("/").status == 200, "the website has no such limit"

    web.take_address(CLOUDFLARE)
    edge = ("--interface", CLOUDFLARE, "-H")
    same = [web.ask("/api/silent", *edge, f"CF-Connecting-IP: 2a02:db8:1:2::{host}").status for host in range(1, 20)]
    assert 429 in same, "a household's network is one client"
    assert web.ask("/api/silent", *edge, "CF-Connecting-IP: 2a02:db8:1:3::1").status == 200
    assert "limiting" not in web.nginx.logs().decode(), "a flood must not fill the error log"


def _each_to_null(urls: list[str]) -> list[str]:
    return [word for url in urls for word in ("-o", "/dev/null", url)]


def test_who_the_visitor_is_is_believed_of_cloudflare_alone(serve: Serve) -> None:
    web = serve(proxied="true")
    claims = ("CF-Connecting-IP: 198.51.100.77", "X-Forwarded-For: 198.51.100.78", "X-Real-IP: 198.51.100.79")
    claim = [word for header in claims for word in ("-H", header)]
    who = json.loads(web.ask("/api/who", *claim).body)
    assert (who["for"], who["real"], who["named"]) == ("127.0.0.1", "127.0.0.1", "")
    web.take_address(CLOUDFLARE)
    who = json.loads(web.ask("/api/who", *claim, "--interface", CLOUDFLARE, "-H", "X-Forwarded-Proto: https").body)
    assert (who["for"], who["real"], who["proto"]) == ("198.51.100.77", "198.51.100.77", "https")
    assert who["host"] == "127.0.0.1"
    assert {line["client"] for line in web.log()} == {"127.0.0.1", "198.51.100.77"}


def test_without_cloudflare_nobody_is_believed(serve: Serve) -> None:
    web = serve(proxied="false")
    web.take_address(CLOUDFLARE)
    claim = ("-H", "CF-Connecting-IP: 198.51.100.77", "-H", "X-Forwarded-Proto: https")
    answer = web.ask("/api/who", *claim, "--interface", CLOUDFLARE)
    who = json.loads(answer.body)
    assert (who["for"], who["proto"], who["named"]) == (CLOUDFLARE, "http", "")
    assert answer["strict-transport-security"] == ""


def test_other_websites_may_use_the_api_only_when_they_are_named(serve: Serve) -> None:
    web = serve(corsOrigins='["https://app.aupex.ai", "http://localhost:3000"]')
    asking = (
        "-X",
        "OPTIONS",
        "-H",
        "Access-Control-Request-Method: PUT",
        "-H",
        "Access-Control-Request-Headers: x-key",
    )
    ours, theirs = ("-H", "Origin: https://app.aupex.ai"), ("-H", "Origin: https://app.aupex.ai.evil.example")
    allowed = web.ask("/api/who", *asking, *ours)
    assert (allowed.status, allowed["access-control-allow-origin"]) == (204, "https://app.aupex.ai")
    assert "PUT" in allowed["access-control-allow-methods"]
    assert (allowed["access-control-allow-headers"], allowed["access-control-max-age"]) == ("x-key", "3600")
    for answer in (allowed, web.ask("/api/a%20path", *ours), web.ask("/api/fault", *ours)):
        assert answer["access-control-allow-origin"] == "https://app.aupex.ai"
        assert answer["access-control-allow-credentials"] == "true"
        assert answer["vary"] == "Origin"
    for answer in (web.ask("/api/open", *theirs), web.ask("/api/who", *asking, *theirs), web.ask("/", *ours)):
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert web.ask("/api/open")["vary"] == "Origin", "or a cache gives the answer without a name to all"


def test_without_names_not_even_the_api_lets_other_websites_in(serve: Serve) -> None:
    answer = serve().ask("/api/open", "-H", "Origin: https://app.aupex.ai")
    assert not [name for name in answer.headers if name.startswith("access-control")]
