"""What is said of a catalogue, a matrix and published ports that do not fit together."""

from dataclasses import replace
from typing import Any

import pytest

from auren_infra.services.catalogue import described
from auren_infra.services.consistency import faults, judge
from auren_infra.services.links import LINKS
from auren_infra.services.model import (
    DirectoryMount,
    HealthCheck,
    Limits,
    Link,
    Protocol,
    Service,
    Topic,
    Topics,
    Update,
    Volume,
)
from tests.unit.configuration import settings

SERVICES = {service.name: service for service in described(settings())}
PORTS = {22: ("198.51.100.1/32",), 80: ("0.0.0.0/0",), 443: ("0.0.0.0/0",), 8081: ()}


def _said(*changed: Service, links: tuple[Link, ...] = LINKS, ports: dict[int, Any] | None = None) -> list[str]:
    services = {**SERVICES, **{service.name: service for service in changed}}
    return [str(fault) for fault in judge(list(services.values()), links, PORTS if ports is None else ports)]


def _link(source: str, target: str, port: int) -> tuple[Link, ...]:
    return (*LINKS, Link(source, target, port, Protocol.TCP, "a trial"))


def test_aurens_own_services_fit_together() -> None:
    assert faults(settings(), LINKS) == []
    assert _said() == []


REDIS = SERVICES["redis"]
WRONG: dict[str, tuple[Service, str]] = {
    "a name of a host that cannot be": (replace(REDIS, name="Redis_1"), "rename it"),
    "an image without a tag": (replace(REDIS, image="docker.io/library/redis"), "name a tag other than latest"),
    "an image that is latest": (replace(REDIS, image="docker.io/library/redis:latest"), "name a tag other than"),
    "an image that does not fit": (
        replace(SERVICES["postgres"], image="docker.io/library/postgres:18.1"),
        "postgres: its image: PostgreSQL 18.1 keeps its data in another directory",
    ),
    "an image that no droplet reaches": (replace(REDIS, image="registry.invalid/redis:7.4.5"), "no droplet reaches"),
    "an image in upper case": (replace(REDIS, image="docker.io/Redis:7"), "is not REGISTRY/REPOSITORY:TAG"),
    "the network's own address": (replace(REDIS, host_number=0), "host number 0 is not on 172.18.0.0/16"),
    "the bridge's address": (replace(REDIS, host_number=1), "host number 1 is not on 172.18.0.0/16"),
    "the broadcast address": (replace(REDIS, host_number=65535), "host number 65535 is not on 172.18.0.0/16"),
    "a neighbour's host number": (replace(REDIS, host_number=10), "host number 10 is given to nginx and redis"),
    "a port that is none": (replace(REDIS, published=(70000,)), "70000 is no port; choose one of 1 to 65535"),
    "less memory than Docker takes": (replace(REDIS, limits=Limits(4, 1, 10)), "Docker's least is 6 MB"),
    "no processes": (replace(REDIS, limits=Limits(64, 1, 0)), "it could not run"),
    "a health check of nothing": (replace(REDIS, health=HealthCheck(())), "give it a command"),
    "a health check that never tries": (replace(REDIS, health=HealthCheck(("true",), retries=0)), "nobody would know"),
    "a neighbour's volume": (replace(REDIS, volumes=(Volume("kafka-data", "/data"),)), "write over each other"),
    "a volume that is no name": (replace(REDIS, volumes=(Volume("a b", "/data"),)), "'a b' is no volume's name"),
    "two things in one place": (
        replace(REDIS, directories=(DirectoryMount("dumps", "/data", "dumps"),)),
        "/data is mounted twice",
    ),
    "a volume in place of the files": (
        replace(REDIS, volumes=(Volume("redis-data", "/etc/auren"),)),
        "/etc/auren is mounted twice",
    ),
    "a file twice": (replace(REDIS, files=("redis.conf", "redis.conf")), "the file redis.conf is named twice; keep"),
    "a place that is relative": (replace(REDIS, volumes=(Volume("redis-data", "data"),)), "'data' is no place in a"),
    "a secret twice": (replace(REDIS, secrets=REDIS.secrets * 2), "/run/secrets/redis_password is two secrets"),
    "a topic without partitions": (replace(REDIS, tasks=(Topics((Topic("t", 0, 1, 1),)),)), "cannot be made"),
    "two tasks of one kind": (
        replace(REDIS, tasks=(Topics((Topic("one", 1, 1, 1),)), Topics((Topic("two", 1, 1, 1),)))),
        "two tasks of the kind Topics; put them together",
    ),
    "two containers with one volume": (
        replace(REDIS, update=Update.START_FIRST),
        "two containers of it run during an update, so it can have no volume",
    ),
    "two containers on one port": (
        replace(REDIS, volumes=(), published=(6379,), update=Update.START_FIRST),
        "two containers of it run during an update, so it can have no volume and publish no port",
    ),
    "two containers with a task in one of them": (
        replace(REDIS, volumes=(), tasks=(Topics((Topic("t", 1, 1, 1),)),), update=Update.START_FIRST),
        "so no task can be done in one of them",
    ),
    "a secret that a reload would not replace": (
        replace(REDIS, update=Update.RELOAD),
        "it reads its files while it runs, so it has files, and no secret; stop it first",
    ),
    "a reload of nothing": (
        replace(REDIS, secrets=(), files=(), update=Update.RELOAD),
        "it reads its files while it runs, so it has files, and no secret; stop it first",
    ),
    "the second host number of a neighbour": (replace(REDIS, host_number=111), "host number 111 is given to api"),
    "the name of a command": (replace(REDIS, name="supervision"), "a command on the machine has this name"),
    "the name of another service's command": (replace(REDIS, name="api-release"), "a command on the machine has this"),
    "a directory with the name of a command": (
        replace(REDIS, directories=(DirectoryMount("operators", "/x", "website"),)),
        "the directory operators has the name of another command",
    ),
    "a topic that is there": (
        replace(REDIS, tasks=(Topics((Topic("biometric.events", 1, 1, 1),)),)),
        "the topic biometric.events is given to kafka and redis",
    ),
}


