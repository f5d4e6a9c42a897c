"""`docker-compose.prod.yml`: exactly this text, and what must hold of any."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from auren_infra.files import compose
from auren_infra.services.model import HealthCheck, Service
from tests.unit.configuration import blueprint

AUREN = blueprint()
SERVICES = AUREN.services
DOCUMENT: dict[str, Any] = yaml.safe_load(compose.render(AUREN))

each_service = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)


def _rendered(service: Service) -> dict[str, Any]:
    return DOCUMENT["services"][service.name]


def _own_part(service: Service) -> str:
    others = tuple(one for one in SERVICES if one.name != service.name)
    return compose.render_service(replace(AUREN, services=(*others, service)), service.name)


def test_the_file_is_the_expected_one(expect: Callable[[str, str], None]) -> None:
    expect("docker-compose.prod.yml", compose.render(AUREN))


@each_service
def test_a_container_has_no_more_rights_than_it_needs(service: Service) -> None:
    rendered = _rendered(service)
    assert rendered["read_only"] is True
    assert rendered["cap_drop"] == ["ALL"]
    assert rendered["security_opt"] == ["no-new-privileges:true"]
    assert rendered["user"] == str(service.user)
    assert not {"privileged", "cap_add", "pid", "ipc", "network_mode", "devices", "userns_mode"} & rendered.keys()
    assert not any("docker.sock" in volume for volume in rendered.get("volumes", []))


@each_service
def test_a_container_cannot_take_the_machine_down(service: Service) -> None:
    rendered = _rendered(service)
    assert rendered["mem_limit"] == f"{service.limits.memory_mb}m"
    assert rendered["cpus"] == service.limits.cpus
    assert rendered["memswap_limit"] == rendered["mem_limit"], "or it may swap as much again"
    assert rendered["pids_limit"] == service.limits.pids
    assert rendered["ulimits"] == {"nofile": service.limits.open_files, "core": 0}
    assert rendered["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}


@each_service
def test_a_container_comes_back_after_a_reboot_and_says_how_it_is(service: Service) -> None:
    rendered = _rendered(service)
    assert rendered["restart"] == "always"
    assert rendered["healthcheck"]["test"][0] == "CMD"
    assert rendered["healthcheck"]["interval"] == f"{service.health.interval}s"
    healthy = {"condition": "service_healthy"}
    assert rendered.get("depends_on", {}) == dict.fromkeys(AUREN.targets(service.name), healthy)


@each_service
def test_the_watchdog_can_tell_what_a_container_depends_on(service: Service) -> None:
    labels = _rendered(service).get("labels", {})
    assert tuple(labels.get("auren.needs", "").split()) == AUREN.targets(service.name)


@each_service
def test_a_container_has_its_fixed_address(service: Service) -> None:
    assert _rendered(service)["networks"] == {"auren-network": {"ipv4_address": str(service.address)}}


def test_nothing_but_the_web_and_the_kafka_ui_is_open_on_the_machine() -> None:
    """And on IPv4 alone: the machine has no other address."""
    ports = {name: rendered["ports"] for name, rendered in DOCUMENT["services"].items() if "ports" in rendered}
    assert ports == {"nginx": ["0.0.0.0:80:80", "0.0.0.0:443:443"], "kafka-ui": ["0.0.0.0:8081:8081"]}


@each_service
def test_files_of_the_machine_are_mounted_read_only(service: Service) -> None:
    mounts = [volume.split(":") for volume in _rendered(service).get("volumes", [])]
    assert all(mount[2:] == ["ro"] for mount in mounts if mount[0].startswith("/"))
    named = {mount[0] for mount in mounts if not mount[0].startswith("/")}
    assert named == {volume.name for volume in service.volumes}


@each_service
def test_a_tmpfs_belongs_to_the_service_and_has_an_end(service: Service) -> None:
    for tmpfs in _rendered(service).get("tmpfs", []):
        target, options = tmpfs.split(":")
        assert f"uid={service.user.uid},gid={service.user.gid},mode=0700" in options
        assert "size=" in options
        reasons = {tmpfs.target: tmpfs.executable for tmpfs in service.tmpfs}
        assert options.endswith(",exec" if reasons[target] else ",noexec")


def test_named_volumes_are_directories_of_the_data_disk() -> None:
    """Without these options Docker would keep the data on the droplet, which is thrown away."""
    assert {name: volume["driver_opts"] for name, volume in DOCUMENT["volumes"].items()} == {
        name: {"type": "none", "o": "bind", "device": f"/mnt/auren-data/{name}"}
        for name in (
            *("postgres_data", "redis-data", "chromadb-data", "nginx-logs"),
            *("kafka-data", "zookeeper-data", "zookeeper-log"),
        )
    }
    assert all(volume["name"] == name for name, volume in DOCUMENT["volumes"].items()), "or Compose prefixes it"


def test_the_network_is_not_made_by_whichever_service_starts_first() -> None:
    assert DOCUMENT["networks"] == {"auren-network": {"name": "auren-network", "external": True}}


def test_a_service_reads_its_own_copies_of_secrets_only() -> None:
    for name, rendered in DOCUMENT["services"].items():
        for secret in rendered.get("secrets", []):
            file = DOCUMENT["secrets"][secret["source"]]["file"]
            assert file == f"/opt/auren/secrets/{name}/{secret['target']}"


def test_every_secret_that_is_declared_is_read() -> None:
    used = {secret["source"] for rendered in DOCUMENT["services"].values() for secret in rendered.get("secrets", [])}
    assert used == DOCUMENT["secrets"].keys()


def test_no_password_is_in_an_environment() -> None:
    for rendered in DOCUMENT["services"].values():
        for variable in rendered["environment"]:
            assert "PASSWORD" not in variable or variable.endswith("_FILE"), variable


def test_compose_does_not_fill_in_what_a_shell_is_meant_to() -> None:
    """`$(cat …)` of the Redis health check is for the container's shell; Compose would look for a variable."""
    test = " ".join(DOCUMENT["services"]["redis"]["healthcheck"]["test"])
    assert "$$(cat /run/secrets/redis_password)" in test
    for rendered in DOCUMENT["services"].values():
        assert "$" not in yaml.safe_dump(rendered).replace("$$", "")


@pytest.mark.parametrize("value", ["$HOME", "${HOME}", "a$$b", "$"])
def test_a_dollar_sign_arrives_as_one(value: str) -> None:
    service = replace(SERVICES[0], environment={"VALUE": value}, command=(value,), health=HealthCheck(("echo", value)))
    rendered = yaml.safe_load(_own_part(service))[service.name]
    for text in (rendered["environment"]["VALUE"], rendered["command"][0], rendered["healthcheck"]["test"][2]):
        assert text.replace("$$", "$") == value
        assert text.count("$") == 2 * value.count("$")


@each_service
def test_a_services_own_part_is_what_the_whole_file_says(service: Service) -> None:
    """The part decides whether a container is started anew; the file is what it is started from."""
    assert yaml.safe_load(_own_part(service)) == {service.name: _rendered(service)}


def test_numbers_of_users_are_not_read_as_other_numbers() -> None:
    """YAML 1.1 reads an unquoted 10:30 as 630."""
    minutes = replace(SERVICES[0], user=type(SERVICES[0].user)(10, 30))
    assert yaml.safe_load(_own_part(minutes))[minutes.name]["user"] == "10:30"
