"""Each rule, broken and kept."""

import importlib
import inspect
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml

from auren_infra.host.machine import script
from auren_infra.release_text import Release
from auren_infra.waivers import WAIVABLE
from policy.compose import services
from policy.resource import UNKNOWN, Resource, Stack, Terms
from policy.rules import RULES, STACK_RULES
from policy.rules.tags import TAGGABLE
from tests.unit.configuration import DIGEST

BY_NAME = {rule.name: rule for rule in RULES}
STACK_BY_NAME = {rule.name: rule for rule in STACK_RULES}
GOOD = {
    "image": f"docker.io/library/postgres:17.12@{DIGEST}",
    "environment": {"POSTGRES_PASSWORD_FILE": "/run/secrets/postgres_password"},
    "volumes": ["postgres_data:/var/lib/postgresql/data"],
    "security_opt": ["no-new-privileges:true"],
    "mem_limit": "640m",
    "cpus": 0.5,
    "pids_limit": 200,
    "healthcheck": {"test": ["CMD", "pg_isready"]},
}
"""A service that keeps every rule."""


def _resource(type_: str, properties: Mapping[str, Any], *, protect: bool = False) -> Resource:
    return Resource(type_, "thing", f"urn:pulumi:prod::auren::{type_}::thing", properties, protect)


JUDGE = {key: value for key, value in GOOD.items() if key != "healthcheck"}
"""A preflight container that keeps every rule."""


def _sent(stdin: object, name: str = "auren-prod-postgres-release") -> Resource:
    return Resource("command:remote:Command", name, "urn", {"stdin": stdin})


def _release(preflight: str = "", **containers: Mapping[str, Any]) -> Resource:
    """The command that sends a release with these services in its compose file."""
    return _sent(
        script("stage")
        + Release("999:999", yaml.safe_dump({"services": containers}), {"a": "services: {}\n"}, preflight).text
    )


def _compose(**changes: Any) -> Resource:
    return _release(postgres={**GOOD, **changes})


def _preflight(**changes: Any) -> Resource:
    return _release("judge", postgres=GOOD, judge={**JUDGE, **changes})


def _firewall(ports: object, *sources: object, protocol: str = "tcp") -> Resource:
    rule = {"protocol": protocol, "portRange": ports, "sourceAddresses": list(sources)}
    return _resource("digitalocean:index/firewall:Firewall", {"inboundRules": [rule]})


def _command(**connection: object) -> Resource:
    return _resource("command:remote:Command", {"connection": {"host": "198.51.100.10", **connection}})


def _local(delete: str) -> Resource:
    return _resource("command:local:Command", {"create": ":", "delete": delete})


