"""Every command on the machine: whom it talks to, how long it may take, and what becomes of it."""

import shlex

from auren_infra.host.machine import script
from tests.unit.rehearsal import ADDRESS, NAME, UNKNOWN, Registration, Rehearsal

DROPLET = "digitalocean:index/droplet:Droplet"
SERVICES = ("nginx", "api", "postgres", "redis")


def test_no_command_talks_to_a_machine_whose_host_key_it_does_not_know(rehearsal: Rehearsal) -> None:
    """Without `hostKey` the provider takes any."""
    host_key = rehearsal.one("tls:index/privateKey:PrivateKey", f"{NAME}-host").urn
    for command in rehearsal.commands():
        assert host_key in command.dependencies, command.name
        connection = command.inputs["connection"]
        assert connection == UNKNOWN or connection["hostKey"].startswith("ssh-ed25519 AAAA"), command.name


def test_a_connection_is_complete_and_waits_for_a_booting_machine(update: Rehearsal) -> None:
    for command in update.commands():
        assert command.inputs["connection"] == {
            "host": ADDRESS,
            "port": 22,
            "user": "root",
            "privateKey": f"PRIVATE-{NAME}-deploy-PRIVATE\n",
            "hostKey": "ssh-ed25519 AAAAC3aurentesthostA",
            "dialErrorLimit": 60,
            "perDialTimeout": 15,
        }, command.name


def test_every_command_runs_again_on_a_new_machine_and_is_not_undone_on_the_old(rehearsal: Rehearsal) -> None:
    droplet = rehearsal.only(DROPLET).urn
    for command in rehearsal.commands():
        assert command.deleted_with == droplet, command.name
        assert command.replace_with == {droplet}, command.name


def test_no_command_needs_a_machine_that_may_be_dead_to_be_deleted(rehearsal: Rehearsal) -> None:
    for command in rehearsal.commands():
        assert "delete" not in command.inputs, command.name


def test_a_machine_that_was_deleted_by_hand_gets_every_command_again(rehearsal: Rehearsal) -> None:
    """A refresh drops it from the state; the next is created, not replaced, and `replace_with` would say nothing."""
    droplet = rehearsal.only(DROPLET)
    assert len({command.inputs["triggers"][0] for command in rehearsal.commands()}) == 1
    assert all(droplet.urn in command.dependencies for command in rehearsal.commands())


def test_what_has_something_to_undo_has_no_triggers(rehearsal: Rehearsal) -> None:
    """They always replace: the new `create` runs first and then the old `delete`."""
    assert "triggers" not in rehearsal.only("command:local:Command").inputs


def test_no_command_knows_what_it_printed_before(rehearsal: Rehearsal) -> None:
    for command in [*rehearsal.commands(), rehearsal.only("command:local:Command")]:
        assert not command.inputs.get("addPreviousOutputInEnv", True), command.name


def _within_the_locale(command: Registration) -> list[str]:
    """The command behind `env LC_ALL=C AUREN_ORDER=…`, as words."""
    words = shlex.split(command.inputs["create"])
    assert words[:2] == ["env", "LC_ALL=C"], f"{command.name} would sort and parse as the machine's language has it"
    assert words[2].startswith("AUREN_ORDER="), command.name
    return words[3:]


def test_every_command_is_a_bounded_script_with_a_lock_of_its_own(rehearsal: Rehearsal) -> None:
    locks: list[str] = []
    later = {command.name for command in rehearsal.commands() if command.inputs["create"] == UNKNOWN}
    readers = {f"{NAME}-{service}-release" for service in ("api", "bridge", "postgres", "redis")}
    assert later in (set(), readers), "what is called with digests is known when its secrets are"
    for command in rehearsal.commands():
        if command.name in later:
            continue
        words = _within_the_locale(command)
        assert words[:2] == ["flock", "-w"], command.name
        assert words[4:5] == ["timeout"], command.name
        assert int(words[2]) == int(words[5]) <= 1500, f"{command.name} must wait for the run before it, not longer"
        assert words[6:9] == ["bash", "-s", "--"], command.name
        locks.append(words[3])
    assert len(set(locks)) == len(locks), "two commands with one lock would wait for each other"


def test_the_bound_of_a_container_leaves_room_for_its_health_check_twice(rehearsal: Rehearsal) -> None:
    for service in SERVICES:
        words = _within_the_locale(rehearsal.command(service))
        bound, deadline = int(words[5]), int(words[10])
        assert bound >= 2 * deadline + 300, service


def test_the_script_stands_before_its_data(update: Rehearsal) -> None:
    scripts = {"ready": "wait_ready", "docker": "docker_engine", "operators": "put_file", "website": "put_tree"}
    for name, script_name in scripts.items():
        assert update.command(name).inputs["stdin"].startswith(script(script_name)), name
