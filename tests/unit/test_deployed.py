"""A stack that is up: which changes of its settings are refused, and what is asked of the cloud for that."""

from dataclasses import replace
from typing import Any, cast

import pulumi
import pytest

from auren_infra import stack
from auren_infra.admission import admit
from auren_infra.cloud.last_update import last_update
from auren_infra.placement import place
from auren_infra.settings import Fault, SettingsError
from auren_infra.settings.deployed import Deployed, DeployedDroplet, faults, of_outputs, of_resources
from tests.unit.configuration import COMPLETE, PINS, blueprint, engine_values, settings
from tests.unit.rehearsal import Rehearsal, World, rehearse

URN = "urn:pulumi:prod::auren::auren:cloud:Droplet$digitalocean:index/droplet:Droplet::auren-test"
DROPLET = DeployedDroplet(URN, id=3164494, size="s-4vcpu-8gb", disk_gb=160, image="ubuntu-22-04-x64", region="nyc3")
UP = Deployed(
    name="auren-test",
    region="nyc3",
    volume_gb=40,
    droplet_size="s-4vcpu-8gb",
    images={"postgres": "docker.io/library/postgres:17.9", "redis": "docker.io/library/redis:7.4.5"},
)
GET_DROPLET = "digitalocean:index/getDroplet:getDroplet"


def _state(name: str = "auren-test") -> dict[str, dict[str, object]]:
    """What the engine's `readStackResourceOutputs` answers for that stack, without what is not looked at."""
    head = "urn:pulumi:prod::auren::"
    return {
        f"{head}pulumi:pulumi:Stack::auren-prod": {
            "type": "pulumi:pulumi:Stack",
            "outputs": {
                "droplet": {"region": "nyc3", "size": "s-4vcpu-8gb"},
                "volumes": [{"name": name, "sizeGb": 40.0}],
                "services": {service: {"image": image} for service, image in UP.images.items()},
            },
        },
        f"{head}auren:cloud:Network::{name}": {"type": "auren:cloud:Network", "outputs": {}},
        f"{head}auren:cloud:Network$digitalocean:index/vpc:Vpc::{name}": {
            "type": "digitalocean:index/vpc:Vpc",
            "outputs": {"ipRange": "10.200.0.0/20", "region": "nyc3"},
        },
        f"{head}auren:cloud:DataVolume::{name}": {"type": "auren:cloud:DataVolume", "outputs": {}},
        f"{head}auren:cloud:DataVolume$digitalocean:index/volume:Volume::{name}": {
            "type": "digitalocean:index/volume:Volume",
            "outputs": {"size": 40.0, "region": "nyc3", "name": name},
        },
        URN: {
            "type": "digitalocean:index/droplet:Droplet",
            "outputs": {
                "dropletUrn": "do:droplet:3164494",
                "size": "s-4vcpu-8gb",
                "disk": 160.0,
                "image": "ubuntu-22-04-x64",
                "region": "nyc3",
            },
        },
    }


def _faults(before: Deployed = UP, /, **changes: str) -> list[Fault]:
    size = {"dropletSize": "s-4vcpu-8gb"}
    chosen = settings(**{**size, **changes})
    return faults(chosen, PINS | chosen.images, before)


def test_the_state_is_read() -> None:
    (stack_itself,) = (each for each in _state().values() if each["type"] == "pulumi:pulumi:Stack")
    assert of_outputs(cast("dict[str, Any]", stack_itself["outputs"])) == UP
    assert of_resources(_state()) == replace(UP, vpc_range="10.200.0.0/20", droplet=DROPLET)


def test_what_the_program_puts_out_is_what_is_read(update: Rehearsal) -> None:
    before = of_outputs(update.outputs)
    chosen = settings()
    assert before
    assert faults(chosen, PINS | chosen.images, before) == []
    assert (before.name, before.region, before.volume_gb, before.droplet_size, before.images) == (
        chosen.name,
        chosen.region,
        chosen.data_volume_size,
        chosen.droplet_size,
        PINS | chosen.images,
    )


def test_a_stack_that_was_never_updated_has_nothing_to_lose() -> None:
    assert of_outputs({}) is None
    assert of_outputs({"version": 1}) is None, "another program's"
    assert of_resources({}) == Deployed()


def test_it_is_known_which_names_have_their_records(update: Rehearsal) -> None:
    before = of_outputs(update.outputs)
    assert before
    assert before.domain == "aupex.ai"
    record = "urn:pulumi:prod::auren::auren:cloud:Dns$cloudflare:index/dnsRecord:DnsRecord::www.aupex.ai"
    assert of_resources({record: {"type": "cloudflare:index/dnsRecord:DnsRecord"}}).records == {"www.aupex.ai"}
    assert _faults(Deployed(), name="another", region="fra1", dataVolumeSize="1") == []


