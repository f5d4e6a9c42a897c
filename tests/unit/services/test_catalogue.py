"""The services hold together: who talks to whom, what each may use, what is open to the outside."""

import re
import socket
import subprocess
from graphlib import CycleError

import pytest

from auren_infra.blueprint import describe
from auren_infra.placement import Instance
from auren_infra.services.links import ADDITIONS, LINKS, MATRIX
from auren_infra.services.model import Link, Preflight, Protocol, Service, Topics
from auren_infra.settings import CONTAINER_SUBNET
from tests.unit.configuration import blueprint, settings

AUREN = blueprint()
SERVICES = AUREN.services
BY_NAME = AUREN.by_name

each_service = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)


ARCHITECTURE = {
    "nginx": 80,
    "api": 8080,
    "postgres": 5432,
    "redis": 6379,
    "chromadb": 8000,
    "zookeeper": 2181,
    "kafka": 9092,
    "kafka-ui": 8081,
    "bridge": 8002,
}
"""The services that AUREN began with, and their ports. There may be others."""


def test_the_catalogue_has_all_services_of_the_architecture() -> None:
    assert {service.name: service.port for service in SERVICES if service.name in ARCHITECTURE} == ARCHITECTURE


@each_service
def test_a_service_never_starts_before_one_that_it_talks_to(service: Service) -> None:
    order = [other.name for other in SERVICES]
    assert all(order.index(target) < order.index(service.name) for target in AUREN.targets(service.name))


@pytest.mark.parametrize("link", LINKS, ids=lambda link: f"{link.source}-{link.target}")
def test_a_link_leads_to_the_port_that_its_target_listens_on(link) -> None:
    assert link.source in BY_NAME
    assert link.port == BY_NAME[link.target].port


def test_the_links_are_the_architectures() -> None:
    """Between its services. Those of another service are that service's."""
    among = {link for link in MATRIX if {link.source, link.target} <= ARCHITECTURE.keys()}
    assert {(link.source, link.target, link.port) for link in among} == {
        ("nginx", "api", 8080),
        ("api", "postgres", 5432),
        ("api", "redis", 6379),
        ("api", "chromadb", 8000),
        ("api", "kafka", 9092),
        ("bridge", "postgres", 5432),
        ("bridge", "redis", 6379),
        ("bridge", "kafka", 9092),
        ("kafka", "zookeeper", 2181),
    }
    added = {(link.source, link.target) for link in ADDITIONS}
    assert {each for each in added if ARCHITECTURE.keys() >= set(each)} == {("kafka-ui", "kafka")}


def test_links_that_lead_in_a_circle_are_an_error() -> None:
    circle = (*LINKS, Link("redis", "api", 8080, Protocol.HTTP, "a mistake"))
    with pytest.raises(CycleError):
        describe(settings(), circle)


def test_a_larger_droplet_gives_its_stores_more_and_nothing_less() -> None:
    larger = {service.name: service.limits.memory_mb for service in blueprint(dropletSize="s-4vcpu-8gb").services}
    assert larger["postgres"] == 2 * BY_NAME["postgres"].limits.memory_mb
    assert all(larger[service.name] >= service.limits.memory_mb for service in SERVICES)


def test_topics_are_the_ones_that_the_services_speak_of() -> None:
    task = BY_NAME["kafka"].task(Topics)
    assert task
    assert {topic.name for topic in task.topics} == {"biometric.events", "biometric.processed"}


def test_addresses_are_unique_and_leave_the_gateway_alone() -> None:
    addresses = [Instance(service).address for service in SERVICES]
    assert len(set(addresses)) == len(addresses)
    assert all(address in CONTAINER_SUBNET for address in addresses)
    assert CONTAINER_SUBNET[0] not in addresses
    assert CONTAINER_SUBNET[1] not in addresses, "the bridge itself has this one"


def test_containers_and_volumes_do_not_share_a_name() -> None:
    volumes = [volume.name for service in SERVICES for volume in service.volumes]
    assert len(set(volumes)) == len(volumes), "two services on one directory would write over each other"
    assert len({Instance(service).container for service in SERVICES}) == len(SERVICES)


def test_all_services_fit_the_smallest_droplet_with_room_for_the_system() -> None:
    assert sum(service.limits.memory_mb for service in SERVICES) <= 4096 - 512


