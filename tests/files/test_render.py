"""The other files that land on the machine."""

import json
from collections.abc import Callable

import pytest

from auren_infra.files.render import (
    configuration_files,
    data_directories,
    docker_daemon,
    log_rotation,
    operator_keys,
    system_updates,
)
from tests.unit.configuration import ECDSA, ED25519, blueprint, settings

AUREN = blueprint()
SERVICES = AUREN.services
FILES = configuration_files(AUREN)


def test_the_daemons_file_is_the_expected_one(expect: Callable[[str, str], None]) -> None:
    expect("daemon.json", docker_daemon())


def test_containers_outlive_the_daemon_and_logs_end() -> None:
    daemon = json.loads(docker_daemon())
    assert daemon["live-restore"] is True
    assert daemon["log-driver"] == "json-file"
    assert daemon["log-opts"] == {"max-size": "10m", "max-file": "5"}, "without a size they grow until the disk is full"


def test_dockers_own_networks_are_where_nothing_else_is() -> None:
    daemon = json.loads(docker_daemon())
    assert daemon["bip"] == "172.17.0.1/16"
    assert daemon["default-address-pools"] == [{"base": "172.19.0.0/16", "size": 24}]


def test_the_image_store_is_the_same_in_every_release_of_docker() -> None:
    assert json.loads(docker_daemon())["features"] == {"containerd-snapshotter": False}


def test_apts_settings_for_updates_are_the_expected_ones(expect: Callable[[str, str], None]) -> None:
    expect("52auren-updates", system_updates(settings()))


def test_without_a_window_the_machine_never_restarts_by_itself() -> None:
    text = system_updates(settings(rebootWindow=""))
    assert 'Unattended-Upgrade::Automatic-Reboot "false";\n' in text
    assert "Automatic-Reboot-Time" not in text


def test_the_rule_for_nginxs_logs_is_the_expected_one(expect: Callable[[str, str], None]) -> None:
    expect("logrotate-nginx", log_rotation(SERVICES))


def test_every_file_that_a_service_mounts_is_rendered() -> None:
    mounted = {file.source for service in SERVICES for file in service.files}
    assert mounted == FILES.keys() - {"docker-compose.prod.yml"}
    assert FILES.keys() - mounted == {"docker-compose.prod.yml"}, "a file that nobody reads"


@pytest.mark.parametrize("name", FILES)
def test_a_file_ends_with_a_line_and_has_no_stray_template(name: str) -> None:
    assert FILES[name].endswith("\n")
    assert not FILES[name].endswith("\n\n")
    assert "{{" not in FILES[name]
    assert "None" not in FILES[name]


def test_the_same_configuration_gives_the_same_files() -> None:
    assert configuration_files(blueprint()) == FILES


def test_operators_have_a_line_each() -> None:
    keys = [ED25519, ECDSA]
    assert operator_keys(settings(operatorKeys=json.dumps(keys))) == f"{keys[0]}\n{keys[1]}\n"
    assert operator_keys(settings()) == ""


def test_each_volume_belongs_to_the_user_of_its_service() -> None:
    assert set(data_directories(SERVICES).splitlines()) == {
        "/mnt/auren-data/postgres_data 999:999",
        "/mnt/auren-data/redis-data 999:999",
        "/mnt/auren-data/chromadb-data 10002:10002 sync",
        "/mnt/auren-data/zookeeper-data 1000:1000",
        "/mnt/auren-data/zookeeper-log 1000:1000",
        "/mnt/auren-data/kafka-data 1000:1000",
        "/mnt/auren-data/nginx-logs 101:101",
    }
