"""Who may ask and how often: tokens, rate limits and faults on demand, of both clouds."""

import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
from cloudflare import Cloudflare, InternalServerError, PermissionDeniedError, RateLimitError

from sandbox.clouds.app import Limits
from sandbox.clouds.limits import RateLimit
from sandbox.clouds.tokens import tokens
from tests.sandbox.clouds.machines import FakeHypervisor
from tests.sandbox.clouds.running import Clouds


def test_tokens_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    made = tokens(tmp_path)
    assert made == tokens(tmp_path)
    assert made.digitalocean.startswith("dop_v1_")
    assert (len(made.digitalocean), len(made.cloudflare)) == (71, 40)
    assert stat.S_IMODE((tmp_path / "tokens.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic eDp5", "TOKEN", "Bearer  TOKEN"])
def test_digitalocean_wants_its_token(clouds: Clouds, header: str | None) -> None:
    header = header and header.replace("TOKEN", clouds.tokens.digitalocean)
    with clouds.raw() as http:
        del http.headers["Authorization"]
        answer = http.get("/v2/account", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.json()["message"] == "Unable to authenticate you"


@pytest.mark.parametrize(
    ("token", "method", "path", "status"),
    [
        ("digitalocean_read_only", "GET", "firewalls", 200),
        ("digitalocean_read_only", "POST", "firewalls", 403),
        ("digitalocean_read_only", "DELETE", "firewalls/none", 403),
        ("digitalocean_read_only", "POST", "tags", 403),
        ("digitalocean_firewalls", "GET", "droplets", 200),
        ("digitalocean_firewalls", "POST", "firewalls", 422),
        ("digitalocean_firewalls", "DELETE", "firewalls/none", 404),
        ("digitalocean_firewalls", "POST", "tags", 422),
        ("digitalocean_firewalls", "PUT", "firewalls/none", 403),
        ("digitalocean_firewalls", "POST", "firewalls/none/rules", 403),
        ("digitalocean_firewalls", "DELETE", "tags/none", 403),
        ("digitalocean_firewalls", "POST", "droplets", 403),
        ("digitalocean_firewalls", "DELETE", "droplets/1", 403),
        ("digitalocean", "POST", "droplets", 422),
    ],
)
def test_a_token_may_do_what_its_scopes_name(clouds: Clouds, token: str, method: str, path: str, status: int) -> None:
    with clouds.raw() as http:
        headers = {"Authorization": f"Bearer {getattr(clouds.tokens, token)}"}
        answer = http.request(method, f"/v2/{path}", headers=headers, json={} if method == "POST" else None)
    assert answer.status_code == status
    assert (answer.json().get("message") == "you do not have access for the attempted action") == (status == 403)


def test_a_client_is_told_its_own_address_without_a_token(clouds: Clouds) -> None:
    """Every host behind Cloudflare answers this. Droplets see this machine at its address in their own network."""
    with clouds.raw() as http:
        del http.headers["Authorization"]
        answer = http.get("/cdn-cgi/trace")
    assert answer.headers["content-type"].partition(";")[0] == "text/plain"
    told = dict(line.split("=", 1) for line in answer.text.splitlines())
    assert (told["ip"], told["h"], told["visit_scheme"]) == ("198.51.100.1", "127.0.0.1", "http")


@pytest.mark.parametrize(
    ("header", "path", "status", "code"),
    [
        (None, "zones", 400, 9106),
        ("Bearer short", "zones", 400, 6003),
        (f"Bearer {'x' * 40}", "zones", 403, 9109),
        (f"Bearer {'x' * 40}", "user/tokens/verify", 401, 1000),
    ],
)
def test_cloudflare_wants_its_token(clouds: Clouds, header: str | None, path: str, status: int, code: int) -> None:
    with clouds.raw() as http:
        del http.headers["Authorization"]
        answer = http.get(f"/client/v4/{path}", headers={"Authorization": header} if header else {})
        assert http.get("/client/v4/ips").status_code == 200  # public
    assert (answer.status_code, answer.json()["errors"][0]["code"], answer.json()["success"]) == (status, code, False)


def test_the_windows_slide() -> None:
    moment = 1000.0
    limit = RateLimit(2, 60, clock=lambda: moment)
    assert [limit.take("a").remaining for _ in range(2)] == [1, 0]
    moment = 1030.5
    refused = limit.take("a")
    assert (refused.retry_after, refused.reset_at) == (30, 1060)
    assert limit.take("b").retry_after is None
    moment = 1060.0
    assert limit.take("a").retry_after is None


def limited(tmp_path: Path, machines: FakeHypervisor, **limits: Any) -> Clouds:
    return Clouds(tmp_path, machines, Limits(**limits))


def test_digitalocean_counts_requests(tmp_path: Path, machines: FakeHypervisor) -> None:
    clouds = limited(tmp_path, machines, digitalocean_hour=3, digitalocean_minute=2)
    clouds.start()
    with clouds.raw() as http:
        first, second, third = (http.get("/v2/account") for _ in range(3))
    clouds.stop()
    assert (first.headers["ratelimit-limit"], first.headers["ratelimit-remaining"]) == ("3", "2")
    assert second.status_code == 200
    assert (third.status_code, third.json()["id"]) == (429, "too_many_requests")
    assert 0 < int(third.headers["retry-after"]) <= 60


def test_cloudflare_counts_requests(tmp_path: Path, machines: FakeHypervisor) -> None:
    clouds = limited(tmp_path, machines, cloudflare=1)
    clouds.start()
    client = clouds.cloudflare()
    client.zones.list()
    with pytest.raises(RateLimitError) as refused:
        client.zones.list()
    clouds.stop()
    assert int(refused.value.response.headers["retry-after"]) > 0


def test_faults_come_when_asked_for(clouds: Clouds, cf: Cloudflare) -> None:
    with clouds.raw() as http:
        http.post("/_sandbox/faults", json={"path": "^/v2/tags$", "method": "POST", "status": 503, "times": 2})
        http.post("/_sandbox/faults", json={"path": "/zones", "status": 429, "retry_after": 1, "skip": 1})
        answers = [http.post("/v2/tags", json={"name": "a"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [503, 503, 201]
        assert answers[0].json()["id"] == "server_error"
        cf.zones.list()
        with pytest.raises(RateLimitError):
            cf.zones.list()
        cf.zones.list()
        http.post("/_sandbox/faults", json={"path": ".", "status": 500, "times": 9})
        with pytest.raises(InternalServerError):
            cf.zones.list()
        assert http.get("/_sandbox/faults").json()[0]["times"] == 8
        http.delete("/_sandbox/faults")
        cf.zones.list()
        assert http.post("/_sandbox/faults", json={"path": "(", "status": 500}).status_code == 422


def test_answers_get_lost_of_what_was_carried_out(clouds: Clouds, cf: Cloudflare) -> None:
    with clouds.raw() as http:
        http.post("/_sandbox/faults", json={"path": "^/v2/tags$", "kind": "lost", "status": 504, "seconds": 0.2})
        lost = http.post("/v2/tags", json={"name": "lost"})
        assert (lost.status_code, lost.headers["content-type"]) == (504, "text/html")
        assert lost.elapsed.total_seconds() >= 0.2
        http.post("/_sandbox/faults", json={"path": "^/v2/tags$", "kind": "cut"})
        with pytest.raises(httpx.RemoteProtocolError):
            http.post("/v2/tags", json={"name": "cut"})
        assert {tag["name"] for tag in http.get("/v2/tags").json()["tags"]} == {"lost", "cut"}
        http.post("/_sandbox/faults", json={"path": "/zones", "kind": "lost"})
        with pytest.raises(InternalServerError):
            cf.zones.list()
        cf.zones.list()


def test_a_client_that_retries_gets_through(clouds: Clouds) -> None:
    with clouds.raw() as http:
        http.post("/_sandbox/faults", json={"path": "/zones", "status": 429, "retry_after": 0, "times": 2})
    patient = Cloudflare(api_token=clouds.tokens.cloudflare, base_url=f"{clouds.url}/client/v4", max_retries=3)
    assert [zone.name for zone in patient.zones.list()] == ["aupex.ai"]
    with pytest.raises(PermissionDeniedError):
        patient.zones.get(zone_id="0" * 32)