@pytest.mark.parametrize(("service", "reason"), WRONG.values(), ids=WRONG)
def test_a_wrong_service_is_named_with_the_reason_and_the_mend(service: Service, reason: str) -> None:
    other = {name: each for name, each in SERVICES.items() if name != "redis"}
    (said,) = [
        str(fault) for fault in judge([*other.values(), service], [], {**PORTS, 70000: ()}) if reason in fault.what
    ]
    assert said.startswith("auren_infra/services/catalogue.py: ")


def test_a_name_is_given_once() -> None:
    said = [
        str(fault) for fault in judge([*SERVICES.values(), replace(REDIS, host_number=50, volumes=())], LINKS, PORTS)
    ]
    assert said == ["auren_infra/services/catalogue.py: the name redis is given to redis and redis; rename one"]


@pytest.mark.parametrize(
    ("links", "reason"),
    [
        (_link("api", "mysql", 3306), "api to mysql: there is no service 'mysql'; the services are api, bridge"),
        (_link("cron", "redis", 6379), "cron to redis: there is no service 'cron'"),
        (_link("api", "api", 8080), "api to api: a service needs no link to itself"),
        (_link("bridge", "chromadb", 8001), "names port 8001, chromadb listens on 8000; write 8000"),
        (_link("api", "redis", 6379), "api to redis is there twice; keep one"),
        (_link("redis", "api", 8080), "each waits for the next and none would start; remove one of these links"),
        (_link("zookeeper", "kafka", 9092), "kafka -> zookeeper -> kafka: each waits"),
    ],
)
def test_a_wrong_link_is_named_with_the_reason_and_the_mend(links: tuple[Link, ...], reason: str) -> None:
    (said,) = _said(links=links)
    assert said.startswith("auren_infra/services/links.py: ")
    assert reason in said


def test_every_circle_is_told() -> None:
    extra = (Link("redis", "api", 8080, Protocol.TCP, "a"), Link("zookeeper", "kafka", 9092, Protocol.TCP, "b"))
    assert len([line for line in _said(links=LINKS + extra) if "each waits for the next" in line]) == 2


@pytest.mark.parametrize(
    ("service", "ports", "reason"),
    [
        (replace(REDIS, published=(6379,)), PORTS, "redis publishes 6379, and no line says who may reach it; add one"),
        (replace(REDIS, published=(22,)), PORTS, "redis publishes 22, which is the machine's own for SSH"),
        (REDIS, {**PORTS, 9090: ()}, "the firewall would open 9090, which no service publishes; remove its line"),
    ],
)
def test_a_published_port_and_who_may_reach_it_go_together(
    service: Service, ports: dict[int, Any], reason: str
) -> None:
    (said,) = _said(service, ports=ports)
    assert said.startswith(f"auren_infra/services/inbound.py: {reason}")


def test_a_port_is_published_once() -> None:
    (said,) = _said(replace(REDIS, published=(80,)))
    assert said == (
        "auren_infra/services/catalogue.py: the published port 80 is given to nginx and redis; publish another"
    )


def test_all_faults_are_told_at_once() -> None:
    said = _said(
        replace(REDIS, image="redis", host_number=10),
        links=_link("api", "mysql", 3306),
        ports={**PORTS, 9090: ()},
    )
    assert len(said) == 4
