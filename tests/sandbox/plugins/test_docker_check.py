"""What is refused, found out and left out of account before a daemon is asked for anything."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto.provider_pb2 import CheckRequest, CheckResponse, DiffResponse

from sandbox.plugins.docker import plugin
from sandbox.plugins.docker.daemon import host_of, registry_of, split
from sandbox.plugins.docker.image import Image
from sandbox.plugins.provider import PluginProvider
from sandbox.plugins.values import UNKNOWN, plain_map, property_map

IMAGE: dict[str, Any] = {"imageName": "ghcr.io/auren-ai/api:1", "build": {"context": "app", "platform": "linux/amd64"}}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that a plugin runs in, with a context in `app`."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app/Dockerfile").write_text("FROM scratch\n")
    monkeypatch.chdir(tmp_path)


def check(**changes: Any) -> CheckResponse:
    urn = f"urn:pulumi:local::trial::auren:images:BuiltImages${Image.token}::x"
    request = CheckRequest(urn=urn, news=property_map(IMAGE | changes, {}), randomSeed=b"seed")
    return asyncio.run(PluginProvider(plugin()).check(request))


def build(**changes: Any) -> Any:
    """What becomes of `build`."""
    response = check(**changes)
    assert not response.failures
    return plain_map(response.inputs.fields)["build"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"imageName": "auren/api:1"}, "auren/api:1 is not fully qualified"),
        ({"build": {"context": "nowhere"}}, "could not open dockerfile at relative path nowhere/Dockerfile"),
        ({"build": {"context": "app", "dockerfile": "Dockerfile"}}, "could not open dockerfile"),
        ({"buildOnPreview": True}, "builds nothing in a preview"),
        ({"build": {"context": "app", "builderVersion": "BuilderBuildKit"}}, 'An argument named "builderVersion"'),
    ],
)
def test_what_cannot_be_built_is_refused(changes: dict[str, Any], reason: str) -> None:
    assert [reason in failure.reason for failure in check(**changes).failures] == [True]


def test_a_link_that_leads_nowhere_is_refused_unless_it_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "app/link").symlink_to("nowhere")
    (failure,) = check().failures
    assert "could not evaluate symlink at app/link" in failure.reason
    (tmp_path / "app/.dockerignore").write_text("link\n")
    assert not check().failures


def test_a_local_image_needs_no_registry_in_its_name() -> None:
    assert not check(imageName="api:1", skipPush=True).failures


def test_the_contexts_digest_and_this_machines_platform_are_inputs() -> None:
    plain, given = build(build={"context": "app"}), build()
    assert plain["platform"].startswith("linux/")
    assert given["platform"] == "linux/amd64"
    assert len(given["contextDigest"]) == 64
    assert build()["contextDigest"] == plain["contextDigest"] == given["contextDigest"]


@pytest.mark.parametrize("unknown", [UNKNOWN, {"context": UNKNOWN}, {"context": "app", "dockerfile": UNKNOWN}])
def test_a_context_that_is_not_known_yet_has_no_digest_yet(unknown: Any) -> None:
    response = check(build=unknown, imageName=UNKNOWN)
    assert not response.failures
    assert plain_map(response.inputs.fields)["build"] == unknown


@pytest.mark.parametrize(
    ("registry", "changes"),
    [
        ({"server": "ghcr.io", "username": "b", "password": "new"}, False),
        ({"server": "ghcr.io"}, False),
        ({"server": "docker.io", "username": "b", "password": "old"}, True),
        (None, True),
    ],
)
def test_who_pushes_makes_no_difference_and_where_to_does(registry: dict[str, str] | None, changes: bool) -> None:
    registries = {"server": "ghcr.io", "username": "b", "password": "old"}, registry
    old, new = (dict(property_map(IMAGE | {"registry": one}, {}).fields) for one in registries)
    found = PluginProvider(plugin()).difference(Image.token, old, old, new)
    assert found.changes == (DiffResponse.DIFF_SOME if changes else DiffResponse.DIFF_NONE)


@pytest.mark.parametrize(
    ("name", "parts", "host"),
    [
        ("ghcr.io/auren-ai/api:1.0", ("ghcr.io/auren-ai/api", "1.0"), "ghcr.io"),
        ("localhost:5000/api", ("localhost:5000/api", "latest"), "localhost:5000"),
        ("docker.io/library/redis:7", ("docker.io/library/redis", "7"), "docker.io"),
        ("library/redis", ("library/redis", "latest"), None),
        ("redis:7", ("redis", "7"), None),
    ],
)
def test_names_are_taken_apart_as_docker_does(name: str, parts: tuple[str, str], host: str | None) -> None:
    assert split(name) == parts
    assert registry_of(name) == host


def test_a_registry_is_known_by_its_host_however_it_is_written() -> None:
    assert host_of("https://index.docker.io/v1/") == host_of("docker.io") == "docker.io"
    assert host_of("http://127.0.0.1:5000/v2/") == "127.0.0.1:5000"
