"""Secrets on a machine: given, rotated, removed; a private registry; passwords that outlive a destroyed stack."""

import contextlib
import json
import secrets
import subprocess
from collections.abc import Iterator
from typing import Any

import bcrypt
import pytest
import yaml

from auren_infra.files import paths
from auren_infra.placement import Instance
from sandbox import pulumi_stack, registry
from tests.local.deployment import STACK, Deployment, UpdateFailedError
from tests.local.events import post_event, read_event
from tests.local.host import Host

pytestmark = pytest.mark.machine

Outputs = dict[str, Any]
PASSWORD = "random:index/randomPassword:RandomPassword"
LOGINS = "/etc/auren/registries/config.json"


def secret(service: str, name: str) -> str:
    """Where the release that runs has it."""
    return f"{paths.release(service, paths.CURRENT)}/secrets/{name}"


def give(deployment: Deployment, name: str, value: str, *options: str) -> None:
    """As an operator does."""
    deployment.pulumi("config", "set", *options, "--path", f"auren:secrets.{name}", value)
    deployment.config["auren:secrets"] = yaml.safe_load(deployment.config_file.read_text())["config"]["auren:secrets"]


def take(deployment: Deployment, name: str) -> None:
    deployment.pulumi("config", "rm", "--path", f"auren:secrets.{name}")
    deployment.config["auren:secrets"] = yaml.safe_load(deployment.config_file.read_text())["config"]["auren:secrets"]


def password_urn(name: str) -> str:
    (urn,) = (one["urn"] for one in pulumi_stack.resources(STACK) if one["urn"].endswith(f"{PASSWORD}::{name}"))
    return str(urn)


def test_a_secret_that_is_given_is_a_file_of_its_readers(deployment: Deployment, outputs: Outputs, host: Host) -> None:
    value = f'it\'s "$HOME" {secrets.token_hex(8)}'
    deployment.configure(serviceSecrets=["model_key=api"])
    with pytest.raises(UpdateFailedError, match="model_key is not set"):
        deployment.up()
    give(deployment, "model_key", value, "--plaintext")
    with pytest.raises(UpdateFailedError, match="model_key stands in plain text") as refusal:
        deployment.up()
    assert value not in str(refusal.value)
    give(deployment, "model_key", value, "--secret")
    assert value not in deployment.config_file.read_text()
    bridge = host.container_id("auren-bridge")
    assert value not in deployment.up()
    assert host.run("docker", "exec", host.live("api"), "cat", "/run/secrets/model_key") == value
    assert host.run("stat", "-c", "%a %u", secret("api", "model_key")).split() == ["400", "10001"]
    assert value not in json.dumps(host.containers())
    assert value not in json.dumps(pulumi_stack.resources(STACK))
    assert host.container_id("auren-bridge") == bridge, "who does not read it is left alone"


def test_a_secret_that_is_taken_away_is_read_by_nobody_any_more(deployment: Deployment, host: Host) -> None:
    take(deployment, "model_key")
    deployment.configure(serviceSecrets=None)
    deployment.up()
    left = ["postgres_password", "redis_password"]
    assert host.run("docker", "exec", host.live("api"), "ls", "/run/secrets").split() == left
    assert host.run("ls", secret("api", "")).split() == left


@contextlib.contextmanager
def guarded(user: str, password: str) -> Iterator[None]:
    """For a while the registry asks everybody who pulls for a login."""
    door, place = registry.HERE.door("pull"), registry.HERE
    configuration = place.state / "pull.json"
    open_to_all = configuration.read_text()
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    (place.state / "htpasswd").write_text(f"{user}:{hashed}\n")
    auth = {"htpasswd": {"realm": "trial", "path": str(place.state / "htpasswd")}}
    door.stop()
    configuration.write_text(json.dumps({**json.loads(open_to_all), "auth": auth}))
    door.start([registry.BINARY, "serve", str(configuration)])
    try:
        yield
    finally:
        (place.state / "htpasswd").unlink()
        door.stop()
        registry.start()