VOLUME = "digitalocean:index/volume:Volume"
BUCKET = "digitalocean:index/spacesBucket:SpacesBucket"
BROKEN = [
    ("inner-service-exposed", _firewall("5432", "0.0.0.0/0"), "5432 of postgres is open to everyone"),
    ("inner-service-exposed", _firewall("6379", "198.51.100.1", "::/0"), "6379 of redis"),
    ("inner-service-exposed", _firewall("all", "0.0.0.0/0"), "8000 of chromadb"),
    ("inner-service-exposed", _firewall("0", "0.0.0.0/0"), "2181 of zookeeper"),
    ("inner-service-exposed", _firewall("9000-9100", "0.0.0.0/1", "128.0.0.0/1"), "9092 of kafka"),
    ("inner-service-exposed", _firewall(UNKNOWN, "0.0.0.0/0"), "5432 of postgres"),
    ("inner-service-exposed", _compose(ports=["0.0.0.0:5432:5432"]), "postgres publishes 0.0.0.0:5432:5432"),
    ("ssh-open-to-everyone", _firewall("22", "0.0.0.0/0"), "auren:sshAllowed"),
    ("ssh-open-to-everyone", _firewall("1-1024", "2000::/3"), "auren:sshAllowed"),
    ("kafka-ui-open-to-everyone", _firewall("8081", "0.0.0.0/0", "::/0"), "auren:kafkaUiAllowed"),
    ("volume-unprotected", _resource(VOLUME, {"size": 40}), "auren:protectData"),
    ("bucket-unprotected", _resource(BUCKET, {"versioning": {"enabled": True}}), "auren:protectData"),
    ("bucket-unprotected", _resource(BUCKET, {"versioning": {"enabled": False}}, protect=True), "versioning"),
    ("bucket-unprotected", _resource(BUCKET, {}, protect=True), "versioning"),
    ("host-key-unpinned", _command(user="root"), "Its connection has no hostKey"),
    ("host-key-unpinned", _command(hostKey=""), "Its connection has no hostKey"),
    ("host-key-unpinned", _command(hostKey="ssh-ed25519 A", proxy={"host": "h"}), "connection's proxy has no hostKey"),
    ("host-key-unpinned", _local("ssh -o StrictHostKeyChecking=no h :"), "StrictHostKeyChecking=no"),
    ("host-key-unpinned", _local("ssh -o UserKnownHostsFile=/dev/null h :"), "UserKnownHostsFile=/dev/null"),
    ("privileged-container", _compose(privileged=True), "postgres has privileged: true"),
    ("privileged-container", _compose(cap_add=["CAP_SYS_ADMIN"]), "cap_add CAP_SYS_ADMIN"),
    ("privileged-container", _compose(network_mode="host", pid="host"), "network_mode: host, pid: host"),
    ("privileged-container", _compose(devices=["/dev/sda:/dev/sda"]), "device /dev/sda:/dev/sda"),
    ("privileged-container", _compose(security_opt=["seccomp:unconfined"]), "security_opt seccomp:unconfined"),
    ("privileged-container", _compose(volumes=["/var/run/docker.sock:/var/run/docker.sock:ro"]), "docker.sock"),
    (
        "image-without-digest",
        _compose(image="docker.io/library/postgres:17.12"),
        "runs docker.io/library/postgres:17.12",
    ),
    ("container-without-limits", _compose(mem_limit=None), "postgres has no mem_limit"),
    ("container-without-limits", _compose(cpus=0, pids_limit=-1), "postgres has no cpus, pids_limit"),
    ("container-without-health-check", _compose(healthcheck={}), "postgres has no health check"),
    ("container-without-health-check", _compose(healthcheck={"test": ["NONE"]}), "postgres has no health check"),
    ("container-without-health-check", _compose(healthcheck={"test": "x", "disable": True}), "no health check"),
    ("privileged-container", _preflight(privileged=True), "judge has privileged: true"),
    ("privileged-container", _preflight(network_mode="host", profiles=["preflight"]), "judge has network_mode: host"),
    ("image-without-digest", _preflight(image="docker.io/library/postgres:17"), "judge runs docker.io/library/post"),
    ("container-without-limits", _preflight(mem_limit=None), "judge has no mem_limit"),
    (
        "container-without-health-check",
        _release(postgres={**JUDGE, "profiles": ["preflight"]}),
        "postgres has no health check",
    ),
    ("plain-secret", _preflight(environment={"REDIS_PASSWORD": "x"}), "judge is given REDIS_PASSWORD"),
    ("plain-secret", _compose(environment={"REDIS_PASSWORD": "x"}), "postgres is given REDIS_PASSWORD"),
    ("untagged", _resource("digitalocean:index/droplet:Droplet", {"tags": []}), "tags=[…]"),
    ("untagged", _resource(VOLUME, {}), "tags=[…]"),
]
KEPT = [
    ("inner-service-exposed", _firewall("443", "0.0.0.0/0", "::/0")),
    ("inner-service-exposed", _firewall("5432", "10.0.0.0/8", "172.16.0.0/12", "fd00::/16")),
    ("inner-service-exposed", _firewall(None, "0.0.0.0/0", protocol="icmp")),
    ("inner-service-exposed", _firewall("5432", UNKNOWN)),
    ("inner-service-exposed", _compose()),
    ("ssh-open-to-everyone", _firewall("22", "198.51.100.0/24", "2001:db8::/32")),
    ("kafka-ui-open-to-everyone", _firewall("8080", "0.0.0.0/0")),
    ("volume-unprotected", _resource(VOLUME, {"size": 40}, protect=True)),
    ("bucket-unprotected", _resource(BUCKET, {"versioning": {"enabled": True}}, protect=True)),
    ("bucket-unprotected", _resource(BUCKET, {"versioning": UNKNOWN}, protect=True)),
    ("host-key-unpinned", _command(hostKey="ssh-ed25519 A")),
    ("host-key-unpinned", _command(hostKey=UNKNOWN, proxy={"host": UNKNOWN, "hostKey": UNKNOWN})),
    ("host-key-unpinned", _resource("command:remote:Command", {"connection": UNKNOWN})),
    ("host-key-unpinned", _local("ssh -o StrictHostKeyChecking=yes h :")),
    ("privileged-container", _compose(cap_add=["NET_BIND_SERVICE"])),
    *((name, _compose()) for name in BY_NAME if name.startswith(("container", "image", "plain"))),
    *((name, _preflight()) for name in BY_NAME if name.startswith(("container", "image", "plain"))),
    ("untagged", _resource("digitalocean:index/droplet:Droplet", {"tags": [UNKNOWN]})),
    ("untagged", _resource("digitalocean:index/vpc:Vpc", {})),
]


