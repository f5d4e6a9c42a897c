"""What lies in the state is what the official plugin would have put there: it would find no change in it.

The official plugins' sources say what that is: pulumi-go-provider's defaults for pulumi-command, the `__inputs` of
pulumi-docker, and the schema versions that the Terraform bridge reads in `__meta`.
"""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto.provider_pb2 import CheckRequest

from sandbox.plugins import cloudflare, command, digitalocean, docker, random, tls
from sandbox.plugins.command.remote import RemoteCommand
from sandbox.plugins.docker.context import Context
from sandbox.plugins.docker.image import Image
from sandbox.plugins.provider import PluginProvider
from sandbox.plugins.resource import Operation, Plugin, Severity, State
from sandbox.plugins.values import UNKNOWN, contains_secret, plain_map, property_map

FILLED = {"port": 22, "user": "root", "dialErrorLimit": 10, "perDialTimeout": 15}
"""What pulumi-command fills into a connection."""


def checked(plugin: Plugin, token: str, inputs: dict[str, Any]) -> Any:
    """The inputs as the engine records them."""
    request = CheckRequest(
        urn=f"urn:pulumi:local::trial::{token}::x", news=property_map(inputs, {}), randomSeed=b"seed"
    )
    response = asyncio.run(PluginProvider(plugin).check(request))
    assert not response.failures, response.failures
    return response.inputs.fields


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        ({"host": "h"}, {"host": "h", **FILLED}),
        ({"host": UNKNOWN}, {"host": UNKNOWN, **FILLED}),
        ({"host": "h", "port": None, "user": "ada"}, {"host": "h", **FILLED, "user": "ada"}),
        (
            {"host": "h", "port": 2222, "dialErrorLimit": -1, "perDialTimeout": 0},
            {"host": "h", "port": 2222, "user": "root", "dialErrorLimit": -1, "perDialTimeout": 0},
        ),
        ({"host": "h", "proxy": {"host": "p"}}, {"host": "h", **FILLED, "proxy": {"host": "p", **FILLED}}),
        ({"host": "h", "proxy": UNKNOWN}, {"host": "h", **FILLED, "proxy": UNKNOWN}),
    ],
)
def test_a_connection_is_recorded_with_the_defaults_of_what_it_leaves_out(
    given: dict[str, Any], recorded: dict[str, Any]
) -> None:
    inputs = checked(command.plugin(), RemoteCommand.token, {"connection": given, "create": "true"})
    assert plain_map(inputs) == {"connection": recorded, "create": "true"}
    assert contains_secret(inputs["connection"]), "also where the program did not say so"


def test_a_connection_that_is_not_known_yet_stays_unknown() -> None:
    assert plain_map(checked(command.plugin(), RemoteCommand.token, {"connection": UNKNOWN})) == {"connection": UNKNOWN}


def test_a_record_is_recorded_as_it_was_given() -> None:
    """The plugin's defaults are in the outputs: a framework provider's inputs hold none, and no list of them."""
    record = {"zoneId": "z", "name": "aupex.ai", "type": "A", "content": "192.0.2.1", "ttl": 300}
    assert plain_map(checked(cloudflare.plugin(), "cloudflare:index/dnsRecord:DnsRecord", record)) == record


@pytest.mark.parametrize(
    ("plugin", "token", "version"),
    [
        (digitalocean.plugin(), "digitalocean:index/droplet:Droplet", "1"),
        (random.plugin(), "random:index/randomPassword:RandomPassword", "3"),
        (random.plugin(), "random:index/randomString:RandomString", "2"),
        (tls.plugin(), "tls:index/privateKey:PrivateKey", "1"),
    ],
)
def test_the_schemas_version_is_recorded_where_it_is_not_0(plugin: Plugin, token: str, version: str) -> None:
    """Without it, the official plugin upgrades the state from version 0 on, and makes a password's hash anew."""
    outputs = PluginProvider(plugin).outputs(token, State("id", {"length": 1}), {})
    assert json.loads(plain_map(outputs.fields)["__meta"]) == {"schema_version": version}


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The state of an image that was built from `app` and pushed."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app/Dockerfile").write_text("FROM scratch\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Image, "_publish", lambda *_: "ghcr.io/auren-ai/api@sha256:12")
    provider = PluginProvider(docker.plugin())
    registry = {"server": "ghcr.io", "username": "ada", "password": "hush"}
    given = {"imageName": "ghcr.io/auren-ai/api:1", "build": {"context": "app", "platform": "linux/amd64"}}
    inputs = dict(checked(docker.plugin(), Image.token, given | {"registry": registry}))

    async def log(severity: Severity, message: str) -> None: ...

    async def create() -> State:
        return await provider.create_resource(Operation("urn", 0, log), Image.token, inputs)

    return inputs, provider.outputs(Image.token, asyncio.run(create()), inputs).fields


def test_an_images_outputs_hold_its_inputs_as_a_secret(image: Any) -> None:
    """pulumi-docker compares with these: without them, each image would be built again."""
    inputs, outputs = image
    kept = {name: value for name, value in plain_map(inputs).items() if not name.startswith("__")}
    assert plain_map(outputs)["__inputs"] == kept
    assert contains_secret(outputs["__inputs"])
    assert set(outputs) == {
        *("__inputs", "baseImageName", "context", "dockerfile", "imageName", "platform", "registryServer"),
        "repoDigest",
    }


def test_a_context_has_the_digest_that_pulumi_docker_gives_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Worked out by hand: SHA-256 over name, mode, SHA-256 and a zero byte of the Dockerfile and then of each file."""
    monkeypatch.chdir(tmp_path)
    app = tmp_path / "app"
    (app / "a").mkdir(parents=True)
    for name, mode in {"Dockerfile": 0o644, "a.txt": 0o600, "a/run": 0o755, "left-out": 0o644}.items():
        (app / name).write_text(name)
        (app / name).chmod(mode)
    (app / ".dockerignore").write_text("left-out\n.dockerignore\n")
    (app / "link").symlink_to("a.txt")
    whole = b"".join(
        head + hashlib.sha256(content).digest() + b"\0"
        for head, content in (
            (b"Dockerfile----------", b"Dockerfile"),
            (b"Dockerfile-rw-r--r--", b"Dockerfile"),
            (b"a/run-rwxr-xr-x", b"a/run"),
            (b"a.txt-rw-------", b"a.txt"),
            (b"linkLrwxrwxrwx", b"app/a.txt"),
        )
    )
    assert Context.of({"context": "app"}).digest() == hashlib.sha256(whole).hexdigest()
