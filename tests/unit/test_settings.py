"""What an operator may write, and what is said about what may not be written."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from auren_infra.services.images import IMAGES
from auren_infra.settings import DockerSource, Settings, SettingsError, load
from tests.unit.configuration import COMPLETE, DIGEST, ECDSA, ED25519, ROOT, engine_values, settings

API = f'["api=registry.example/auren/api:1.0@{DIGEST}"'
"""The beginning of a list of images that is in order so far."""
WAIVER = "ssh-open-to-everyone=deployments come from changing addresses"


def _refusal(values: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as refusal:
        load(engine_values(values), IMAGES)
    return str(refusal.value)


def test_defaults_are_productions() -> None:
    chosen = settings()
    assert chosen.domain == chosen.cloudflare_zone == "aupex.ai"
    assert chosen.proxied is True
    assert (chosen.region, chosen.droplet_size, chosen.droplet_image) == ("nyc3", "s-2vcpu-4gb", "ubuntu-22-04-x64")
    assert chosen.operator_keys == ()
    assert chosen.vpc_range == "10.200.0.0/20"
    assert (chosen.data_volume_size, chosen.protect_data) == (40, True)
    assert (chosen.docker_source, chosen.docker_version) == (DockerSource.DOCKER, "24.0")
    assert chosen.max_upload_megabytes == 10
    assert (chosen.api_requests_per_second, chosen.api_request_burst, chosen.cors_origins) == (20, 40, ())
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
        dropletImage="debian-12-x64",
        sshAllowed='["198.51.100.0/24", "2001:db8::/32", "198.51.100.7"]',
        kafkaUiAllowed="[]",
        operatorKeys=json.dumps([ED25519, ECDSA]),
        vpcRange="192.168.16.0/24",
        dataVolumeSize="16384",
        protectData="false",
        dockerSource="distribution",
        dockerVersion="26",
        images='["api=localhost:5000/api:2", "bridge=localhost:5000/bridge:2", "redis=valkey.example/valkey:8.1"]',
        website=str(tmp_path),
        maxUploadMegabytes="1024",
        apiRequestsPerSecond="1",
        apiRequestBurst="10000",
        corsOrigins='["https://app.example.org", "http://localhost:3000"]',
        users="1000000",
        monthlyLimitUsd="2000",
        waivers='["ssh-open-to-everyone = deployments come from changing addresses"]',
    )
    assert chosen.domain == "stage.example.org"
    assert chosen.cloudflare_zone == "example.org"
    assert chosen.proxied is False
    assert chosen.region == "fra1"
    assert chosen.droplet_size == "m-2vcpu-16gb"
    assert chosen.droplet_image == "debian-12-x64"
    assert chosen.ssh_allowed == ("198.51.100.0/24", "2001:db8::/32", "198.51.100.7")
    assert chosen.kafka_ui_allowed == ()
    assert len(chosen.operator_keys) == 2
    assert chosen.vpc_range == "192.168.16.0/24"
    assert chosen.data_volume_size == 16384
    assert chosen.protect_data is False
    assert chosen.docker_source is DockerSource.DISTRIBUTION
    assert chosen.docker_version == "26"
    assert chosen.images["api"] == "localhost:5000/api:2"
    assert chosen.images["redis"] == "valkey.example/valkey:8.1"
    assert chosen.images["postgres"] == IMAGES["postgres"], "an override must leave the other pins alone"
    assert chosen.website == str(tmp_path)
    assert chosen.max_upload_megabytes == 1024
    assert (chosen.api_requests_per_second, chosen.api_request_burst) == (1, 10_000)
    assert chosen.cors_origins == ("https://app.example.org", "http://localhost:3000")
    assert chosen.users == 1_000_000
    assert chosen.monthly_limit_usd == 2000
    assert chosen.waivers == {"ssh-open-to-everyone": "deployments come from changing addresses"}


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("domain", "aupex", "write it like aupex.ai"),
        ("domain", "AUPEX.AI", "write it like aupex.ai"),
        ("domain", "https://aupex.ai", "write it like aupex.ai"),
        ("domain", "-a.aupex.ai", "write it like aupex.ai"),
        ("cloudflareZone", "example.org", "aupex.ai is not in it; name the zone that holds auren:domain"),
        ("cloudflareZone", "pex.ai", "aupex.ai is not in it"),
        ("proxied", "yes", "valid boolean"),
        ("proxied", "1", "valid boolean"),
        ("region", "New York", "write it like nyc3"),
        ("region", "nyc", "write it like nyc3"),
        ("dropletSize", "large", "choose one of s-1vcpu-1gb, "),
        ("dropletSize", "S-2VCPU-4GB", "not a size that AUREN knows the capacity of"),
        ("dropletImage", "fedora-40-x64", "write it like ubuntu-22-04-x64"),
        ("dropletImage", "ubuntu-22-04", "write it like ubuntu-22-04-x64"),
        ("sshAllowed", "[]", "names nobody; name at least the address"),
        ("sshAllowed", '["198.51.100.1/24"]', "has host bits set; write a network such as 198.51.100.0/24"),
        ("sshAllowed", '["office"]', "write a network such as 198.51.100.0/24, or one address"),
        ("sshAllowed", '["198.51.100.0/33"]', "write a network such as 198.51.100.0/24, or one address"),
        ("sshAllowed", "198.51.100.0/24", "must be a list; write one entry a line"),
        ("kafkaUiAllowed", '["198.51.100.0.0"]', "write a network such as 198.51.100.0/24, or one address"),
        ("operatorKeys", '["AAAAC3NzaC1lZDI1NTE5"]', "take the text of a file such as ~/.ssh/id_ed25519.pub"),
        ("operatorKeys", '["-----BEGIN OPENSSH PRIVATE KEY-----"]', "not a public key line"),
        ("operatorKeys", '["ssh-ed25519 AAAAC3Nz ada\\nssh-ed25519 AAAAC3Nz eve"]', "not a public key line"),
        ("vpcRange", "10.200.0.1/20", "has host bits set"),
        ("vpcRange", "8.8.0.0/20", "a private IPv4 network (RFC 1918) of /16 to /28, such as 10.200.0.0/20"),
        ("vpcRange", "198.51.100.0/24", "a private IPv4 network (RFC 1918) of /16 to /28"),
        ("vpcRange", "169.254.0.0/16", "a private IPv4 network (RFC 1918) of /16 to /28"),
        ("vpcRange", "10.0.0.0/8", "a private IPv4 network (RFC 1918) of /16 to /28"),
        ("vpcRange", "10.200.0.0/29", "a private IPv4 network (RFC 1918) of /16 to /28"),
        ("vpcRange", "fd00::/20", "a private IPv4 network (RFC 1918) of /16 to /28"),
        ("vpcRange", "172.18.240.0/20", "overlaps with the containers' network 172.18.0.0/16; choose another"),
        ("dataVolumeSize", "0", "greater than or equal to 1"),
        ("dataVolumeSize", "16385", "less than or equal to 16384"),
        ("dataVolumeSize", "40 GB", "valid integer"),
        ("dataVolumeSize", "1.5", "valid integer"),
        ("dataVolumeSize", "true", "valid integer"),
        ("protectData", "no", "valid boolean"),
        ("dockerSource", "snap", "'docker' or 'distribution'"),
        ("dockerVersion", "24.x", "write it like 24.0"),
        ("dockerVersion", "5:24.0.9-1", "write it like 24.0"),
        ("dockerVersion", "latest", "write it like 24.0"),
        ("images", "[]", "api has no public image; add api=REGISTRY/REPOSITORY:TAG"),
        ("images", f'{API}, "mysql=docker.io/library/mysql:8"]', "no service 'mysql'; the services are api, bridge"),
        ("images", f'{API}, "api=registry.example/auren/api:2"]', "api is named twice; keep one"),
        ("images", f'{API}, "redis"]', "'redis' is not SERVICE=REGISTRY/REPOSITORY:TAG[@sha256:DIGEST]"),
        ("images", f'{API}, "redis=redis:7"]', "is not REGISTRY/REPOSITORY:TAG"),
        ("images", f'{API}, "redis=example.org/redis:7@sha256:12"]', "is not REGISTRY/REPOSITORY:TAG"),
        ("images", '["api=registry.example/auren/api"]', "api: name a tag other than latest, or a digest"),
        ("images", '["api=registry.example/auren/api:latest"]', "api: name a tag other than latest, or a digest"),
        ("website", "/nowhere", "there is no such directory; name one relative to the project"),
        ("website", "sandbox", "build the website, or name the directory that it is built into"),
        ("sqlInit", "/nowhere", "there is no such directory"),
        ("maxUploadMegabytes", "0", "greater than or equal to 1"),
        ("maxUploadMegabytes", "1025", "less than or equal to 1024"),
        ("maxUploadMegabytes", "ten", "valid integer"),
        ("apiRequestsPerSecond", "0", "greater than or equal to 1"),
        ("apiRequestBurst", "10001", "less than or equal to 10000"),
        ("corsOrigins", '["*"]', "write it like https://app.aupex.ai"),
        ("corsOrigins", '["https://app.aupex.ai/"]', "write it like https://app.aupex.ai"),
        ("corsOrigins", '["https://App.aupex.ai"]', "write it like https://app.aupex.ai"),
        ("corsOrigins", '["https://a.org", "https://a.org"]', "https://a.org is named twice; keep one"),
        ("users", "0", "greater than or equal to 1"),
        ("users", "1000001", "less than or equal to 1000000"),
        ("users", "many", "valid integer"),
        ("monthlyLimitUsd", "0", "greater than or equal to 1"),
        ("monthlyLimitUsd", "24.50", "valid integer"),
        ("waivers", '["inner-service-exposed=nobody will find it"]', "no rule 'inner-service-exposed' can be waived"),
        ("waivers", '["ssh-open-to-everyone"]', "say why in some words, as in `ssh-open-to-everyone=deployments come"),
        ("waivers", '["ssh-open-to-everyone=it works"]', "ssh-open-to-everyone: say why in some words"),
        ("waivers", f'["{WAIVER}", "{WAIVER}"]', "ssh-open-to-everyone is waived twice; keep one"),
        ("waivers", '{"ssh-open-to-everyone": "for a good reason"}', "must be a list; write one entry a line"),
        ("dropletsize", "s-2vcpu-4gb", "no such setting; the settings are domain, cloudflareZone"),
    ],
)
def test_a_wrong_value_is_named_with_its_key_the_reason_and_the_mend(name: str, value: str, reason: str) -> None:
    said = _refusal({**COMPLETE, name: value})
    assert said.startswith("The configuration has 1 fault; nothing was touched.\n")
    (line,) = [line for line in said.splitlines() if line.startswith("  ")]
    assert line.startswith((f"  auren:{name}:", f"  auren:{name}["))
    assert reason in line
    assert said.endswith("Change a value with `pulumi config set KEY VALUE`, or in the stack's Pulumi.STACK.yaml.")


@pytest.mark.parametrize("name", ["sshAllowed", "kafkaUiAllowed"])
def test_who_may_reach_a_port_is_never_assumed(name: str) -> None:
    said = _refusal({key: value for key, value in COMPLETE.items() if key != name})
    assert f"  auren:{name}: is required and has no default" in said


def test_all_faults_are_told_at_once() -> None:
    said = _refusal(
        {
            "domain": "aupex",
            "proxied": "maybe",
            "region": "mars",
            "sshAllowed": '["198.51.100.0/24", "home", "198.51.100.9/8"]',
            "images": '["redis=redis", "mysql=example.org/mysql:8"]',
            "website": "/nowhere",
            "colour": "blue",
        }
    )
    lines = said.splitlines()
    assert lines[0] == "The configuration has 9 faults; nothing was touched."
    keys = [line.split(": ")[0].strip() for line in lines[1:-1]]
    assert sorted(keys) == sorted(
        [
            "auren:domain",
            "auren:proxied",
            "auren:region",
            "auren:sshAllowed[1]",
            "auren:sshAllowed[2]",
            "auren:kafkaUiAllowed",
            "auren:images",
            "auren:website",
            "auren:colour",
        ]
    )
    (images,) = [line for line in lines if "auren:images" in line]
    assert all(
        reason in images for reason in ("redis: 'redis' is not", "no service 'mysql'", "api has no public image")
    )


def test_other_namespaces_are_not_ours_to_judge() -> None:
    values = {**engine_values(COMPLETE), "digitalocean:token": "secret", "aurenx:domain": "example.org"}
    assert load(values, IMAGES) == settings()


def test_settings_cannot_change_under_the_program() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings().domain = "example.org"


def _declarations() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]


def _declared_type(default: object) -> str:
    match default:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case str():
            return "string"
        case _:
            return "array"


def test_every_setting_is_declared_and_every_declaration_is_a_setting() -> None:
    assert set(_declarations()) == {f"auren:{field.alias}" for field in Settings.model_fields.values()}


@pytest.mark.parametrize("field", list(Settings.model_fields.values()), ids=lambda field: field.alias)
def test_the_engines_declaration_says_what_the_program_does(field: Any) -> None:
    declaration = _declarations()[f"auren:{field.alias}"]
    assert declaration["type"] == _declared_type(field.default)
    assert len(declaration["description"]) > 20
    assert declaration["description"].endswith(".")
    if field.is_required():
        assert "default" not in declaration
    else:
        default = list(field.default) if declaration["type"] == "array" else field.default
        assert declaration["default"] == default


def _stack_file(name: str) -> dict[str, str]:
    """A stack's file as the engine hands it over: JSON text for all that is not a string."""
    configuration = yaml.safe_load((ROOT / name).read_text())["config"]
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in configuration.items()}


def test_production_needs_nothing_but_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    chosen = load(_stack_file("Pulumi.prod.yaml"), IMAGES)
    assert chosen.protect_data, "production's data must never go with a stack"
    assert chosen.proxied
    assert "0.0.0.0/0" not in chosen.kafka_ui_allowed, "the Kafka UI has no login"


def test_the_local_stack_needs_the_images_that_its_cloud_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    local = _stack_file("Pulumi.local.yaml")
    with pytest.raises(SettingsError, match="api has no public image"):
        load(local, IMAGES)
    entries = [f"{service}=registry.example:5000/auren/{service}:1@{DIGEST}" for service in IMAGES]
    chosen = load({**local, "auren:images": json.dumps(entries)}, IMAGES)
    assert chosen.images == {service: f"registry.example:5000/auren/{service}:1@{DIGEST}" for service in IMAGES}
    assert not chosen.protect_data, "`pulumi destroy` must leave nothing of a rehearsal"