def test_an_update_that_failed_at_its_beginning_has_a_name_already() -> None:
    """Its stack has no outputs yet, and may have a volume."""
    head = "urn:pulumi:prod::auren::"
    only = {f"{head}auren:cloud:Network::auren-old": {"type": "auren:cloud:Network", "outputs": {}}}
    assert of_resources(only) == Deployed(name="auren-old")


@pytest.mark.parametrize(
    ("changes", "key", "said"),
    [
        (
            {"name": "auren-other"},
            "name",
            "Keep the name: `pulumi config set auren:name auren-test` (it is 'auren-other')",
        ),
        ({"region": "fra1"}, "region", "are in nyc3, cannot move to another region, and are protected; set it to nyc3"),
        ({"dataVolumeSize": "39"}, "dataVolumeSize", "has 40 GB and can only grow; set it to 40 or more (it is 39)"),
        (
            {"images": COMPLETE["images"].replace("[", '["postgres=docker.io/library/postgres:16.9", ')},
            "images",
            "PostgreSQL 17 wrote the data, and 16 cannot read it. Keep it: postgres=docker.io/library/postgres:17.9",
        ),
    ],
)
def test_a_change_that_would_lose_the_data_or_the_address_is_refused(
    changes: dict[str, str], key: str, said: str
) -> None:
    (fault,) = _faults(**changes)
    assert fault.where == f"auren:{key}"
    assert said in fault.what


@pytest.mark.parametrize(
    "changes",
    [
        {"vpcRange": "10.201.0.0/20", "kafkaUiAllowed": "[]"},
        {"dropletImage": "debian-12-x64"},
        {"dataVolumeSize": "80"},
        {"domain": "app.aupex.ai"},
        {"protectData": "false"},
        {"images": COMPLETE["images"].replace("[", '["postgres=docker.io/library/postgres:17.10", ')},
        {"images": COMPLETE["images"].replace("[", '["postgres=ghcr.io/somebody/database:2", ')},
    ],
)
def test_a_change_that_loses_nothing_is_not(changes: dict[str, str]) -> None:
    assert _faults(**changes) == []


def test_all_of_them_are_told_with_the_faults_of_the_settings() -> None:
    values = engine_values(
        {**COMPLETE, "name": "auren-other", "region": "fra1", "users": "many", "dataVolumeSize": "1"}
    )
    with pytest.raises(SettingsError) as refused:
        admit("prod", values, UP)
    lines = str(refused.value).splitlines()
    assert lines[0] == "The configuration has 3 faults; nothing was touched."
    assert [line.split(": ")[0].strip() for line in lines[1:4]] == ["auren:users", "auren:name", "auren:region"]


def test_a_wrong_value_is_not_compared() -> None:
    with pytest.raises(SettingsError, match="has 1 fault; nothing was touched"):
        admit("test", engine_values({**COMPLETE, "name": "auren-test", "region": "mars"}), UP)


def test_a_renamed_stack_that_keeps_its_name_is_as_it_was() -> None:
    values = engine_values({**COMPLETE, "dropletSize": "s-4vcpu-8gb"})
    with pytest.raises(SettingsError, match="`pulumi config set auren:name auren-test`"):
        admit("production", values, UP)
    assert admit("production", {**values, "auren:name": "auren-test"}, UP).settings.name == "auren-test"


def test_data_that_is_not_protected_may_be_given_up_and_the_preview_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    changes = {"region": "fra1", "protectData": "false", "dataVolumeSize": "10"}
    assert _faults(**changes) == []
    _deploy(World(), **changes)
    (warning,) = warnings
    assert warning.startswith(
        "auren:region: the data volume and the address are in nyc3 and cannot move to fra1. They are"
    )
    assert warning.endswith("this update deletes both, with all data.")


def _deploy(world: World, before: Deployed = UP, into: Rehearsal | None = None, /, **changes: str) -> Rehearsal:
    world.state = _state() if before is UP else {}
    return rehearse(lambda: stack.deploy(place(blueprint(**changes)), before), preview=True, world=world, into=into)


