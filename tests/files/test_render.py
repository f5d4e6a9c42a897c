"""The other files that land on the machine."""

import json
from collections.abc import Callable

import pytest
import yaml

from auren_infra.files.releases import release
from auren_infra.files.render import (
    data_directories,
    docker_daemon,
    log_rotation,
    operator_keys,
    system_updates,
)
from auren_infra.services.model import Preflight, Service
from tests.unit.configuration import BACKED_UP, ECDSA, ED25519, FROM_ELSEWHERE, ROOT, blueprint, planned, settings

AUREN = blueprint()
SERVICES = AUREN.services
NGINX = planned(AUREN).by_name["nginx"]
RELEASES = {service.name: release(planned(AUREN), service.name) for service in SERVICES}
FILES = [
    pytest.param(text, id=f"{service}/{name}")
    for service, found in RELEASES.items()
    for name, text in found.files.items()
]


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
    expect("logrotate-nginx", log_rotation(NGINX))


def test_nginx_opens_its_logs_anew_by_the_configuration_that_it_runs_with() -> None:
    """Another one names another process id, and nginx would go on to write into the rotated file."""
    nginx = AUREN.by_name["nginx"]
    configuration = nginx.command[nginx.command.index("-c") + 1]
    assert f"docker exec auren-nginx nginx -c {configuration} -s reopen " in log_rotation(NGINX)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_what_a_release_holds_is_the_expected(expect: Callable[[str, str], None], service: Service) -> None:
    found = RELEASES[service.name]
    texts = {"compose.yml": found.compose, **{f"files/{name}": text for name, text in found.files.items()}}
    assert found.files.keys() == set(service.files)
    for name, text in texts.items():
        expect(f"releases/{service.name}/{name}", text)
    place = ROOT / "tests/files/expected/releases" / service.name
    there = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    assert there == texts.keys(), "a file that no release has"


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_release_says_whose_secrets_they_are_and_who_judges_it(service: Service) -> None:
    found = RELEASES[service.name]
    assert found.owner == f"{service.user.uid}:{service.user.gid}"
    assert found.preflight == (f"{service.name}-preflight" if service.task(Preflight) else "")
    assert not found.preflight or found.preflight in yaml.safe_load(found.compose)["services"]
    assert found.secrets == {}, "until they are made"
    assert release(planned(AUREN), service.name, {"a": "1"}).secrets == {"a": "1"}


def test_a_release_of_the_api_names_its_migration() -> None:
    chosen = planned(blueprint(migration="alembic upgrade 'the head'", migrationSeconds="60"))
    assert release(chosen, "api").migration == "60 alembic upgrade 'the head'"
    assert [service.name for service in SERVICES if release(chosen, service.name).migration] == ["api"]


@pytest.mark.parametrize("text", FILES)
def test_a_file_ends_with_a_line_and_has_no_stray_template(text: str) -> None:
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "{{" not in text
    assert "None" not in text


def test_every_template_is_of_a_file_that_a_release_holds_or_of_the_machine() -> None:
    there = {path.name.removesuffix(".j2") for path in (ROOT / "auren_infra/files/templates").glob("*.j2")}
    machine = {"containers.rules", "logrotate-nginx", "sshd.conf", "system-updates.conf"}
    releases = (*SERVICES, *blueprint(**BACKED_UP).services, *blueprint(**FROM_ELSEWHERE).services)
    assert there == {name for service in releases for name in service.files} | machine


def test_the_same_configuration_gives_the_same_releases() -> None:
    again = blueprint()
    assert {service.name: release(planned(again), service.name) for service in again.services} == RELEASES


def test_operators_have_a_line_each() -> None:
    keys = [ED25519, ECDSA]
    assert operator_keys(settings(operatorKeys=json.dumps(keys))) == f"{keys[0]}\n{keys[1]}\n"
    assert operator_keys(settings()) == ""


def test_each_volume_belongs_to_the_user_of_its_service() -> None:
    directories = set(data_directories(planned(AUREN)).splitlines())
    assert directories >= {
        "/mnt/auren-data/postgres_data 999:999",
        "/mnt/auren-data/redis-data 999:999",
        "/mnt/auren-data/chromadb-data 10002:10002 sync",
        "/mnt/auren-data/zookeeper-data 1000:1000",
        "/mnt/auren-data/zookeeper-log 1000:1000",
        "/mnt/auren-data/kafka-data 1000:1000",
        "/mnt/auren-data/nginx-logs 101:101",
    }
    volumes = sum(len(service.volumes) for service in SERVICES)
    assert directories - {"/mnt/auren-data/slots 101:101"} == {each for each in directories if "slots" not in each}
    assert len(directories) == volumes + 1, "where nginx finds which container of the API is asked"