@each_service
def test_what_is_in_memory_fits_the_services_limit(service: Service) -> None:
    """Files of a tmpfs and of /dev/shm count against the container's memory."""
    in_memory = sum(tmpfs.megabytes for tmpfs in service.tmpfs) + service.limits.shared_memory_mb
    assert in_memory < service.limits.memory_mb * 1.2, "a full tmpfs would kill the service"
    assert service.limits.cpus > 0
    assert service.limits.pids > 0


def test_nothing_but_nginx_and_the_kafka_ui_is_published() -> None:
    published = {service.name: service.published for service in SERVICES if service.published}
    assert published == {"nginx": (80, 443), "kafka-ui": (8081,)}


def test_no_store_may_open_connections_to_the_outside() -> None:
    """What it holds could be carried away."""
    assert {service.name for service in SERVICES if service.internet} == {"api", "bridge"}


@each_service
def test_no_service_runs_as_root(service: Service) -> None:
    assert service.user.uid > 0
    assert service.user.gid > 0


@each_service
def test_a_health_check_asks_the_service_and_comes_to_an_end(service: Service) -> None:
    health = service.health
    assert health.command
    assert health.timeout >= 1
    assert health.retries >= 1
    assert health.deadline == health.start_period + health.retries * (health.interval + health.timeout)
    assert health.deadline <= 180, "an update must not wait for minutes to say that it failed"


@each_service
def test_secrets_are_read_from_files_only(service: Service) -> None:
    """An environment is seen by everyone who may inspect the container."""
    for variable, value in service.environment.items():
        if "PASSWORD" in variable:
            assert variable.endswith("_FILE")
            assert value in {f"/run/secrets/{file.name}" for file in service.secrets}


def test_the_api_is_told_the_ports_of_those_it_talks_to() -> None:
    environment = BY_NAME["api"].environment
    for name in ("postgres", "redis"):
        assert environment[f"{name.upper()}_HOST"] == name
        assert environment[f"{name.upper()}_PORT"] == str(BY_NAME[name].port)
    assert environment["POSTGRES_DB"] == BY_NAME["postgres"].environment["POSTGRES_DB"]
    assert environment["POSTGRES_USER"] == BY_NAME["postgres"].environment["POSTGRES_USER"]


def test_both_sides_of_a_link_read_the_same_password() -> None:
    passwords = {
        service.name: {file.name: file.secret for file in service.secrets if file.template == "{secret}"}
        for service in SERVICES
    }
    assert passwords["api"]["postgres_password"] == passwords["postgres"]["postgres_password"]
    assert passwords["api"]["redis_password"] == passwords["redis"]["redis_password"]
    assert passwords["api"]["redis_password"] != passwords["api"]["postgres_password"]


def test_redis_lets_nobody_in_without_its_password() -> None:
    (acl,) = [file for file in BY_NAME["redis"].secrets if file.name == "redis.acl"]
    line = acl.template.format(secret="secret")
    assert line == "user default on ~* &* +@all >secret\n"
    assert "nopass" not in line


def test_state_is_on_the_data_disk_and_nowhere_else() -> None:
    began_with = [service for service in SERVICES if service.name in ARCHITECTURE]
    targets = {service.name: {volume.target for volume in service.volumes} for service in began_with if service.volumes}
    assert targets == {
        "postgres": {"/var/lib/postgresql/data"},
        "redis": {"/data"},
        "chromadb": {"/data"},
        "zookeeper": {"/var/lib/zookeeper/data", "/var/lib/zookeeper/log"},
        "kafka": {"/var/lib/kafka/data"},
        "nginx": {"/var/log/nginx"},
    }


@each_service
def test_a_preflight_reads_the_files_of_the_release_that_it_judges(service: Service) -> None:
    preflight = service.task(Preflight)
    read = [word for word in (preflight.command if preflight else ()) if word.startswith("/etc/")]
    assert {*read} <= {f"/etc/auren/{name}" for name in service.files}
    if service.name == "nginx":
        assert read == ["/etc/auren/nginx.conf"], "a broken nginx.conf must not cost the running one"


def test_zookeepers_health_check_ends_when_nobody_answers() -> None:
    """ZooKeeper accepts a connection before it can answer, and then never does: the check took its whole time."""
    shell, option, ask = BY_NAME["zookeeper"].health.command
    with socket.create_server(("127.0.0.1", 0)) as silent:
        own, replaced = re.subn("/2181 ", f"/{silent.getsockname()[1]} ", ask)
        assert replaced == 1
        done = subprocess.run([shell, option, own], check=False, timeout=30)
    assert done.returncode != 0
