"""The machine, its address and its disk."""

import pytest
import yaml

from tests.unit.rehearsal import ADDRESS, NAME, UNKNOWN, Rehearsal, deploy

DROPLET = "digitalocean:index/droplet:Droplet"
ATTACHMENT = "digitalocean:index/volumeAttachment:VolumeAttachment"
ASSIGNMENT = "digitalocean:index/reservedIpAssignment:ReservedIpAssignment"
VOLUME = "digitalocean:index/volume:Volume"


def test_the_droplet_is_what_was_chosen(update: Rehearsal) -> None:
    inputs = update.only(DROPLET).inputs
    assert {name: inputs[name] for name in ("size", "image", "region", "vpcUuid", "sshKeys")} == {
        "size": "s-2vcpu-4gb",
        "image": "ubuntu-22-04-x64",
        "region": "nyc3",
        "vpcUuid": f"id-of-{NAME}",
        "sshKeys": [f"id-of-{NAME}"],
    }
    assert inputs["gracefulShutdown"] is False


def test_a_resize_can_be_taken_back(update: Rehearsal) -> None:
    """A disk that was once made larger can never be made smaller."""
    assert update.only(DROPLET).inputs["resizeDisk"] is False


def test_two_droplets_never_want_the_same_volume(rehearsal: Rehearsal) -> None:
    """A volume and an address lead to one droplet only, so the old one goes first."""
    for type_ in (DROPLET, ATTACHMENT, ASSIGNMENT):
        assert rehearsal.only(type_).delete_before_replace, type_


def test_the_host_key_is_known_before_the_machine_is_there(update: Rehearsal) -> None:
    key = update.one("tls:index/privateKey:PrivateKey", f"{NAME}-host")
    droplet = update.only(DROPLET)
    document = yaml.safe_load(droplet.inputs["userData"])
    assert document["ssh_keys"] == {
        "ed25519_private": f"PRIVATE-{NAME}-host-PRIVATE\n",
        "ed25519_public": "ssh-ed25519 AAAAC3aurentesthostA\n",
    }
    assert key.urn in droplet.dependencies
    assert "userData" in droplet.secrets


def test_the_two_keys_are_not_one(update: Rehearsal) -> None:
    keys = update.of_type("tls:index/privateKey:PrivateKey")
    assert [key.inputs["algorithm"] for key in keys] == ["ED25519", "ED25519"]
    assert update.only("digitalocean:index/sshKey:SshKey").inputs["publicKey"] == "ssh-ed25519 AAAAC3aurentestdeployAAA"


def test_the_deploy_key_stays_out_of_the_user_data(update: Rehearsal) -> None:
    """Every process on the machine can read it at the metadata address."""
    assert "deploy" not in update.only(DROPLET).inputs["userData"]


def test_a_machine_is_made_when_ids_are_unknown(preview: Rehearsal) -> None:
    inputs = preview.only(DROPLET).inputs
    assert inputs["userData"] == inputs["vpcUuid"] == UNKNOWN
    assert preview.only(ATTACHMENT).inputs["dropletId"] == UNKNOWN


def test_address_and_volume_lead_to_the_droplet(update: Rehearsal) -> None:
    assert update.only(ASSIGNMENT).inputs == {"ipAddress": ADDRESS, "dropletId": 3164494}
    assert update.only(ATTACHMENT).inputs == {"volumeId": f"id-of-{NAME}", "dropletId": 3164494}


@pytest.mark.parametrize(("protect_data", "protected"), [("true", True), ("false", False)])
def test_data_cannot_be_lost_by_mistake(protect_data: str, protected: bool) -> None:
    volume = deploy(protectData=protect_data).only(VOLUME)
    assert volume.protect is protected
    assert volume.retain_on_delete is protected


def test_the_volume_is_formatted_by_the_cloud_when_it_is_made(update: Rehearsal) -> None:
    inputs = update.only(VOLUME).inputs
    assert inputs["initialFilesystemType"] == "ext4"
    assert inputs["size"] == 40
    assert "snapshotId" not in inputs
