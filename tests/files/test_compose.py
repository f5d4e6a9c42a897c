"""The compose files: one for each release of a service, and `docker-compose.prod.yml` for all of them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from auren_infra.files import compose, releases
from auren_infra.placement import instances
from auren_infra.services.model import HealthCheck, Preflight, Service, Update
from tests.unit.configuration import blueprint, planned

AUREN = blueprint()
SERVICES = AUREN.services
DOCUMENT: dict[str, Any] = yaml.safe_load(compose.render(planned(AUREN)))
"""The file of all services."""
RELEASES: dict[str, dict[str, Any]] = {
    service.name: yaml.safe_load(compose.render_release(planned(AUREN), service)) for service in SERVICES
}

each_service = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)


def _containers() -> Iterator[Any]:
    for service in SERVICES:
        for name, rendered in RELEASES[service.name]["services"].items():
            yield pytest.param(service, rendered, id=name)


each_container = pytest.mark.parametrize(("service", "rendered"), [*_containers()])
"""Those of the services, and those that judge a release."""


def _rendered(service: Service) -> dict[str, Any]:
    return RELEASES[service.name]["services"][service.name]


def _with(service: Service) -> dict[str, Any]:
    """The containers of the release of this service among all others."""
    others = tuple(one for one in SERVICES if one.name != service.name)
    text = compose.render_release(planned(replace(AUREN, services=(*others, service))), service)
    return yaml.safe_load(text)["services"]


def test_the_file_of_all_services_is_the_expected_one(expect: Callable[[str, str], None]) -> None:
    expect("docker-compose.prod.yml", compose.render(planned(AUREN)))


@each_service
def test_the_file_of_all_services_takes_each_from_its_accepted_release(service: Service) -> None:
    rendered = DOCUMENT["services"][service.name]
    file = f"/opt/auren/services/{service.name}/current/compose.yml"
    assert rendered["extends"] == {"file": file, "service": service.name}
    assert rendered.keys() <= {"extends", "depends_on"}
    healthy = {"condition": "service_healthy"}
    assert rendered.get("depends_on", {}) == dict.fromkeys(AUREN.targets(service.name), healthy)


@each_service
def test_a_release_holds_its_service_and_nothing_of_another_one(service: Service) -> None:
    judge = [f"{service.name}-preflight"] if service.task(Preflight) else []
    own = [instance.name for instance in instances(service)]
    assert [*RELEASES[service.name]["services"]] == [*own, *judge]
    assert "depends_on" not in _rendered(service), "it is started alone"
    assert RELEASES[service.name].get("volumes", {}).keys() == {volume.name for volume in service.volumes}


@each_container
def test_a_container_has_no_more_rights_than_it_needs(service: Service, rendered: dict[str, Any]) -> None:
    assert rendered["read_only"] is True
    assert rendered["cap_drop"] == ["ALL"]
    assert rendered["security_opt"] == ["no-new-privileges:true"]
    assert rendered["user"] == str(service.user)
    assert not {"privileged", "cap_add", "pid", "ipc", "devices", "userns_mode"} & rendered.keys()
    assert rendered.get("network_mode", "none") == "none"
    assert not any("docker.sock" in volume for volume in rendered.get("volumes", []))


@each_container
def test_a_container_cannot_take_the_machine_down(service: Service, rendered: dict[str, Any]) -> None:
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


@each_service
def test_the_watchdog_can_tell_what_a_container_depends_on(service: Service) -> None:
    labels = _rendered(service)["labels"]
    assert tuple(labels.get("auren.needs", "").split()) == AUREN.targets(service.name)


@each_service
def test_a_container_tells_which_release_it_was_made_from(service: Service) -> None:
    release = releases.release(planned(AUREN), service.name)
    assert release.specification(service.name)["labels"]["auren.release"] == release.id


@each_service
def test_each_container_has_its_fixed_address_and_name(service: Service) -> None:
    for instance in instances(service):
        rendered = RELEASES[service.name]["services"][instance.name]
        assert rendered["networks"] == {"auren-network": {"ipv4_address": str(instance.address)}}
        assert rendered["container_name"] == instance.container


def test_the_second_container_of_a_service_differs_in_its_names_and_its_address_alone() -> None:
    blue, green = (RELEASES["api"]["services"][name] for name in ("api", "api-green"))
    assert {key for key in blue if blue[key] != green[key]} == {"container_name", "networks"}


def test_the_web_server_finds_which_container_of_the_api_is_asked() -> None:
    mount = "/mnt/auren-data/slots:/etc/auren-slots:ro"
    having = [name for name, release in RELEASES.items() if mount in release["services"][name].get("volumes", [])]
    assert having == ["nginx"]


def test_nothing_but_the_web_and_the_kafka_ui_is_open_on_the_machine() -> None:
    """And on IPv4 alone: the machine has no other address."""
    ports = {
        name: rendered["ports"]
        for document in (DOCUMENT, *RELEASES.values())
        for name, rendered in document["services"].items()
        if "ports" in rendered
    }
    assert ports == {"nginx": ["0.0.0.0:80:80", "0.0.0.0:443:443"], "kafka-ui": ["0.0.0.0:8081:8081"]}


@each_container
def test_files_of_the_machine_are_mounted_read_only(service: Service, rendered: dict[str, Any]) -> None:
    mounts = [volume.split(":") for volume in rendered.get("volumes", [])]
    assert all(mount[2:] == ["ro"] for mount in mounts if mount[0].startswith("/"))
    named = {mount[0] for mount in mounts if not mount[0].startswith("/")}
    assert named == ({volume.name for volume in service.volumes} if "container_name" in rendered else set())


@each_container
def test_files_and_secrets_are_those_of_the_containers_own_release(service: Service, rendered: dict[str, Any]) -> None:
    """So no deployment changes what a running container reads. One that reloads has all its releases."""
    directory = f"/opt/auren/services/{service.name}"
    release = f"{directory}/releases/@RELEASE@"
    reloads = service.update is Update.RELOAD and "container_name" in rendered
    files = directory if reloads else f"{release}/files"
    expected = [f"{files}:/etc/auren:ro"] if service.files else []
    expected += [f"{release}/secrets:/run/secrets:ro"] if service.secrets else []
    expected += [f"/opt/auren/{directory.source}:{directory.target}:ro" for directory in service.directories]
    asks = any(AUREN.by_name[target].update is Update.START_FIRST for target in AUREN.targets(service.name))
    expected += ["/mnt/auren-data/slots:/etc/auren-slots:ro"] if asks else []
    assert [mount for mount in rendered.get("volumes", []) if mount.startswith("/")] == expected


@each_container
def test_a_tmpfs_belongs_to_the_service_and_has_an_end(service: Service, rendered: dict[str, Any]) -> None:
    for tmpfs in rendered.get("tmpfs", []):
        target, options = tmpfs.split(":")
        assert f"uid={service.user.uid},gid={service.user.gid},mode=0700" in options
        assert "size=" in options
        executable = {tmpfs.target for tmpfs in service.tmpfs if tmpfs.executable}
        assert options.endswith(",exec" if target in executable else ",noexec")


def test_named_volumes_are_directories_of_the_data_disk() -> None:
    """Without these options Docker would keep the data on the droplet, which is thrown away."""
    assert {name: volume["driver_opts"] for name, volume in DOCUMENT["volumes"].items()} == {
        name: {"type": "none", "o": "bind", "device": f"/mnt/auren-data/{name}"}
        for name in (volume.name for service in SERVICES for volume in service.volumes)
    }
    assert all(volume["name"] == name for name, volume in DOCUMENT["volumes"].items()), "or Compose prefixes it"
    for release in RELEASES.values():
        assert release.get("volumes", {}).items() <= DOCUMENT["volumes"].items()


@pytest.mark.parametrize("document", [DOCUMENT, *RELEASES.values()], ids=["all", *RELEASES])
def test_the_network_is_not_made_by_whichever_service_starts_first(document: dict[str, Any]) -> None:
    assert document["networks"] == {"auren-network": {"name": "auren-network", "external": True}}


@each_container
def test_no_password_is_in_an_environment(service: Service, rendered: dict[str, Any]) -> None:
    assert rendered["environment"] == {"TZ": "UTC", **service.environment}
    for variable in rendered["environment"]:
        assert "PASSWORD" not in variable or variable.endswith("_FILE"), variable


def test_compose_does_not_fill_in_what_a_shell_is_meant_to() -> None:
    """`$(cat …)` of the Redis health check is for the container's shell; Compose would look for a variable."""
    test = " ".join(RELEASES["redis"]["services"]["redis"]["healthcheck"]["test"])
    assert "$$(cat /run/secrets/redis_password)" in test
    for document in (DOCUMENT, *RELEASES.values()):
        assert "$" not in yaml.safe_dump(document["services"]).replace("$$", "")


