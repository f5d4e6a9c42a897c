"""What an operator may write, and what is said about what may not be written."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from auren_infra.admission import admit
from auren_infra.settings import DockerSource, Settings, SettingsError, SmokeTest, load
from auren_infra.settings.name_servers import endpoint
from tests.unit.configuration import COMPLETE, DIGEST, ECDSA, ED25519, NAME, PINS, ROOT, engine_values, settings


def test_defaults_are_productions() -> None:
    chosen = settings()
    assert chosen.domain == chosen.cloudflare_zone == "aupex.ai"
    assert chosen.proxied is True
    assert (chosen.region, chosen.droplet_size, chosen.droplet_image) == ("nyc3", "s-2vcpu-4gb", "ubuntu-22-04-x64")
    assert (chosen.operator_keys, chosen.deploy_key) == ((), "")
    assert chosen.vpc_range == "10.200.0.0/20"
    assert (chosen.data_volume_size, chosen.protect_data) == (40, True)
    assert (chosen.docker_source, chosen.docker_version) == (DockerSource.DOCKER, "29.8")
    assert chosen.max_upload_megabytes == 10
    assert (chosen.api_requests_per_second, chosen.api_request_burst, chosen.cors_origins) == (20, 40, ())
    assert chosen.content_sources == {}
    assert (chosen.smoke_test, chosen.name_server) == (SmokeTest.DOMAIN, "")
    assert chosen.users == 100
    assert (chosen.monthly_limit_usd, chosen.waivers) == (60, {})


def test_every_setting_can_be_chosen(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("AUREN")
    chosen = settings(
        domain="stage.example.org",
        cloudflareZone="example.org",
        proxied="false",
        region="fra1",
        dropletSize="m-2vcpu-16gb",
        name="somewhere",
        dropletImage="debian-13-x64",
        sshAllowed='["198.51.100.0/24", "2001:db8::/32", "198.51.100.7"]',
        kafkaUiAllowed="[]",
        operatorKeys=json.dumps([ED25519, ECDSA]),
        deployKey=ECDSA,
        vpcRange="192.168.16.0/24",
        dataVolumeSize="16384",
        protectData="false",
        dockerSource="distribution",
        dockerVersion="26",
        images='["api=198.51.100.9:5000/api:2", "bridge=ghcr.io/a/bridge:2", "redis=docker.io/valkey/valkey:8.1"]',
        website=str(tmp_path),
        maxUploadMegabytes="1024",
        apiRequestsPerSecond="1",
        apiRequestBurst="10000",
        corsOrigins='["https://app.example.org", "http://localhost:3000"]',
        contentSources='["font-src=https://fonts.gstatic.com", "img-src=https://*.example.org", "img-src=blob:"]',
        smokeTest="address",
        nameServer="[2606:4700:4700::1111]:53",
        users="1000000",
        monthlyLimitUsd="2000",
        waivers='["ssh-open-to-everyone = deployments come from changing addresses"]',
    )
    assert chosen.domain == "stage.example.org"
    assert chosen.cloudflare_zone == "example.org"
    assert chosen.proxied is False
    assert chosen.region == "fra1"
    assert chosen.droplet_size == "m-2vcpu-16gb"
    assert chosen.name == "somewhere"
    assert chosen.droplet_image == "debian-13-x64"
    assert chosen.ssh_allowed == ("198.51.100.0/24", "2001:db8::/32", "198.51.100.7")
    assert chosen.kafka_ui_allowed == ()
    assert len(chosen.operator_keys) == 2
    assert chosen.deploy_key == ECDSA
    assert chosen.vpc_range == "192.168.16.0/24"
    assert chosen.data_volume_size == 16384
    assert chosen.protect_data is False
    assert chosen.docker_source is DockerSource.DISTRIBUTION
    assert chosen.docker_version == "26"
    assert chosen.images == {
        "api": "198.51.100.9:5000/api:2",
        "bridge": "ghcr.io/a/bridge:2",
        "redis": "docker.io/valkey/valkey:8.1",
    }
    assert chosen.website == str(tmp_path)
    assert chosen.max_upload_megabytes == 1024
    assert (chosen.api_requests_per_second, chosen.api_request_burst) == (1, 10_000)
    assert chosen.cors_origins == ("https://app.example.org", "http://localhost:3000")
    assert chosen.content_sources == {
        "font-src": ("https://fonts.gstatic.com",),
        "img-src": ("https://*.example.org", "blob:"),
    }
    assert (chosen.smoke_test, chosen.name_server) == (SmokeTest.ADDRESS, "[2606:4700:4700::1111]:53")
    assert chosen.users == 1_000_000
    assert chosen.monthly_limit_usd == 2000
    assert chosen.waivers == {"ssh-open-to-everyone": "deployments come from changing addresses"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1.1.1.1", ("1.1.1.1", 53)),
        ("127.0.0.1:5300", ("127.0.0.1", 5300)),
        ("2606:4700:4700::1111", ("2606:4700:4700::1111", 53)),
        ("[2606:4700:4700::1111]:5353", ("2606:4700:4700::1111", 5353)),
    ],
)
def test_a_name_server_is_an_address_with_or_without_a_port(written: str, meant: tuple[str, int]) -> None:
    assert endpoint(settings(nameServer=written).name_server) == meant


def test_other_namespaces_are_not_ours_to_judge() -> None:
    values = {**engine_values(COMPLETE), "digitalocean:token": "secret", "aurenx:domain": "example.org"}
    assert load(values, name=NAME) == settings()


def test_settings_cannot_change_under_the_program() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings().domain = "example.org"


def _declarations() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]


def test_every_setting_is_declared_and_every_declaration_is_a_setting() -> None:
    assert set(_declarations()) == {f"auren:{field.alias}" for field in Settings.model_fields.values()}


@pytest.mark.parametrize("field", list(Settings.model_fields.values()), ids=lambda field: field.alias)
def test_the_engines_declaration_says_what_the_program_does(field: Any) -> None:
    declaration = _declarations()[f"auren:{field.alias}"]
    assert len(declaration["description"]) > 20
    assert declaration["description"].endswith(".")
    if field.is_required():
        assert declaration["default"] == ""
        assert "; required." in declaration["description"]
    else:
        assert declaration["default"] == (list(field.default) if field.default == () else field.default)


def test_the_engine_leaves_every_value_to_the_program() -> None:
    """It stops at the first value of a wrong type, or without a default, and names no other fault and no repair."""
    assert {key for declaration in _declarations().values() for key in declaration} == {"default", "description"}


@pytest.mark.parametrize("value", ['["198.51.100.7", "198.51.100.9/32"]', '[ "198.51.100.7","198.51.100.9/32" ]'])
def test_a_list_may_be_set_in_one_line(value: str) -> None:
    """`pulumi config set auren:sshAllowed '["198.51.100.7"]'` stores a text."""
    assert settings(sshAllowed=value).ssh_allowed == ("198.51.100.7", "198.51.100.9/32")


def test_a_documented_setting_is_a_setting() -> None:
    """And docs/settings.md says the same of it as `pulumi config`."""
    rows = re.findall(r"^\| `(auren:\w+)` \| (.+?) \| (.+?) \|$", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    described = {key: declaration["description"] for key, declaration in _declarations().items()}
    assert {key: text for key, _, text in rows} == described


def _stack_file(name: str) -> dict[str, str]:
    """A stack's file as the engine hands it over: JSON text for all that is not a string."""
    configuration = yaml.safe_load((ROOT / name).read_text())["config"]
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in configuration.items()}


def test_production_needs_nothing_but_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    chosen = admit("prod", _stack_file("Pulumi.prod.yaml")).settings
    assert chosen.protect_data, "production's data must never go with a stack"
    assert chosen.proxied
    assert "0.0.0.0/0" not in chosen.kafka_ui_allowed, "the Kafka UI has no login"


def test_the_local_stack_needs_the_images_that_its_cloud_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    local = _stack_file("Pulumi.local.yaml")
    with pytest.raises(SettingsError, match="api has no public image"):
        admit("local", local)
    entries = [f"{service}=registry.auren.test:5000/auren/{service}:1@{DIGEST}" for service in PINS]
    chosen = admit("local", {**local, "auren:images": json.dumps(entries)})
    assert {f"{service.name}={service.image}" for service in chosen.services} == set(entries)
    assert not chosen.settings.protect_data, "`pulumi destroy` must leave nothing of a rehearsal"
