"""What a change of the configuration changes: the promise that nothing else is touched."""

import json
from pathlib import Path

import pytest

from tests.unit.configuration import COMPLETE, ED25519
from tests.unit.rehearsal import NAME, Rehearsal, deploy

DROPLET = "digitalocean:index/droplet:Droplet"


def _changed(before: Rehearsal, after: Rehearsal) -> set[str]:
    """The names of the resources whose inputs differ; the same resources must be there."""
    old = {resource.urn: resource.inputs for resource in before.resources}
    new = {resource.urn: resource.inputs for resource in after.resources}
    assert old.keys() == new.keys()
    return {urn.split("::")[-1].removeprefix(f"{NAME}-") for urn in new if old[urn] != new[urn]}


def test_the_same_configuration_changes_nothing(update: Rehearsal) -> None:
    assert _changed(update, deploy()) == set()


def test_a_changed_nginx_setting_concerns_nginx_alone(update: Rehearsal) -> None:
    assert _changed(update, deploy(maxUploadMegabytes="25")) == {"nginx-release", "nginx"}


def test_a_changed_postgres_image_does_not_touch_redis(update: Rehearsal) -> None:
    images = [*json.loads(COMPLETE["images"]), "postgres=docker.io/library/postgres:17.13"]
    after = deploy(images=json.dumps(images))
    assert _changed(update, after) == {"postgres-release", "postgres"}


def test_a_rotated_password_restarts_those_that_read_it(update: Rehearsal) -> None:
    changed = _changed(update, deploy(passwords={"redis": "another"}))
    files = {"redis-redis_password", "redis-redis.acl", "api-redis_password", "bridge-redis_password"}
    readers = {"redis", "api", "bridge"}
    assert changed == files | readers | {f"{name}-release" for name in readers}


def test_a_new_operator_costs_one_file(update: Rehearsal) -> None:
    assert _changed(update, deploy(operatorKeys=json.dumps([ED25519]))) == {"operators"}


def test_another_operators_address_does_not_need_the_machine(update: Rehearsal) -> None:
    """Who may log in is decided in front of the machine: otherwise an operator whose address changed is locked out."""
    after = deploy(sshAllowed='["198.51.100.9/32"]')
    assert _changed(update, after) == {NAME}
    before = {resource.urn: resource.inputs for resource in update.resources}
    changed = [each.type for each in after.resources if each.inputs != before[each.urn]]
    assert changed == ["digitalocean:index/firewall:Firewall"]


def test_a_changed_website_is_served_without_a_restart(update: Rehearsal, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("AUREN, anew")
    assert _changed(update, deploy(website=str(tmp_path))) == {"website"}


def test_another_docker_version_concerns_the_engine_alone() -> None:
    before = deploy(dockerVersion="29.1.3", dockerSource="distribution")
    assert _changed(before, deploy(dockerVersion="29.1", dockerSource="distribution")) == {"docker"}


@pytest.mark.parametrize(("version", "source"), [("28.5", "docker"), ("29.1", "distribution")])
def test_another_docker_release_asks_every_container_again(update: Rehearsal, version: str, source: str) -> None:
    after = deploy(dockerVersion=version, dockerSource=source)
    services = set(after.outputs["services"])
    assert _changed(update, after) == {"docker", *services, *(f"{service}-release" for service in services)}
    for service in services:
        old, new = (run.command(f"{service}-release").inputs for run in (update, after))
        assert {name for name in new if old[name] != new[name]} == {"triggers"}, (
            "the same release, so the same container, unless it is not healthy"
        )


def test_a_release_that_is_staged_again_is_switched_to_again(update: Rehearsal) -> None:
    """A deployment that failed is tried again, also when its change was taken back: staging prints the time."""
    after = deploy(maxUploadMegabytes="25")
    for run in (update, after):
        staged, switched = run.command("nginx-release"), run.command("nginx")
        assert staged.urn in switched.dependencies
        assert switched.inputs["stdin"].partition('main "$@"; exit\n')[2].startswith("stdout of auren-test-nginx-rel")
    assert update.command("nginx").inputs["stdin"] != after.command("nginx").inputs["stdin"]


def test_no_container_is_touched_before_all_releases_are_staged(update: Rehearsal) -> None:
    """A release that is refused leaves all that runs as it is."""
    services = [*update.outputs["services"]]
    staged = {update.command(f"{service}-release").urn for service in services}
    for service in services:
        assert staged <= update.command(service).dependencies
        others = {update.command(other).urn for other in services}
        assert not others & update.ancestry(update.command(f"{service}-release").urn)


def test_a_larger_volume_grows_and_is_not_replaced(update: Rehearsal) -> None:
    """The volume is named as the stack itself is; its other namesakes must stay as they are."""
    after = deploy(dataVolumeSize="80")
    assert _changed(update, after) == {NAME, "data-disk"}
    for type_ in (DROPLET, "digitalocean:index/volumeAttachment:VolumeAttachment", "digitalocean:index/vpc:Vpc"):
        assert after.only(type_).inputs == update.only(type_).inputs
    old, new = (run.only("digitalocean:index/volume:Volume").inputs for run in (update, after))
    assert {name for name in new if old[name] != new[name]} == {"size"}
