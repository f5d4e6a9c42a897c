"""`python -m auren_infra drift` as it is typed, with a `pulumi` and an `ssh` on PATH that only note and print."""

import json
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auren_infra.drift.__main__ import main
from auren_infra.drift.look import pads
from auren_infra.host.machine import script
from auren_infra.outputs import HIDDEN
from tests.unit.drift.machine import SERVICES, Machine, directory_of, export
from tests.unit.rehearsal import NAME, Rehearsal

Run = Callable[..., tuple[int, str, str]]

PULUMI = """
echo "$*" >>pulumi-calls
case "$*" in
*missing*) echo "no stack named" >&2; exit 255 ;;
"stack export"*) cat export ;;
"stack output"*--show-secrets*) cat shown ;;
"stack output"*) cat hidden ;;
*) exit 98 ;;
esac
"""
SSH = """
echo "$*" >>ssh-calls
config=$(echo "$*" | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
stat -c '%a %n' "${config%/*}" "${config%/*}"/* | sed "s|${config%/*}|KEPT|" >modes
cp "$config" config && cp "${config%/*}/key" key && cp "${config%/*}/known_hosts" known_hosts
echo "${config%/*}" >kept
cat >asked
[ ! -e refuse ] || { cat refuse >&2; exit 255; }
cat looked
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update: Rehearsal, machine: Machine) -> Path:
    """The directory in which they find their answers, and leave what they were asked."""
    monkeypatch.chdir(tmp_path)
    machine.texts["clock"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n"
    folder = tmp_path / "programs"
    (folder / "bin").mkdir(parents=True)
    for name, body in {"pulumi": PULUMI, "ssh": SSH}.items():
        program = folder / "bin" / name
        program.write_text(f"#!/bin/sh\nset -e\ncd {shlex.quote(str(folder))}\n{body}")
        program.chmod(0o755)
    (folder / "export").write_text(export(update))
    (folder / "hidden").write_text(json.dumps({**update.outputs, "sshPrivateKey": HIDDEN}))
    (folder / "shown").write_text(json.dumps(update.outputs))
    (folder / "looked").write_text(machine.looked)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")
    return folder


@pytest.fixture
def run(programs: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def typed(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return typed


def test_a_machine_that_is_right_is_looked_at_once(run: Run, programs: Path) -> None:
    assert run("--stack", "prod") == (0, "The machine is what was deployed.\n", "")
    assert len((programs / "ssh-calls").read_text().splitlines()) == 1
    asked = (programs / "asked").read_text()
    assert asked.startswith(script("look"))
    assert f"\nfile {directory_of(SERVICES['nginx'])}/compose.yml\n" in asked
    assert f"\ntree {directory_of(SERVICES['nginx'])}/files\n" in asked
    assert "\ntree /opt/auren/website/current\n" in asked
    secret = f"{directory_of(SERVICES['redis'])}/secrets/redis.acl"
    assert f"\nsecret {secret}\n" in asked
    assert f"\nfile {secret}\n" not in asked
    assert f"\nkey {' '.join(pads('PASSWORD-digests-PASSWORD'))}\n" in asked
    assert "\nunit auren-watchdog.service\n" in asked
    assert f"\ndisk /dev/disk/by-id/scsi-0DO_Volume_{NAME} /mnt/auren-data\n" in asked


def test_the_connection_trusts_this_machine_alone(run: Run, programs: Path) -> None:
    run()
    config = (programs / "config").read_text()
    assert "StrictHostKeyChecking yes" in config
    assert "IdentitiesOnly yes" in config
    assert (programs / "known_hosts").read_text().startswith(f"{NAME},")
    assert "IdentityAgent=none" in (programs / "ssh-calls").read_text()


def test_a_stack_that_keeps_no_key_is_logged_in_to_with_the_agents(run: Run, programs: Path, update: Rehearsal) -> None:
    (programs / "shown").write_text(json.dumps({**update.outputs, "sshPrivateKey": ""}))
    assert run("--stack", "prod")[0] == 0
    asked = (programs / "ssh-calls").read_text() + (programs / "config").read_text()
    assert not [word for word in ("IdentityAgent", "IdentityFile", "IdentitiesOnly") if word in asked]
    assert "StrictHostKeyChecking yes" in asked


def test_the_key_is_this_users_alone_and_gone_afterwards(
    run: Run, programs: Path, update: Rehearsal, machine: Machine
) -> None:
    for answer in (machine.looked, "cut"):
        (programs / "looked").write_text(answer)
        run()
        assert (programs / "key").read_text() == update.outputs["sshPrivateKey"]
        modes = (programs / "modes").read_text().splitlines()
        assert modes == ["700 KEPT", "600 KEPT/config", "600 KEPT/key", "600 KEPT/known_hosts"]
        assert not Path((programs / "kept").read_text().strip()).exists()


def test_each_difference_is_a_line_and_all_repairs_have_one_order(
    run: Run, programs: Path, update: Rehearsal, machine: Machine
) -> None:
    del machine.containers["auren-kafka-ui"]
    redis_file = f"{directory_of(SERVICES['redis'])}/files/redis.conf"
    del machine.files[redis_file]
    machine.texts["bridge-filtering"] = "0\n0\n"
    machine.containers["auren-nginx"]["host"]["Memory"] = 1
    (programs / "looked").write_text(machine.looked)
    up = "pulumi up --stack prod"
    kafka_ui, staged, redis, nginx = (
        f"--target-replace '{update.command(name).urn}'" for name in ("kafka-ui", "redis-release", "redis", "nginx")
    )
    sysctl = "sysctl -w net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1"
    remove = "docker rm --force auren-nginx"
    status, shown, _ = run("--stack", "prod")
    filtering, *others = shown.splitlines()
    assert status == 1
    assert filtering.startswith("net.bridge.bridge-nf-call-iptables is off: ")
    assert filtering.endswith(f" Repair: on the machine `{sysctl}`")
    limit = SERVICES["nginx"].limits.memory_mb << 20
    assert others == [
        f"{redis_file} is gone. Repair: `{up} {staged} {redis}`",
        f"auren-kafka-ui is gone: there is no such container. Repair: `{up} {kafka_ui}`",
        f"auren-nginx has memory limit 1, not {limit}. Repair: on the machine `{remove}`, then `{up} {nginx}`",
        "",
        "To repair all of it, in this order:",
        "1. On the machine, line by line:",
        f"     {sysctl}",
        f"     {remove}",
        "2. Here:",
        f"     {up} {staged} {redis} {kafka_ui} {nginx}",
    ]


def test_one_difference_needs_no_order(run: Run, programs: Path, machine: Machine) -> None:
    machine.containers["auren-nginx"]["host"]["Memory"] = 1
    (programs / "looked").write_text(machine.looked)
    assert len(run()[1].splitlines()) == 1


def test_a_command_that_two_differences_need_is_said_once(run: Run, programs: Path, machine: Machine) -> None:
    machine.containers["auren-nginx"]["host"] |= {"Memory": 1, "PidsLimit": 1}
    (programs / "looked").write_text(machine.looked)
    steps = run()[1].partition("To repair all of it")[2]
    assert steps.count("docker rm --force auren-nginx") == 1
    assert steps.count("--target-replace") == 1


def test_the_selected_stack_is_compared_when_none_is_named(run: Run, programs: Path, machine: Machine) -> None:
    del machine.containers["auren-kafka-ui"]
    (programs / "looked").write_text(machine.looked)
    assert "`pulumi up --target-replace " in run()[1]
    assert "--stack" not in (programs / "pulumi-calls").read_text()


def test_a_stacks_name_is_understood_as_the_engine_prints_it(run: Run, programs: Path, machine: Machine) -> None:
    del machine.containers["auren-kafka-ui"]
    (programs / "looked").write_text(machine.looked)
    for typed, meant in (("auren/prod", "prod"), ("organization/auren/prod", "organization/auren/prod")):
        assert f"`pulumi up --stack {meant} --target-replace " in run("--stack", typed)[1]
        assert f" --stack {meant}\n" in (programs / "pulumi-calls").read_text()


def test_a_stack_of_another_project_is_not_looked_at(run: Run, programs: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        run("--stack", "organization/other/prod")
    assert not (programs / "pulumi-calls").exists()


def test_no_secret_is_shown(run: Run, programs: Path, update: Rehearsal, machine: Machine) -> None:
    machine.files.clear()
    machine.containers.clear()
    (programs / "looked").write_text(machine.looked)
    status, shown, said = run()
    assert status == 1
    for secret in ("PRIVATE-", "PASSWORD-", update.outputs["sshPrivateKey"].strip()):
        assert secret not in shown + said + (programs / "asked").read_text()


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("export", "{}", "Nothing was deployed to a machine by this stack yet: `pulumi up` first."),
        ("shown", "{}", "its first `pulumi up` has not succeeded yet"),
        ("refuse", "Host key verification failed.", "cannot be reached over SSH:\nHost key verification failed."),
        ("looked", "files 0 \n", "The machine's answer is not whole."),
        ("looked", "what is this", "otherwise than this program knows"),
    ],
)
def test_what_cannot_be_looked_at_is_no_difference(run: Run, programs: Path, file: str, text: str, reason: str) -> None:
    (programs / file).write_text(text)
    status, shown, said = run()
    assert (status, shown) == (2, "")
    assert said.startswith("error: ")
    assert reason in said


def test_an_update_that_runs_or_was_cut_is_waited_for(run: Run, programs: Path, update: Rehearsal) -> None:
    (programs / "export").write_text(export(update, pending_operations=[{"type": "updating"}]))
    status, _, said = run()
    assert status == 2
    assert "An update of this stack is running, or was cut" in said
    assert not (programs / "ssh-calls").exists()


def test_a_stack_of_an_older_version_is_told_what_it_lacks(run: Run, programs: Path) -> None:
    export = (programs / "export").read_text()
    (programs / "export").write_text(export.replace("RandomPassword::digests", "RandomPassword::other"))
    status, _, said = run()
    assert status == 2
    assert "has no key of the secrets' digests, so this stack was deployed by an older version" in said


@pytest.mark.parametrize("name", ["tidy", "container-firewall", "redis"])
def test_a_stack_whose_first_update_did_not_come_to_its_end_is_not_compared(
    run: Run, programs: Path, update: Rehearsal, name: str
) -> None:
    """What is not in the state is not looked for: the machine would be called right."""
    held = json.loads(export(update))
    resources = held["deployment"]["resources"]
    held["deployment"]["resources"] = [each for each in resources if not each["urn"].endswith(f"::{NAME}-{name}")]
    (programs / "export").write_text(json.dumps(held))
    status, shown, said = run()
    assert (status, shown) == (2, "")
    order = {"redis": "the start of redis"}.get(name, name.replace("-", "_"))
    assert said == f"error: No update of this stack has come to its end: {order} was never run. `pulumi up` first.\n"


@pytest.mark.parametrize("create", ["uptime", "echo 'a"])
def test_a_command_of_somebody_else_is_not_compared(run: Run, programs: Path, update: Rehearsal, create: str) -> None:
    held = json.loads(export(update))
    foreign = {"urn": "urn:x::own", "type": "command:remote:Command", "inputs": {"create": create}}
    held["deployment"]["resources"].append(foreign)
    (programs / "export").write_text(json.dumps(held))
    assert run()[0] == 0


@pytest.mark.parametrize("export", ["[]", '{"deployment": {"resources": [1]}}'])
def test_a_state_that_is_damaged_is_no_difference(run: Run, programs: Path, export: str) -> None:
    (programs / "export").write_text(export)
    assert run()[0] == 2


def test_what_pulumi_says_is_passed_on(run: Run) -> None:
    status, _, said = run("--stack", "missing")
    assert status == 2
    assert "no stack named" in said


@pytest.mark.parametrize("names", [["nginx"], ["registries", "api-redis_password"], None])
def test_a_stack_that_an_earlier_version_deployed_is_not_compared(
    run: Run, programs: Path, update: Rehearsal, names: list[str] | None
) -> None:
    """It named no order in its commands. After an update with `--target`, some have one and some have none."""
    held = json.loads(export(update))
    for resource in held["deployment"]["resources"]:
        if "create" in resource["inputs"] and (names is None or resource["urn"].rpartition(f"::{NAME}-")[2] in names):
            inputs = resource["inputs"]
            inputs["create"] = " ".join(w for w in inputs["create"].split(" ") if not w.startswith("AUREN_ORDER="))
    (programs / "export").write_text(json.dumps(held))
    status, shown, said = run("--stack", "prod")
    assert (status, shown) == (2, "")
    assert said == "error: This stack was deployed by an earlier version of the program: `pulumi up` first.\n"
    assert not (programs / "ssh-calls").exists()
