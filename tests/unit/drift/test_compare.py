"""The comparison as a whole: silent about a machine that is right, and each difference led to what mends it."""

from auren_infra.drift import compare
from auren_infra.host.expected import Expected
from tests.unit.drift.machine import KEY, NOW, SERVICES, Machine, directory_of
from tests.unit.rehearsal import NAME, Rehearsal


def test_a_machine_that_is_as_it_was_deployed_differs_in_nothing(deployed: Expected, machine: Machine) -> None:
    assert compare.findings(deployed, machine.facts, KEY, NOW) == []


def test_the_command_that_mends_is_the_one_of_the_thing(
    update: Rehearsal, deployed: Expected, machine: Machine
) -> None:
    urns = {each.name.removeprefix(f"{NAME}-"): each.urn for each in update.commands()}
    nginx, api = (directory_of(SERVICES[name]) for name in ("nginx", "api"))
    del machine.files["/opt/auren/docker-compose.prod.yml"]
    del machine.files[f"{nginx}/files/nginx.conf"]
    del machine.files["/opt/auren/website/current/index.html"]
    del machine.files[f"{api}/secrets/redis_password"]
    del machine.files["/mnt/auren-data/postgres_data"]
    del machine.files["/etc/docker/daemon.json"]
    del machine.containers["auren-redis"]
    machine.replaced("rules", "-A DOCKER-USER -j RETURN\n", "")
    machine.texts["ufw-status"] = "Status: inactive\n"
    machine.units["auren.service"]["ActiveState"] = "inactive"
    assert {found.where: found.urn for found in compare.findings(deployed, machine.facts, KEY, NOW)} == {
        "/opt/auren/docker-compose.prod.yml": urns["docker-compose.prod.yml"],
        f"{nginx}/files/nginx.conf": urns["nginx-release"],
        "/opt/auren/website/current/index.html": urns["website"],
        f"{api}/secrets/redis_password": urns["api-redis_password"],
        "/mnt/auren-data/postgres_data": urns["data-disk"],
        "/etc/docker/daemon.json": urns["docker"],
        "auren-redis": urns["redis"],
        "DOCKER-USER": urns["container-firewall"],
        "UFW": urns["machine-firewall"],
        "auren.service": urns["supervision"],
    }
