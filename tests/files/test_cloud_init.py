"""The user data of the droplet."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from auren_infra.files import paths
from auren_infra.files.cloud_init import user_data

PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r: #'\"\n-----END OPENSSH PRIVATE KEY-----\n"
PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\n"
TEXT = user_data(PRIVATE, PUBLIC)
DOCUMENT: dict[str, Any] = yaml.safe_load(TEXT)
SCHEMA = json.loads((Path(__file__).parent / "cloud-init" / "schema-cloud-config-v1.json").read_text())
"""cloud-init's own, of Debian's package 25.1.4 (Apache-2.0)."""


def test_cloud_init_takes_it_for_cloud_config() -> None:
    assert TEXT.startswith("#cloud-config\n")


def test_the_host_key_arrives_as_it_is_and_is_the_only_one() -> None:
    """A second key, made at first boot, might be offered and is known to nobody."""
    assert DOCUMENT["ssh_keys"] == {"ed25519_private": PRIVATE, "ed25519_public": PUBLIC}
    assert DOCUMENT["ssh_deletekeys"] is True
    assert "ssh_genkeytypes" not in DOCUMENT, "cloud-init makes keys only where no ssh_keys are given"


def test_cloud_init_finds_nothing_wrong_in_it() -> None:
    """What its schema does not allow ends the first boot as "degraded", and hides a real fault."""
    faults = [error.message for error in jsonschema.Draft4Validator(SCHEMA).iter_errors(DOCUMENT)]
    assert faults == []


def test_cloud_init_would_find_what_is_wrong() -> None:
    for wrong in ({"ssh_genkeytypes": []}, {"ssh_deletekey": True}, {"disable_root": "yes please"}):
        assert not jsonschema.Draft4Validator(SCHEMA).is_valid(DOCUMENT | wrong), wrong


def test_only_host_key_and_sshd_are_in_it() -> None:
    """Any change of it replaces the droplet, and every process there can read it."""
    assert DOCUMENT.keys() == {
        "ssh_deletekeys",
        "ssh_keys",
        "ssh_pwauth",
        "disable_root",
        "write_files",
    }
    assert [file["path"] for file in DOCUMENT["write_files"]] == ["/etc/ssh/sshd_config.d/10-auren.conf"]


def _sshd() -> dict[str, str]:
    lines = DOCUMENT["write_files"][0]["content"].splitlines()
    return {line.split(" ", 1)[0]: line.split(" ", 1)[1] for line in lines if not line.startswith("#")}


def test_nobody_logs_in_with_a_password() -> None:
    sshd = _sshd()
    assert sshd["PasswordAuthentication"] == "no"
    assert sshd["KbdInteractiveAuthentication"] == "no"
    assert sshd["PermitRootLogin"] == "prohibit-password"
    assert DOCUMENT["ssh_pwauth"] is False


def test_the_program_can_log_in_as_root() -> None:
    """cloud-init otherwise puts a command in front of root's keys that refuses every login."""
    assert DOCUMENT["disable_root"] is False


def test_operators_keys_are_read_beside_the_programs() -> None:
    assert _sshd()["AuthorizedKeysFile"] == f".ssh/authorized_keys {paths.OPERATOR_KEYS}"


def test_our_sshd_settings_count_before_the_images() -> None:
    """sshd keeps the first value that it reads, and reads these files by name."""
    directory, _, name = DOCUMENT["write_files"][0]["path"].rpartition("/")
    assert directory == "/etc/ssh/sshd_config.d"
    assert name < "50-cloud-init.conf"


def test_the_same_keys_give_the_same_text() -> None:
    assert user_data(PRIVATE, PUBLIC) == TEXT
