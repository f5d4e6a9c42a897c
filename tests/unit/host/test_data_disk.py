"""The data disk: mounted before anything uses it, released before it is detached."""

import shlex

from auren_infra.bundle import unpack
from auren_infra.host.machine import script
from tests.unit.configuration import blueprint
from tests.unit.rehearsal import ADDRESS, NAME, Rehearsal

ATTACHMENT = "digitalocean:index/volumeAttachment:VolumeAttachment"
DROPLET = "digitalocean:index/droplet:Droplet"
LOCAL = "command:local:Command"


def test_a_disk_is_released_before_it_is_detached(rehearsal: Rehearsal) -> None:
    """What depends on the attachment is deleted before it."""
    release = rehearsal.only(LOCAL)
    assert release.name == f"{NAME}-release"
    assert rehearsal.only(ATTACHMENT).urn in release.dependencies
    assert release.replace_with == {rehearsal.only(ATTACHMENT).urn, rehearsal.only(DROPLET).urn}
    assert release.delete_before_replace
    assert release.deleted_with == "", "its deletion is all that it is there for"


def test_a_disk_that_was_detached_by_hand_is_mounted_again(rehearsal: Rehearsal) -> None:
    """A refresh drops the attachment from the state; the next is created. The containers' commands stay as they are."""
    attachment = rehearsal.only(ATTACHMENT).urn
    generation = rehearsal.command("nginx-release").inputs["triggers"][-1]
    # Behind the machine's own.
    others = {command.name: command.inputs["triggers"][1:] for command in rehearsal.commands()}
    assert [name for name, triggers in others.items() if triggers not in ([], [generation])] == [f"{NAME}-data-disk"]
    assert attachment in rehearsal.command("data-disk").dependencies


def test_containers_are_deleted_before_the_disk_is_released(rehearsal: Rehearsal) -> None:
    release = rehearsal.only(LOCAL).urn
    assert release in rehearsal.ancestry(rehearsal.command("data-disk").urn)
    for service in ("postgres", "redis", "chromadb", "kafka", "api", "nginx"):
        assert release in rehearsal.ancestry(rehearsal.command(service).urn), service


def test_the_release_does_nothing_until_it_is_deleted(update: Rehearsal) -> None:
    inputs = update.only(LOCAL).inputs
    assert inputs["create"] == ":"
    assert "update" not in inputs
    assert inputs["delete"] == script("over_ssh")
    assert inputs["interpreter"] == ["bash", "-c"]


def test_the_release_knows_the_machine_that_it_logs_in_to(update: Rehearsal) -> None:
    release = update.only(LOCAL)
    environment = release.inputs["environment"]
    assert environment["HOST"] == ADDRESS
    assert (environment["PORT"], environment["WEB_PORT"]) == ("22", "80")
    assert environment["KNOWN_HOSTS"] == f"{ADDRESS} ssh-ed25519 AAAAC3aurentesthostA"
    assert environment["COMMAND"] == "env LC_ALL=C timeout 900 bash -s -- /mnt/auren-data 0"
    assert environment["SCRIPT"] == script("release_data_disk")
    assert int(environment["LOCAL_BOUND"]) > 900, "the machine's own last words must arrive"
    assert release.inputs["stdin"] == f"PRIVATE-{NAME}-deploy-PRIVATE\n"
    assert "stdin" in release.secrets


def test_the_disk_has_a_directory_for_each_named_volume(update: Rehearsal) -> None:
    command = update.command("data-disk")
    words = shlex.split(command.inputs["create"])
    assert words[words.index("--") + 1 :] == [
        f"/dev/disk/by-id/scsi-0DO_Volume_{NAME}",
        "/mnt/auren-data",
        "40",
    ]
    directories = unpack(command.inputs["stdin"].removeprefix(script("data_disk")))["directories"].splitlines()
    assert {"/mnt/auren-data/postgres_data 999:999", "/mnt/auren-data/kafka-data 1000:1000"} <= set(directories)
    volumes = [volume.name for service in blueprint().services for volume in service.volumes]
    assert sorted(line.split()[0] for line in directories) == sorted(
        f"/mnt/auren-data/{name}" for name in {*volumes, "slots"}
    )
