"""The texts that are made of the outputs. Whether their tools accept them is tried in `tests/outputs`."""

import json
from pathlib import Path
from typing import Any

import pytest

from auren_infra.outputs import StackOutputs
from auren_infra.outputs.formats import ansible, dotenv, prometheus, ssh
from tests.unit.rehearsal import ADDRESS, NAME, Rehearsal, deploy

HOST_KEY = "ssh-ed25519 AAAAC3aurentesthost"


@pytest.fixture(scope="module")
def outputs(update: Rehearsal) -> StackOutputs:
    return StackOutputs.model_validate(update.outputs)


def _groups(outputs: StackOutputs) -> dict[str, dict[str, Any]]:
    return {group["labels"]["service"]: group for group in json.loads(prometheus.targets(outputs))}


def test_the_ssh_configuration_trusts_the_files_key_alone(outputs: StackOutputs) -> None:
    assert ssh.config(outputs, ssh.Login(Path("/etc/auren/known_hosts"), Path("/etc/auren/key"))) == (
        f"Host {NAME}\n"
        f"    HostName {ADDRESS}\n"
        "    User root\n"
        "    Port 22\n"
        f"    HostKeyAlias {NAME}\n"
        "    StrictHostKeyChecking yes\n"
        "    GlobalKnownHostsFile /dev/null\n"
        '    UserKnownHostsFile "/etc/auren/known_hosts"\n'
        '    IdentityFile "/etc/auren/key"\n'
        "    IdentitiesOnly yes\n"
    )
    assert ssh.known_hosts(outputs) == f"{NAME},{ADDRESS} {HOST_KEY}\n"


def test_without_files_the_ssh_configuration_holds_the_key_and_names_no_identity(outputs: StackOutputs) -> None:
    lines = ssh.config(outputs, ssh.Login()).splitlines()
    assert f"    KnownHostsCommand /bin/echo {NAME},{ADDRESS} {HOST_KEY}" in lines
    assert "    UserKnownHostsFile /dev/null" in lines
    assert not [line for line in lines if "Identit" in line]


@pytest.mark.parametrize("path", ['/srv/"quoted"/known_hosts', "/srv/$HOME/known_hosts", "/srv/a\nb", "/srv/a\\b"])
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
