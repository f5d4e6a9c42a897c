"""The keys of Spaces by the API: what it answers, and what it refuses. Their rights are in test_spaces.py."""

import re
from typing import Any

import pytest
from pydo import Client

from sandbox.clouds.app import open_store
from tests.sandbox.clouds.running import Clouds

ALL = {"bucket": "", "permission": "fullaccess"}
READ = {"bucket": "auren-backups", "permission": "read"}
WRITE = {"bucket": "auren-others", "permission": "readwrite"}


@pytest.fixture
def clouds(clouds: Clouds) -> Clouds:
    """With two buckets, of which the API needs only the names."""
    clouds.stop()
    with open_store(clouds.directory / "clouds", "aupex.ai").change() as whole:
        whole.digitalocean.buckets = {"auren-backups": "fra1", "auren-others": "ams3"}
    clouds.start()
    return clouds


def made(do: Client, *grants: dict[str, str], name: str = "machine") -> dict[str, Any]:
    return do.spaces_key.create({"name": name, "grants": list(grants)})["key"]


def test_a_key_lives_and_its_secret_is_shown_once(do: Client) -> None:
    key = made(do, READ, WRITE)
    assert re.fullmatch(r"DO00[A-Z0-9]{16}", key["access_key"])
    assert len(key["secret_key"]) == 43
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", key["created_at"])
    shown = {name: value for name, value in key.items() if name != "secret_key"}
    assert shown == {**shown, "name": "machine", "grants": [READ, WRITE]}
    assert do.spaces_key.get(key["access_key"]) == {"key": shown}
    assert do.spaces_key.list()["keys"] == [shown]
    renamed = do.spaces_key.patch(key["access_key"], {"name": "other"})["key"]
    assert renamed == shown | {"name": "other"}
    changed = do.spaces_key.update(key["access_key"], {"name": "other", "grants": [READ]})["key"]
    assert changed == renamed | {"grants": [READ]}
    do.spaces_key.delete(key["access_key"])
    assert do.spaces_key.list()["keys"] == []


def test_full_access_counts_for_all(do: Client) -> None:
    assert made(do, READ, ALL)["grants"] == [ALL]
    assert made(do)["grants"] == []


def test_a_list_is_paged_sorted_and_filtered(do: Client) -> None:
    for name, grants in (("b", [READ]), ("a", [WRITE]), ("c", [READ, WRITE]), ("d", [ALL])):
        made(do, *grants, name=name)

    def listed(**query: Any) -> list[str]:
        return [key["name"] for key in do.spaces_key.list(**query)["keys"]]

    assert listed() == ["d", "c", "a", "b"]
    assert listed(sort="name", sort_direction="asc") == ["a", "b", "c", "d"]
    assert listed(name="a") == ["a"]
    assert listed(bucket="auren-backups") == ["c", "b"]
    assert listed(permission="readwrite") == ["c", "a"]
    assert listed(bucket="auren-backups", permission="fullaccess") == []
    page = do.spaces_key.list(per_page=3, page=2)
    assert ([key["name"] for key in page["keys"]], page["meta"]) == (["b"], {"total": 4})
    assert "page=1" in page["links"]["pages"]["prev"]


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"name": "", "grants": []}, 400, "name is required"),
    ({"grants": [READ]}, 400, "name is required"),
    ({"name": "k", "grants": [{"bucket": "auren-backups", "permission": "write"}]}, 400, "'write' is invalid"),
    ({"name": "k", "grants": [{"bucket": "auren-backups", "permission": "fullaccess"}]}, 400, "must be empty"),
    ({"name": "k", "grants": [{"bucket": "", "permission": "read"}]}, 400, "bucket '' not found"),
    ({"name": "k", "grants": [{"bucket": "of-somebody", "permission": "read"}]}, 400, "not found"),
    ({"name": "k", "grants": [{"bucket": "auren-backups"}]}, 422, "permission is required"),
    ({"name": "k", "colour": "red"}, 422, "colour is not a known field"),
]


def refused(clouds: Clouds, method: str, path: str = "", body: dict[str, Any] | None = None) -> tuple[int, str, str]:
    """Status, id and message: the client answers some refusals as it answers anything."""
    with clouds.raw() as http:
        answer = http.request(method, f"/v2/spaces/keys{path}", json=body)
    told = answer.json()
    return answer.status_code, told["id"], told["message"]


@pytest.mark.parametrize(("body", "status", "message"), REFUSED, ids=str)
def test_what_cannot_be_a_key_is_refused(
    do: Client, clouds: Clouds, body: dict[str, Any], status: int, message: str
) -> None:
    answered, _, told = refused(clouds, "POST", body=body)
    assert answered == status
    assert message in told
    assert do.spaces_key.list()["keys"] == []


@pytest.mark.parametrize(("before", "after"), [(ALL, READ), (READ, ALL)])
def test_a_key_stays_limited_or_not(do: Client, clouds: Clouds, before: dict[str, str], after: dict[str, str]) -> None:
    key = made(do, before)
    answer = refused(clouds, "PUT", f"/{key['access_key']}", {"name": "machine", "grants": [after]})
    assert answer == (400, "bad_request", "a fullaccess key cannot be converted to a scoped key or vice versa")
    assert do.spaces_key.get(key["access_key"])["key"]["grants"] == [before]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_a_key_that_is_not_there(clouds: Clouds, method: str) -> None:
    body = {"name": "n"} if method in ("PUT", "PATCH") else None
    assert refused(clouds, method, "/DO00AAAAAAAAAAAAAAAA", body)[:2] == (404, "not_found")


def test_one_key_too_many_is_refused(do: Client, clouds: Clouds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.clouds.digitalocean.spaces_keys.KEY_LIMIT", 1)
    made(do, READ)
    answer = refused(clouds, "POST", body={"name": "k", "grants": [READ]})
    assert answer == (412, "precondition_failed", "you have reached the limit of 1 access keys")


def test_a_token_that_reads_only_makes_no_key(clouds: Clouds) -> None:
    with clouds.raw() as http:
        http.headers["Authorization"] = f"Bearer {clouds.tokens.digitalocean_read_only}"
        assert http.get("/v2/spaces/keys").status_code == 200
        assert http.post("/v2/spaces/keys", json={"name": "k", "grants": []}).status_code == 403


def test_keys_outlive_the_cloud_and_a_projects_resources_can_be_buckets(do: Client, clouds: Clouds) -> None:
    key = made(do, READ)
    clouds.restart()
    again = clouds.digitalocean()
    assert again.spaces_key.get(key["access_key"])["key"]["grants"] == [READ]
    project = again.projects.list()["projects"][0]
    resources = {"resources": ["do:space:auren-backups"]}
    assigned = again.projects.assign_resources(project["id"], resources)["resources"]
    assert [each["urn"] for each in assigned] == resources["resources"]