@pytest.mark.parametrize(
    "world",
    [
        World(disk_gb=160),
        World(refusal="GET https://…/v2/droplets/3164494: 503 Service Unavailable"),
        World(refusal="GET https://…/v2/droplets/404: 401 Unable to authenticate you"),
    ],
    ids=["there", "cloud is away", "token is unknown"],
)
def test_a_size_with_a_smaller_disk_is_refused_with_both_sizes_and_the_repair(world: World) -> None:
    """The machine was shut down for it before DigitalOcean said no. If DigitalOcean is away, the state says it."""
    run = Rehearsal()
    with pytest.raises(SettingsError) as refused:
        _deploy(world, UP, run, dropletSize="s-2vcpu-4gb")
    said = str(refused.value)
    assert "has 1 fault; nothing was touched" in said
    assert "  auren:dropletSize: the droplet is a s-4vcpu-8gb with a disk of 160 GB, s-2vcpu-4gb has 80 GB" in said
    assert "; set it back to s-4vcpu-8gb, or to one of s-8vcpu-16gb, s-8vcpu-32gb-amd\n" in said
    assert f"\n    `pulumi destroy --target '{URN}' --target-dependents`, then `pulumi up`\n" in said
    assert run.resources == []
    assert world.asked.count(GET_DROPLET) == 1


def test_it_is_told_together_with_the_zone() -> None:
    with pytest.raises(SettingsError, match="has 2 faults"):
        _deploy(World(zones=[], disk_gb=160), dropletSize="s-2vcpu-4gb")


@pytest.mark.parametrize(
    ("world", "changes"),
    [
        (World(disk_gb=160), {"dropletSize": "s-8vcpu-16gb"}),
        (World(disk_gb=80), {"dropletSize": "s-2vcpu-4gb"}),  # it was made smaller than it is, and its disk stayed
        (World(refusal='GET https://…/v2/droplets/3164494: 404 (request "5e29")'), {"dropletSize": "s-2vcpu-4gb"}),
    ],
    ids=["larger", "same disk", "droplet is gone"],
)
def test_a_size_that_the_disk_fits_is_taken(world: World, changes: dict[str, str]) -> None:
    assert _deploy(world, **changes).only("digitalocean:index/droplet:Droplet").inputs["size"] == changes["dropletSize"]
    assert world.asked.count(GET_DROPLET) == 1


@pytest.mark.parametrize(
    ("before", "changes"),
    [
        (Deployed(), {"dropletSize": "s-2vcpu-4gb"}),
        (UP, {"dropletSize": "s-4vcpu-8gb"}),
        (UP, {"dropletSize": "s-2vcpu-4gb", "dropletImage": "debian-12-x64"}),
        (UP, {"dropletSize": "s-2vcpu-4gb", "vpcRange": "10.201.0.0/20", "kafkaUiAllowed": "[]"}),
    ],
    ids=["first update", "same size", "another image", "another VPC"],
)
def test_the_cloud_is_not_asked_when_no_droplet_is_resized(before: Deployed, changes: dict[str, str]) -> None:
    """A droplet that is replaced has a disk of its own."""
    world = World(disk_gb=160)
    _deploy(world, before, **changes)
    assert GET_DROPLET not in world.asked


def test_a_preview_that_resizes_nothing_reads_the_outputs_only() -> None:
    """The resources hold the website: to hand over 16 MB of it takes the engine seconds."""
    world = World()
    _deploy(world, dropletSize="s-4vcpu-8gb")
    assert world.asked == ["cloudflare:index/getZones:getZones"]
    world = World(state=_state())
    assert rehearse(lambda: {"name": last_update().name}, preview=True, world=world)
    assert world.asked == ["pulumi:pulumi:readStackOutputs"]


def test_a_state_that_is_being_written_is_read_again() -> None:
    """An update failed with "failed to load checkpoint: EOF": the engine wrote the file while it was read."""
    world = World(state=_state(), unreadable=3)
    assert rehearse(lambda: {"name": last_update().name}, preview=True, world=world)
    assert world.asked == ["pulumi:pulumi:readStackOutputs"] * 4


def test_a_state_that_cannot_be_read_is_no_stack_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auren_infra.cloud.last_update.PATIENCE", 0)
    with pytest.raises(SettingsError, match=r"could not be read, and nothing was touched:\n.*failed to load"):
        rehearse(lambda: {"name": last_update().name}, preview=True, world=World(state=_state(), unreadable=1000))


def test_an_update_that_never_succeeded_is_known_by_its_resources() -> None:
    only = {urn: each for urn, each in _state().items() if each["type"] != "pulumi:pulumi:Stack"}
    found: list[Deployed] = []
    rehearse(lambda: found.append(last_update()) or {}, preview=True, world=World(state=only))
    (before,) = found
    assert (before.name, before.region, before.volume_gb) == ("auren-test", "nyc3", 40)