@pytest.mark.long(60)
def test_a_private_registry_is_pulled_from_with_its_login(deployment: Deployment, outputs: Outputs, host: Host) -> None:
    token, before = secrets.token_urlsafe(24), deployment.image("kafka-ui")
    repository, running = before.partition("@")[0], host.container_id("auren-kafka-ui")
    with guarded("auren", token):
        deployment.use_image("kafka-ui", repository)  # by its tag, which the machine has not pulled
        with pytest.raises(UpdateFailedError, match="The image of kafka-ui could not be pulled"):
            deployment.up()
        assert host.container_id("auren-kafka-ui") == running
        give(deployment, "registry_token", token, "--secret")
        deployment.configure(registries=[f"{repository.partition('/')[0]}=auren:registry_token"])
        assert token not in deployment.up()
        assert host.run("docker", "inspect", "--format", "{{.Config.Image}}", "auren-kafka-ui").strip() == repository
        containers = [*host.containers()]
        host.run("docker", "rm", "--force", "auren-kafka-ui")
        host.run("docker", "image", "rm", "--force", repository)
        host.wait_until_healthy(containers, 180)  # the watchdog has the login, too
    assert host.run("stat", "-c", "%a %U", LOGINS).split() == ["600", "root"]
    assert token not in json.dumps(pulumi_stack.resources(STACK))
    take(deployment, "registry_token")
    deployment.configure(registries=None)
    deployment.use_image("kafka-ui", before)
    deployment.up()
    assert host.run("ls", "/etc/auren").split() == ["containers.rules"]
    assert "auth" not in host.run("cat", "/root/.docker/config.json", check=False)


@pytest.mark.long(90)
@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_a_password_is_rotated_by_its_replacement(
    deployment: Deployment, outputs: Outputs, host: Host, name: str
) -> None:
    event, file = post_event(outputs, 61.5), secret(name, f"{name}_password")
    before, nginx = host.run("cat", file), host.container_id("auren-nginx")
    deployment.up("--replace", password_urn(name))
    assert host.run("cat", file) != before
    assert host.run("cat", secret("api", f"{name}_password")) == host.run("cat", file)
    assert read_event(outputs, event) == 61.5
    assert read_event(outputs, post_event(outputs, 62.5)) == 62.5
    assert host.container_id("auren-nginx") == nginx, "who does not read it is left alone"


def test_a_password_that_somebody_changed_is_the_stacks_again_after_a_restart(
    deployment: Deployment, outputs: Outputs, host: Host
) -> None:
    change = "ALTER ROLE auren PASSWORD 'by hand'"
    host.run("docker", "exec", "auren-postgres", "psql", "-U", "auren", "-d", "auren", "-c", change)
    (service,) = [service for service in deployment.services() if service.name == "postgres"]
    question = host.command("docker", "exec", Instance(service).container, *service.health.command)
    asked = subprocess.run(question, capture_output=True, text=True, check=False, timeout=60)
    assert "password authentication failed" in asked.stderr
    host.run("docker", "restart", "auren-postgres")
    host.wait_until_healthy(host.containers(), 120)
    assert read_event(outputs, post_event(outputs, 63.5)) == 63.5


@pytest.mark.long(330)
def test_a_destroyed_stack_that_left_its_volume_comes_up_with_the_same_passwords(
    deployment: Deployment, outputs: Outputs, host: Host
) -> None:
    """New passwords did not open the old volume: three errors, and a database that nobody got into."""
    event = post_event(outputs, 64.5)
    password = host.run("cat", secret("api", "postgres_password"))
    deployment.configure(protectData=True)
    deployment.up()
    with pytest.raises(UpdateFailedError, match="protect"):
        deployment.destroy()
    left = {one["type"] for one in pulumi_stack.resources(STACK)}
    assert {"digitalocean:index/volume:Volume", PASSWORD} <= left
    deployment.up()
    again = deployment.outputs()
    assert Host(again["droplet"]["id"]).run("cat", secret("api", "postgres_password")) == password
    assert read_event(again, event) == 64.5
    deployment.configure(protectData=False)
    deployment.up()
