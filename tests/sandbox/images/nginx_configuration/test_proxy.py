"""What nginx makes of the API's answers: kept, refused, or told that the API is away."""

import json
import time
from pathlib import Path

import pytest

from tests.sandbox.images.containers import says
from tests.sandbox.images.nginx_configuration.web import Serve

pytestmark = pytest.mark.machine


def test_the_api_decides_what_is_kept_and_what_is_personal_never_is(serve: Serve) -> None:
    web = serve()
    first, second = web.ask("/api/long"), web.ask("/api/long")
    assert (first["x-cache-status"], second["x-cache-status"]) == ("MISS", "HIT")
    assert first.body == second.body
    assert web.ask("/api/long?page=2").body != first.body
    assert web.ask("/api/long", host="aupex.ai").body != first.body, "an answer may name the host that was asked"
    for header in ("Authorization: Bearer token", "Cookie: session=1"):
        mine = web.ask("/api/long", "-H", header)
        assert mine.body != first.body, header
        assert mine["x-cache-status"] == "", header
        assert web.ask("/api/long").body == first.body, "and it took no other's place"
    for path in ("/api/personal", "/api/cookie", "/api/silent"):
        assert web.ask(path).body != web.ask(path).body, path
    assert web.ask("/api/long", "-X", "POST").body != first.body


def test_an_api_that_is_away_is_told_as_such_and_what_was_kept_still_served(serve: Serve) -> None:
    web = serve()
    kept = web.ask("/api/kept")
    assert web.ask("/api/fault").body == '{"detail":"Redis does not answer"}'
    assert web.ask("/api/fault")["retry-after"] == "7", "its own word, once"
    web.api.kill()
    time.sleep(2)
    stale = web.ask("/api/kept")
    assert (stale.status, stale["x-cache-status"], stale.body) == (200, "STALE", kept.body)
    for options in ((), ("-X", "POST", "-d", "a=b")):
        away = web.ask("/api/silent", *options)
        assert (away.status, away["content-type"], away["retry-after"]) == (503, "application/json", "5")
        assert json.loads(away.body) == {"detail": "the API does not answer; try again"}
    assert web.ask("/").status == 200
    assert web.ask("/healthz").status == 200, "nginx is well; restarting it would help nobody"


def test_connections_to_the_api_are_used_again(serve: Serve) -> None:
    web = serve(proxied="false")
    paths = [f"http://127.0.0.1/api/connection?{number}" for number in range(50)]
    code, text = says(web.nginx, "curl", "-s", "-H", "Host: localhost", "-w", "\n", *paths)
    assert code == 0
    connections = text.split()
    assert len(connections) == 50
    assert len(set(connections)) <= 4, "one for each worker, and one for a change"


def test_a_body_of_the_allowed_size_passes_and_a_larger_one_is_refused(serve: Serve, website: Path) -> None:
    """A body on the tmpfs would count against the container's memory, and fill it: sixteen of 9 MB do not."""
    web = serve()
    (body := website / "body").write_bytes(bytes(9_000_000))
    upload = "curl -s -m 60 -o /dev/null -w '%{http_code} ' -H Host:localhost --limit-rate 20M -T "
    upload += f"/usr/share/nginx/html/current/{body.name} http://127.0.0.1/api/upload &"
    code, text = says(web.nginx, "sh", "-c", f"{upload * 16} wait")
    assert (code, set(text.split()), len(text.split())) == (0, {"200"}, 16)
    body.write_bytes(bytes(11_000_000))
    refused = web.ask("/api/upload", "-H", "Expect:", "-T", f"/usr/share/nginx/html/current/{body.name}")
    assert (refused.status, json.loads(refused.body)) == (413, {"detail": "the request is larger than 10 MB"})
