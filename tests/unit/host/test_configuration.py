"""The files on the machine, and how secrets get there."""

import json
import shlex

import pytest

from auren_infra.host.machine import script
from tests.unit.rehearsal import Registration, Rehearsal

SERVICES = ("nginx", "api", "bridge", "postgres", "redis", "chromadb", "zookeeper", "kafka", "kafka-ui")


def test_no_secret_is_in_a_command_line(update: Rehearsal) -> None:
    """A command that fails is printed whole, with its output."""
    for command in [*update.commands(), update.only("command:local:Command")]:
        for name in ("create", "update", "delete"):
            text = command.inputs.get(name, "")
            assert "PASSWORD-" not in text, command.name
            assert "PRIVATE-" not in text, command.name


def test_no_secret_is_in_plain_in_the_state(update: Rehearsal) -> None:
    for resource in update.resources:
        for name, value in resource.inputs.items():
            if "PASSWORD-" in json.dumps(value) or "PRIVATE-" in json.dumps(value):
                assert name in resource.secrets, f"{resource.type} {resource.name}: {name}"


def test_a_release_is_not_secret(update: Rehearsal) -> None:
    """Were it so, a preview would hide what changes."""
    for service in SERVICES:
        assert not update.command(f"{service}-release").secrets & {"stdin", "create"}, service


def _arguments(command: Registration) -> list[str]:
    words = shlex.split(command.inputs["create"])
    return words[words.index("--") + 1 :]


def test_passwords_reach_the_machine_as_files_of_their_readers(update: Rehearsal) -> None:
    written = {
        name: (_arguments(command), command.inputs["stdin"].removeprefix(script("put_secret")).partition("\n"))
        for name in ("postgres-postgres_password", "api-postgres_password", "api-redis_password", "redis-redis.acl")
        if (command := update.command(name))
    }
    services = "/opt/auren/services"
    assert {name: (arguments, text) for name, (arguments, (_, _, text)) in written.items()} == {
        "postgres-postgres_password": (
            [f"{services}/postgres/secrets", "postgres_password", "999:999"],
            "PASSWORD-postgres-PASSWORD",
        ),
        "api-postgres_password": (
            [f"{services}/api/secrets", "postgres_password", "10001:10001"],
            "PASSWORD-postgres-PASSWORD",
        ),
        "api-redis_password": ([f"{services}/api/secrets", "redis_password", "10001:10001"], "PASSWORD-redis-PASSWORD"),
        "redis-redis.acl": (
            [f"{services}/redis/secrets", "redis.acl", "999:999"],
            "user default on ~* &* +@all >PASSWORD-redis-PASSWORD\n",
        ),
    }
    digests = {name: digest for name, (_, (digest, _, _)) in written.items()}
    assert _arguments(update.command("api-release")) == [
        "api",
        f"postgres_password={digests['api-postgres_password']}",
        f"redis_password={digests['api-redis_password']}",
    ], "a release names the secrets that it needs"


@pytest.mark.parametrize("password", ["postgres", "redis"])
def test_generated_passwords_need_no_quoting_anywhere(update: Rehearsal, password: str) -> None:
    inputs = update.one("random:index/randomPassword:RandomPassword", password).inputs
    assert inputs["length"] >= 32
    assert inputs["special"] is False