@pytest.mark.parametrize(("name", "resource", "said"), BROKEN)
def test_a_broken_rule_says_what_is_wrong(name: str, resource: Resource, said: str) -> None:
    assert said in " ".join(BY_NAME[name].check(resource))


@pytest.mark.parametrize(("name", "resource"), KEPT)
def test_a_kept_rule_is_silent(name: str, resource: Resource) -> None:
    assert [*BY_NAME[name].check(resource)] == []


def test_no_rule_is_left_untried() -> None:
    assert {name for name, *_ in BROKEN} == {name for name, *_ in KEPT} == BY_NAME.keys()


def test_only_rules_of_the_pack_can_be_waived() -> None:
    assert WAIVABLE.keys() <= BY_NAME.keys()


def test_what_is_known_only_after_the_update_breaks_no_rule_before() -> None:
    for type_ in ("command:remote:Command", VOLUME, "digitalocean:index/firewall:Firewall", *TAGGABLE):
        unknown = _resource(
            type_, dict.fromkeys(("stdin", "connection", "inboundRules", "tags"), UNKNOWN), protect=True
        )
        assert [fault for rule in RULES for fault in rule.check(unknown)] == []


def test_a_release_whose_image_is_built_is_looked_at_when_it_is_known() -> None:
    """The preview does not know the text; the update does."""
    assert services(_sent(UNKNOWN)) == ()
    assert [service.name for service in services(_compose())] == ["postgres"]


@pytest.mark.parametrize(
    "stdin",
    [
        "",
        "make release\n",
        "apiVersion: v1\nservices: {a: {privileged: true}}\n",
        script("put_file"),
        f"{script('put_file')}services:\n  a:\n    privileged: true\n",
        f"{script('put_file')}owner 1:1\n",
    ],
)
def test_another_command_that_is_named_like_a_release_is_ignored(stdin: str) -> None:
    foreign = _sent(stdin, name="somebodys-release")
    assert services(foreign) == ()
    assert [fault for rule in RULES for fault in rule.check(foreign) if rule.name != "host-key-unpinned"] == []


def test_a_release_cannot_pass_off_a_service_as_something_else() -> None:
    """The rules call each container by the name that the compose file has for it."""
    disguised = _compose(name="other", ends=True, healthcheck={})
    assert "postgres has no health check" in " ".join(BY_NAME["container-without-health-check"].check(disguised))


def test_what_can_carry_tags_is_what_the_sdk_lets_carry_them() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        sdk: Any = importlib.import_module("pulumi_digitalocean")
    tagged = {
        cls.pulumi_type
        for cls in vars(sdk).values()
        if hasattr(cls, "_internal_init") and "tags" in inspect.signature(cls._internal_init).parameters
    }
    assert tagged == TAGGABLE


def _droplet(size: object) -> Resource:
    return _resource("digitalocean:index/droplet:Droplet", {"size": size})


