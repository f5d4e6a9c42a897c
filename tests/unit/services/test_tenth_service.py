"""A new service is one function in the catalogue and its links: the lines of docs/new-service.md are run."""

import json
import re
from collections.abc import Iterator

import jsonschema
import pytest
import yaml

from auren_infra import stack
from auren_infra.blueprint import Blueprint, describe
from auren_infra.files import compose, paths, render
from auren_infra.placement import Instance, instances, place
from auren_infra.services import capacity, catalogue, links
from auren_infra.services.model import Link, Service
from auren_infra.settings import CONTAINER_SUBNET, SettingsError
from auren_infra.settings.deployed import Deployed
from tests.unit.configuration import ROOT, blueprint, planned, settings
from tests.unit.rehearsal import Rehearsal, rehearse

LARGER = "s-4vcpu-8gb"
NINE = {service.name: service for service in blueprint(dropletSize=LARGER).services}
ROOM_MB = capacity.plan(settings()).memory.left_mb


def _told(after: str) -> str:
    """The first code block of docs/new-service.md behind this text."""
    page = (ROOT / "docs/new-service.md").read_text()
    block = re.search(r"```python\n(.*?)```", page.partition(after)[2], re.DOTALL)
    assert block
    return block[1]


@pytest.fixture(scope="module", autouse=True)
def tenth() -> Iterator[tuple[Link, ...]]:
    """The page's function at the end of the catalogue, and its link at the end of the links."""
    shown = dict(vars(links))
    exec(_told("services/links.py`"), shown)
    more = links.LINKS + tuple(link for link in shown["MATRIX"] if link is not ...)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "_SERVICES", list(vars(catalogue)["_SERVICES"]))
        exec(_told("catalogue.py`:"), dict(vars(catalogue)))
        yield more


@pytest.fixture(scope="module")
def auren(tenth: tuple[Link, ...]) -> Blueprint:
    return describe(settings(dropletSize=LARGER), tenth)


@pytest.fixture(scope="module")
def services(auren: Blueprint) -> tuple[Service, ...]:
    return auren.services


@pytest.fixture(scope="module")
def search(services: tuple[Service, ...]) -> Service:
    return next(service for service in services if service.name == "search")


@pytest.fixture(scope="module")
def rehearsal(auren: Blueprint) -> Rehearsal:
    return rehearse(lambda: stack.deploy(place(auren), Deployed()), preview=False)


def test_it_is_the_tenth_and_leaves_the_others_as_they_are(services: tuple[Service, ...], search: Service) -> None:
    assert {service.name: service for service in services} == {**NINE, "search": search}
    assert len(services) == len(NINE) + 1
    assert Instance(search).address not in {Instance(service).address for service in NINE.values()}


def test_it_starts_before_the_one_that_talks_to_it(services: tuple[Service, ...], rehearsal: Rehearsal) -> None:
    order = [service.name for service in services]
    assert order.index("search") < order.index("api")
    assert rehearsal.command("search").urn in rehearsal.command("api").dependencies
    release = rehearsal.command("search-release")
    assert release.urn in rehearsal.command("search").dependencies
    assert rehearsal.command("data-disk").urn in release.dependencies


def test_compose_has_it_with_the_hardening_of_the_others(auren: Blueprint, search: Service) -> None:
    machine = planned(auren)
    document = yaml.safe_load(compose.render(machine))
    ours, neighbour = (
        yaml.safe_load(compose.render_release(machine, machine.by_name[name].service))["services"][name]
        for name in ("search", "chromadb")
    )
    assert document["services"]["search"]["extends"]["service"] == "search"
    assert ours["image"] == "docker.io/getmeili/meilisearch:v1.13.3", "an image needs no pin elsewhere"
    assert ours["networks"] == {"auren-network": {"ipv4_address": str(CONTAINER_SUBNET[40])}}
    assert ours["mem_limit"] == "512m", "a larger droplet gives it its share"
    assert document["services"]["api"]["depends_on"]["search"] == {"condition": "service_healthy"}
    for hardening in ("read_only", "cap_drop", "security_opt", "logging", "restart"):
        assert ours[hardening] == neighbour[hardening], hardening
    assert document["volumes"]["search-data"]["driver_opts"]["device"] == paths.volume(search.volumes[0])


def test_its_volume_is_a_directory_of_its_user_on_the_data_disk(auren: Blueprint, rehearsal: Rehearsal) -> None:
    line = "/mnt/auren-data/search-data 10010:10010\n"
    assert line in render.data_directories(planned(auren))
    assert line in rehearsal.command("data-disk").inputs["stdin"]


def test_it_is_no_leftover_to_be_retired(rehearsal: Rehearsal) -> None:
    assert "search\n" in rehearsal.command("retire").inputs["stdin"]


def test_the_firewall_lets_the_api_reach_it_and_nobody_else(rehearsal: Rehearsal, search: Service) -> None:
    rules = rehearsal.command("container-firewall").inputs["stdin"].splitlines()
    found = [rule for rule in rules if str(Instance(search).address) in rule]
    assert len(found) == len(instances(NINE["api"]))
    for rule, api in zip(found, instances(NINE["api"]), strict=True):
        assert f"-s {api.address} -d {Instance(search).address} -p tcp --dport 7700 " in rule
        assert rule.endswith("-j ACCEPT")


def test_the_outputs_have_it(rehearsal: Rehearsal) -> None:
    jsonschema.validate(rehearsal.outputs, json.loads((ROOT / "outputs.schema.json").read_text()))
    ours = rehearsal.outputs["services"]["search"]
    assert (ours["container"], ours["address"], ours["port"]) == ("auren-search", str(CONTAINER_SUBNET[40]), 7700)
    assert ours["publishedPort"] is None
    assert "search-data" in rehearsal.outputs["volumes"][0]["dockerVolumes"]
    nine = sum(service.limits.memory_mb for service in NINE.values())
    assert rehearsal.outputs["capacity"]["memory"]["limitsMb"] == nine + 512


def test_the_smallest_droplet_is_refused_with_the_new_sum() -> None:
    with pytest.raises(SettingsError) as refusal:
        capacity.plan(settings())
    assert re.search(r"^ +search +256$", str(refusal.value), re.MULTILINE)
    assert f"`pulumi config set auren:dropletSize {LARGER}`" in str(refusal.value)


def test_the_readme_is_right_about_the_room_that_is_left() -> None:
    assert f"The nine leave {ROOM_MB} MB of 4 GB free" in (ROOT / "docs/new-service.md").read_text()