@pytest.mark.parametrize("value", ["$HOME", "${HOME}", "a$$b", "$"])
def test_a_dollar_sign_arrives_as_one(value: str) -> None:
    service = replace(
        SERVICES[0],
        environment={"VALUE": value},
        command=(value,),
        tasks=(Preflight((value,)),),
        health=HealthCheck(("echo", value)),
    )
    rendered, judge = _with(service).values()
    texts = [each["environment"]["VALUE"] for each in (rendered, judge)]
    texts += [rendered["command"][0], _words(judge)[0]]
    for text in (*texts, rendered["healthcheck"]["test"][2]):
        assert text.replace("$$", "$") == value
        assert text.count("$") == 2 * value.count("$")


@each_service
def test_a_preflight_is_the_service_without_what_only_one_container_can_have(service: Service) -> None:
    service = replace(service, tasks=(Preflight(("judge", "it")),))
    rendered, *_, judge = _with(service).values()
    assert _words(judge)[-2:] == ["judge", "it"]
    assert judge["network_mode"] == "none"
    assert judge["restart"] == "no"
    assert judge["profiles"] == ["preflight"], "or it would be started with the service"
    apart = {"container_name", "networks", "ports", "healthcheck", "labels"}
    assert not apart & judge.keys()
    own = {"entrypoint", "command", "network_mode", "restart", "profiles", "volumes", "tmpfs"}
    assert {key: value for key, value in judge.items() if key not in own} == {
        key: value for key, value in rendered.items() if key not in own | apart
    }