@pytest.mark.parametrize(
    ("limit", "resources", "said"),
    [
        (28, [_droplet("s-2vcpu-4gb"), _resource(VOLUME, {"size": 40})], ""),
        (27, [_droplet("s-2vcpu-4gb"), _resource(VOLUME, {"size": 40})], "28.00 USD a month, the limit is 27.00"),
        (60, [_droplet("s-4vcpu-8gb"), _droplet("s-2vcpu-4gb")], "72.00 USD a month"),
        (32, [_droplet("s-2vcpu-4gb"), _resource(VOLUME, {"size": 40}), *[_resource(BUCKET, {})] * 2], "= 33.00 USD"),
        (60, [_droplet("s-64vcpu-256gb")], "The price of the size s-64vcpu-256gb is unknown"),
        (60, [_droplet(UNKNOWN), _resource(VOLUME, {"size": UNKNOWN})], ""),
    ],
)
def test_the_monthly_cost_is_held_to_its_limit(limit: int, resources: list[Resource], said: str) -> None:
    faults = [*STACK_BY_NAME["monthly-cost"].check(Stack(resources, Terms(monthly_limit_usd=limit)))]
    assert len(faults) == bool(said)
    assert all(said in fault for _, fault in faults)


FIREWALL = "digitalocean:index/firewall:Firewall"


@pytest.mark.parametrize(
    ("droplet", "firewall", "open_"),
    [
        (["auren"], ["auren"], False),
        (["other", "auren"], ["auren", "more"], False),
        ([UNKNOWN], ["auren"], False),
        (UNKNOWN, ["auren"], False),
        (["auren"], [UNKNOWN], False),
        (["auren"], UNKNOWN, False),
        ([], UNKNOWN, False),
        ([], ["auren"], True),
        (["auren"], [], True),
        (["auren"], ["other"], True),
        (["auren"], None, True),
    ],
)
def test_a_droplet_that_no_firewall_covers_is_found(droplet: object, firewall: object, open_: bool) -> None:
    resources = [_resource("digitalocean:index/droplet:Droplet", {"tags": droplet}), _resource(VOLUME, {})]
    resources += [] if firewall is None else [_resource(FIREWALL, {"tags": firewall})]
    faults = [*STACK_BY_NAME["droplet-without-firewall"].check(Stack(resources))]
    assert [urn for urn, _ in faults] == [resources[0].urn] * open_


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("userData", "x\n-----BEGIN OPENSSH PRIVATE KEY-----\n", "userData holds a private key in plain"),
        ("stdin", "token: dop_v1_" + "0123456789abcdef" * 4, "stdin holds a DigitalOcean token"),
        ("create", "curl https://ada:lovelace@example.org/", "create holds a password in a URL"),
        ("create", "export X=AKIAIOSFODNN7EXAMPLE", "create holds an AWS access key"),
        ("environment.GITHUB_TOKEN", "x", "environment.GITHUB_TOKEN is no secret to Pulumi"),
        ("connection.password", "x", "connection.password is no secret to Pulumi"),
        ("connection.privateKey", "x", "connection.privateKey is no secret to Pulumi"),
        ("environment.POSTGRES_PASSWORD_FILE", "/run/secrets/p", ""),
        ("publicKey", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUE", ""),
        ("create", "curl https://$user:$password@example.org/", ""),
        ("connection.password", "", ""),
    ],
)
def test_a_secret_in_plain_is_told_by_its_name_or_its_looks(path: str, text: str, said: str) -> None:
    resource = replace(_resource("command:local:Command", {}), unmarked={path: text})
    faults = [*BY_NAME["plain-secret"].check(resource)]
    assert len(faults) == bool(said)
    assert said in "".join(faults)


def test_a_generated_secret_is_found_wherever_it_lost_its_mark() -> None:
    password = _resource("random:index/randomPassword:RandomPassword", {"result": "correct-horse"})
    key = _resource(
        "tls:index/privateKey:PrivateKey", {"privateKeyOpenssh": UNKNOWN, "publicKeyOpenssh": "ssh-ed25519"}
    )
    told = Resource("x", "told", "urn-told", {}, unmarked={"create": "psql postgres://auren:correct-horse@db"})
    kept = Resource("x", "kept", "urn-kept", {"create": "correct-horse"}, unmarked={"stdin": "ssh-ed25519"})
    ((urn, fault),) = STACK_BY_NAME["generated-secret-in-plain"].check(Stack([password, key, told, kept]))
    assert urn == "urn-told"
    assert "create holds the secret of thing in plain" in fault
