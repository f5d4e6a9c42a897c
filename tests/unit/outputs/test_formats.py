"""The texts that are made of the outputs. Whether their tools accept them is tried in `tests/outputs`."""

import json
from pathlib import Path
from typing import Any

import pytest

from auren_infra.outputs import StackOutputs
from auren_infra.outputs.formats import ansible, dotenv, prometheus, ssh
from tests.unit.rehearsal import ADDRESS, NAME, Rehearsal, deploy

HOST_KEY = "ssh-ed25519 AAAAC3aurentesthostA"


@pytest.fixture(scope="module")
def outputs(update: Rehearsal) -> StackOutputs:
    return StackOutputs.model_validate(update.outputs)


def _groups(outputs: StackOutputs) -> dict[str, dict[str, Any]]:
    return {group["labels"]["service"]: group for group in json.loads(prometheus.targets(outputs))}


def _lines(text: str) -> dict[str, str]:
    """Keyword -> argument."""
    return dict(line.strip().split(" ", 1) for line in text.splitlines() if line.startswith("    "))


def test_the_ssh_configuration_trusts_the_files_key_alone(outputs: StackOutputs) -> None:
    text = ssh.config(outputs, ssh.Login(Path("/etc/auren/known_hosts"), Path("/etc/auren/key")))
    head, told = text.partition(f"Host {NAME}\n")[::2]
    assert head.splitlines()[0] == f"# ssh -F FILE {NAME}"
    expected = {
        "HostName": ADDRESS,
        "User": "root",
        "Port": "22",
        "HostKeyAlias": NAME,
        "StrictHostKeyChecking": "yes",
        "GlobalKnownHostsFile": "/dev/null",
        "UserKnownHostsFile": '"/etc/auren/known_hosts"',
        "KnownHostsCommand": "none",
        "IdentityFile": '"/etc/auren/key"',
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "ProxyJump": "none",
        "ControlPath": "none",
    }
    assert expected.items() <= _lines(told).items()
    assert ssh.known_hosts(outputs) == f"{NAME},{ADDRESS} {HOST_KEY}\n"


def test_without_files_the_ssh_configuration_holds_the_key_and_names_no_identity(outputs: StackOutputs) -> None:
    told = _lines(ssh.config(outputs, ssh.Login()))
    assert told["KnownHostsCommand"] == f"/bin/echo {NAME},{ADDRESS} {HOST_KEY}"
    assert told["UserKnownHostsFile"] == "/dev/null"
    assert not [keyword for keyword in told if "Identit" in keyword]


@pytest.mark.parametrize(
    "ssh_output",
    [
        {"user": "root\n    ProxyCommand touch /tmp/x"},
        {"user": "root -o ProxyCommand=x"},
        {"host": "198.51.100.10\n"},
        {"host": ""},
        {"known_hosts": f"{ADDRESS} {HOST_KEY}\n* {HOST_KEY}"},
        {"known_hosts": f"{ADDRESS} {HOST_KEY} $(touch /tmp/x)"},
    ],
)
def test_an_output_that_would_say_more_than_it_is_is_refused(outputs: StackOutputs, ssh_output: dict[str, str]) -> None:
    changed = outputs.model_copy(update={"ssh": outputs.ssh.model_copy(update=ssh_output)})
    for login in (ssh.Login(), ssh.Login(Path("/etc/auren/known_hosts"))):
        with pytest.raises(ValueError, match="cannot be written into an SSH configuration"):
            print(ssh.config(changed, login), ssh.known_hosts(changed))


@pytest.mark.parametrize(
    "path", ['/srv/"quoted"/known_hosts', "/srv/$HOME/known_hosts", "/srv/a\nb", "/srv/a\\b", "/srv/\udc80"]
)
def test_a_path_that_ssh_would_read_as_another_is_refused(outputs: StackOutputs, path: str) -> None:
    with pytest.raises(ValueError, match="cannot be named in an SSH configuration"):
        ssh.config(outputs, ssh.Login(Path(path)))


def test_a_percent_sign_in_a_path_is_no_token(outputs: StackOutputs) -> None:
    assert '"/srv/100%%h/known_hosts"' in ssh.config(outputs, ssh.Login(Path("/srv/100%h/known_hosts")))


def test_the_inventory_has_the_machine_in_its_groups(outputs: StackOutputs) -> None:
    groups = json.loads(ansible.inventory(outputs, ssh.Login()))["all"]["children"]["auren"]["children"]
    assert groups.keys() == {"auren_test"}
    machine = groups["auren_test"]["hosts"][NAME]
    assert (machine["ansible_host"], machine["ansible_port"], machine["ansible_user"]) == (ADDRESS, 22, "root")
    assert machine["auren_domain"] == "aupex.ai"
    assert machine["auren_containers"]["kafka-ui"] == "auren-kafka-ui"


def test_the_dashboards_variables_are_addresses_without_a_slash_at_their_end(outputs: StackOutputs) -> None:
    assert dotenv.env(outputs) == (
        "VITE_API_URL=https://aupex.ai/api\nVITE_WEBSITE_URL=https://aupex.ai\nVITE_DOMAIN=aupex.ai\n"
    )


def test_every_service_is_a_target_where_it_can_be_had(outputs: StackOutputs) -> None:
    groups = _groups(outputs)
    assert groups.keys() == outputs.services.keys()
    assert groups["nginx"] == {
        "targets": [f"{ADDRESS}:80"],
        "labels": {"machine": NAME, "service": "nginx", "container": "auren-nginx", "reach": "everyone"},
    }
    assert groups["kafka-ui"]["targets"] == [f"{ADDRESS}:8081"]
    assert groups["kafka-ui"]["labels"]["reach"] == "named-addresses"
    for name in groups.keys() - {"nginx", "kafka-ui"}:
        assert groups[name]["targets"] == [f"{outputs.services[name].address}:{outputs.services[name].port}"]
        assert groups[name]["labels"]["reach"] == "ssh-tunnel"


def test_a_published_port_that_the_firewall_keeps_shut_is_not_promised_from_outside() -> None:
    shut = StackOutputs.model_validate(deploy(kafkaUiAllowed="[]").outputs)
    group = _groups(shut)["kafka-ui"]
    assert group["targets"] == [f"{shut.services['kafka-ui'].address}:8081"]
    assert group["labels"]["reach"] == "ssh-tunnel"
