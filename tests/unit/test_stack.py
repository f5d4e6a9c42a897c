"""The whole stack as the engine sees it: what is made, from what, and what becomes of it when its machine goes away."""

import json
import shutil
from collections import Counter

import jsonschema
import pulumi
import pytest

from auren_infra import outputs, stack
from auren_infra.placement import place
from auren_infra.services import consistency
from auren_infra.settings import SettingsError
from auren_infra.settings.deployed import Deployed
from tests.unit.configuration import PINS, ROOT, blueprint
from tests.unit.rehearsal import ADDRESS, NAME, UNKNOWN, Rehearsal, World, deploy, rehearse, zone

REMOTE = "command:remote:Command"
DROPLET = "digitalocean:index/droplet:Droplet"
SERVICES = {service.name for service in blueprint().services}
COMMANDS = [
    *("ready", "data-disk", "docker", "container-firewall", "machine-firewall", "network"),
    *(
        "website",
        "sql-init",
        "operators",
        "log-rotation",
        "updates",
        "retire",
        "programs",
        "supervision",
        "tidy",
        "jobs",
    ),
    *("docker-compose.prod.yml", "chromadb-statement", "kafka-topics", "registries"),
    *("postgres-postgres_password", "redis-redis_password", "redis-redis.acl"),
    *("api-postgres_password", "api-redis_password", "bridge-postgres_password", "bridge-redis_password"),
    *SERVICES,
    *(f"{service}-release" for service in SERVICES),
]


def test_the_stack_is_complete(rehearsal: Rehearsal) -> None:
    made = Counter(resource.type for resource in rehearsal.resources if not resource.type.startswith("auren:"))
    assert made == {
        "digitalocean:index/vpc:Vpc": 1,
        "digitalocean:index/tag:Tag": 1,
        "digitalocean:index/firewall:Firewall": 1,
        "digitalocean:index/reservedIp:ReservedIp": 1,
        "digitalocean:index/volume:Volume": 1,
        "digitalocean:index/sshKey:SshKey": 1,
        DROPLET: 1,
        "digitalocean:index/reservedIpAssignment:ReservedIpAssignment": 1,
        "digitalocean:index/volumeAttachment:VolumeAttachment": 1,
        "cloudflare:index/dnsRecord:DnsRecord": 2,
        "tls:index/privateKey:PrivateKey": 2,
        "random:index/randomPassword:RandomPassword": 3,
        "command:local:Command": 1,
        REMOTE: len(COMMANDS),
    }
    assert {resource.name for resource in rehearsal.commands()} == {f"{NAME}-{name}" for name in COMMANDS}


def test_everything_is_in_a_component(rehearsal: Rehearsal) -> None:
    components = {resource.urn for resource in rehearsal.resources if resource.type.startswith("auren:")}
    strays = [
        resource.name
        for resource in rehearsal.resources
        if resource.urn not in components and resource.parent not in components
    ]
    assert strays == []


def test_a_preview_and_an_update_register_the_same(update: Rehearsal, preview: Rehearsal) -> None:
    """A resource made only when something is known would be missing from the preview."""
    assert {resource.urn for resource in preview.resources} == {resource.urn for resource in update.resources}
    before = {resource.urn: resource for resource in preview.resources}
    for resource in update.resources:
        assert before[resource.urn].dependencies == resource.dependencies, resource.name
        assert before[resource.urn].secrets <= resource.secrets | {"connection"}, resource.name


def test_files_without_secrets_are_shown_line_by_line_in_a_preview(preview: Rehearsal) -> None:
    secrets = {name for name in COMMANDS if "password" in name or name == "redis-redis.acl"}
    # What a release is staged as is known when that is done.
    for name in set(COMMANDS) - secrets - SERVICES:
        assert preview.command(name).inputs["stdin"] != UNKNOWN, name


def test_a_first_preview_does_not_know_the_digests_of_secrets(preview: Rehearsal, update: Rehearsal) -> None:
    """They are not generated yet. The files and the container that read them are shown all the same."""
    readers = {"redis", "postgres", "api", "bridge"}
    unknown = {name for name in SERVICES if preview.command(f"{name}-release").inputs["create"] == UNKNOWN}
    assert unknown == readers
    for name in SERVICES:
        stdin = preview.command(f"{name}-release").inputs["stdin"]
        assert stdin == update.command(f"{name}-release").inputs["stdin"]
        assert f"\n   {name}:\n     image: " in stdin


def test_outputs_keep_their_contract(update: Rehearsal) -> None:
    jsonschema.validate(update.outputs, json.loads((ROOT / "outputs.schema.json").read_text()))


