"""The command against the simulated API, with a droplet of the stack behind its own firewall."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydo import Client

from auren_infra.access.__main__ import main
from tests.sandbox.clouds.machines import FakeHypervisor
from tests.sandbox.clouds.resources import droplet
from tests.sandbox.clouds.running import Clouds

STACK = "prod"
TAG = "auren-prod"


@dataclass(frozen=True)
class Cloud:
    """An account, and what is in force on its machines."""

    clouds: Clouds
    client: Client
    machines: FakeHypervisor

    def let_in(self) -> set[tuple[str, int]]:
        """Address and port of whoever reaches the droplet."""
        (policy,) = self.machines.policies.values()
        return {(address, rule.ports[0]) for rule in policy.inbound if rule.ports for address in rule.addresses}

    def firewalls(self) -> list[str]:
        return sorted(each["name"] for each in self.client.firewalls.list(per_page=200)["firewalls"])

    def add_firewall(self, name: str, ports: str = "22", address: str = "10.9.9.9", **more: object) -> None:
        rule = {"protocol": "tcp", "ports": ports, "sources": {"addresses": [address]}}
        self.client.firewalls.create({"name": name, "inbound_rules": [rule], "tags": [TAG], **more})


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Nothing was deployed to it yet."""
    machines = FakeHypervisor()
    clouds = Clouds(tmp_path, machines)
    clouds.start()
    monkeypatch.setenv("DIGITALOCEAN_API_URL", clouds.url)
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", clouds.tokens.digitalocean)
    monkeypatch.delenv("DIGITALOCEAN_ACCESS_TOKEN", raising=False)
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", f"{clouds.url}/client/v4")
    monkeypatch.setenv("GITHUB_RUN_ID", "4711")
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "2")
    monkeypatch.setattr("urllib3.util.retry.time.sleep", lambda _seconds: None)
    yield Cloud(clouds, clouds.digitalocean(), machines)
    clouds.stop()


@pytest.fixture
def cloud(empty: Cloud) -> Cloud:
    """The stack prod is deployed: one droplet, and everybody reaches its website."""
    droplet(empty.client, tags=[TAG])
    empty.add_firewall(TAG, "80", "0.0.0.0/0")
    return empty


@pytest.fixture
def access(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Call the command; its exit status, and what it printed."""

    def call(
        command: str, *arguments: str, stack: str = STACK, named: tuple[str, ...] | None = None
    ) -> tuple[int, str]:
        status = main([command, *(named or ("--stack", stack)), *arguments])
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return call