def _words(container: dict[str, Any]) -> list[str]:
    """All that it runs. Instead of an entrypoint that starts the service, it has none of its own."""
    return [*container.get("entrypoint", []), *container.get("command", [])]


@each_service
def test_a_preflight_has_an_empty_directory_in_place_of_each_volume(service: Service) -> None:
    rendered, *_, judge = _with(replace(service, tasks=(Preflight(("judge",)),))).values()
    mounts = rendered.get("volumes", [])
    assert [_at(mount) for mount in judge.get("volumes", [])] == [_at(mount) for mount in mounts if mount[0] == "/"]
    empty = [f"{volume.target}:size=16m,uid={service.user.uid}" for volume in service.volumes]
    own = rendered.get("tmpfs", [])
    found = judge.get("tmpfs", [])
    assert found[: len(own)] == own
    assert [tmpfs.partition(",gid=")[0] for tmpfs in found[len(own) :]] == empty
    assert [] not in judge.values()


def _at(mount: str) -> str:
    """Where it is in the container, and how."""
    return mount.partition(":")[2]


def test_the_container_of_a_service_that_reloads_is_the_same_with_other_files() -> None:
    """But for the label, which names what it was made from: `reload.sh` compares all else."""
    rendered = {**RELEASES["nginx"]["services"]["nginx"]}
    assert rendered.pop("labels")["auren.release"] == "@RELEASE@"
    assert "@RELEASE@" not in str(rendered)


def test_numbers_of_users_are_not_read_as_other_numbers() -> None:
    """YAML 1.1 reads an unquoted 10:30 as 630."""
    minutes = replace(SERVICES[0], user=type(SERVICES[0].user)(10, 30))
    assert _with(minutes)[minutes.name]["user"] == "10:30"