def test_outputs_name_what_was_made(update: Rehearsal) -> None:
    given = update.outputs
    assert given["address"] == given["ssh"]["host"] == ADDRESS
    assert given["ssh"]["knownHosts"] == f"{ADDRESS} ssh-ed25519 AAAAC3aurentesthostA"
    assert given["urls"] == {
        "website": "https://aupex.ai/",
        "api": "https://aupex.ai/api/",
        "byAddress": f"http://{ADDRESS}/",
    }
    assert given["services"].keys() == SERVICES
    assert given["services"]["nginx"]["publishedPort"] == 80
    assert given["services"]["postgres"]["publishedPort"] is None
    assert given["services"]["redis"]["image"] == PINS["redis"]
    assert given["services"]["nginx"]["publishedPorts"] == [80, 443]
    volumes = {volume.name for service in blueprint().services for volume in service.volumes}
    assert set(given["volumes"][0]["dockerVolumes"]) == volumes


def test_the_plan_is_an_output(update: Rehearsal) -> None:
    plan = update.outputs["capacity"]
    limits = sum(service.limits.memory_mb for service in blueprint().services)
    assert plan == {
        "users": 100,
        "size": "s-2vcpu-4gb",
        "fits": True,
        "recommendedSize": "s-2vcpu-4gb",
        "recommendedVolumeGb": 40,
        "monthlyUsd": 28.0,
        "bottleneck": "memory",
        "spread": False,
        "memory": {"limitsMb": limits, "systemMb": 640, "dropletMb": 4096},
    }


def test_an_old_release_of_docker_is_warned_of_and_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    deploy(dockerVersion="24.0")
    (warning,) = warnings
    assert warning.startswith("Docker 24.0.9 gets no security updates any more.")


def test_too_many_users_for_one_droplet_are_warned_of_and_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    plan = deploy(users="10000").outputs["capacity"]
    assert plan["spread"] is True
    assert {name for name, value in plan.items() if value is None} == {
        *("recommendedSize", "recommendedVolumeGb", "monthlyUsd", "bottleneck")
    }
    (warning,) = warnings
    assert "need more than one droplet" in warning
    assert deploy().outputs["capacity"]["fits"]
    assert warnings == [warning], "who has room is not warned"


def test_services_that_do_not_fit_are_refused_before_anything_is_asked_or_registered() -> None:
    run = Rehearsal()
    with pytest.raises(SettingsError, match="auren:dropletSize: the services do not fit s-2vcpu-2gb"):
        rehearse(
            lambda: stack.deploy(place(blueprint(dropletSize="s-2vcpu-2gb")), Deployed()),
            preview=False,
            world=World(zones=[]),
            into=run,
        )
    assert run.resources == []


@pytest.mark.parametrize("program", ["bash", "ssh"])
def test_a_machine_that_could_not_bring_a_droplet_down_is_refused_before_anything_is_registered(
    monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """A preview needs neither."""
    monkeypatch.setattr(shutil, "which", lambda name: None if name == program else f"/usr/bin/{name}")
    run = Rehearsal()
    with pytest.raises(SettingsError, match=f"this machine: has no {program} on PATH"):
        rehearse(lambda: stack.deploy(place(blueprint()), Deployed()), preview=False, into=run)
    assert run.resources == []
    assert deploy(preview=True).resources


def test_an_unproxied_site_is_not_promised_https() -> None:
    assert deploy(proxied="false").outputs["urls"]["website"] == "http://aupex.ai/"


def test_outputs_have_the_contracts_names_in_a_preview_as_well() -> None:
    exported: set[str] = set()

    def program() -> dict[str, pulumi.Input[object]]:
        given = stack.deploy(place(blueprint()), Deployed())
        exported.update(given)
        return given

    rehearse(program, preview=True)
    assert exported == {field.alias for field in outputs.StackOutputs.model_fields.values()}


def test_the_private_key_is_the_only_secret_output(rehearsal: Rehearsal) -> None:
    assert rehearsal.secret_outputs == {"sshPrivateKey"}


def test_a_missing_zone_is_refused_before_anything_is_registered() -> None:
    run = Rehearsal()
    with pytest.raises(SettingsError, match=r"auren:cloudflareZone: .* sees no zone aupex\.ai\. Add the zone"):
        rehearse(
            lambda: stack.deploy(place(blueprint()), Deployed()),
            preview=False,
            world=World([zone("example.org")]),
            into=run,
        )
    assert run.resources == []


def test_the_names_of_commands_that_no_service_may_have_are_known(rehearsal: Rehearsal) -> None:
    services = [service.name for service in blueprint().services]
    directories = {mount.source.replace("/", "-") for service in blueprint().services for mount in service.directories}
    names = {command.name.removeprefix(f"{NAME}-") for command in rehearsal.commands()} - directories
    of_none = {name for name in names if not name.startswith(tuple(f"{service}-" for service in services))}
    assert of_none - {*services} == consistency.COMMANDS - {"release"}, (
        "`release` is a command here, not on the machine"
    )
