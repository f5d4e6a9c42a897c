"""Images that are built: what they are made from, who runs them, and what else they concern, which is nothing."""

import hashlib
from pathlib import Path

import pytest

from auren_infra.admission import admit
from auren_infra.settings import SettingsError
from tests.unit.configuration import COMPLETE, engine_values, settings
from tests.unit.rehearsal import NAME, UNKNOWN, Rehearsal, deploy

IMAGE = "docker:index/image:Image"
IMAGES = '["api=registry.auren.test:5000/auren/api:1.0", "bridge=registry.auren.test:5000/auren/bridge:1.0"]'


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A build context of the API."""
    folder = tmp_path / "api"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    return folder


def _build(context: Path, *, preview: bool = False) -> Rehearsal:
    return deploy(preview=preview, images=IMAGES, builds=f'["api={context}"]')


def _admitted(**changes: str) -> None:
    admit("prod", engine_values({**COMPLETE, **changes}))


def _digest(context: Path) -> str:
    return hashlib.sha256((context / "Dockerfile").read_bytes()).hexdigest()


def test_nothing_of_docker_is_registered_when_nothing_is_built(rehearsal: Rehearsal) -> None:
    """One resource is enough for the plugin to ask for a daemon in every preview."""
    assert not [resource for resource in rehearsal.resources if "docker:" in resource.type or "Images" in resource.type]


def test_a_build_is_pushed_under_the_services_name_for_the_droplets_platform(context: Path) -> None:
    image = _build(context).only(IMAGE)
    assert image.name == f"{NAME}-api"
    assert image.inputs == {
        "imageName": "registry.auren.test:5000/auren/api:1.0",
        "build": {"context": str(context), "platform": "linux/amd64"},
        "buildOnPreview": False,
        "skipPush": False,
    }


def test_the_digest_that_came_back_is_what_runs(context: Path) -> None:
    reference = f"registry.auren.test:5000/auren/api@sha256:{_digest(context)}"
    built = _build(context)
    release = built.command("api-release")
    assert f"image: {reference}\n" in release.inputs["stdin"]
    assert "auren/api:1.0" not in release.inputs["stdin"]
    assert built.only(IMAGE).urn in release.dependencies
    assert built.outputs["services"]["api"]["image"] == reference


def test_a_service_that_is_not_built_is_as_it_would_be_without(context: Path) -> None:
    """Its preview shows its exact lines, and its release is staged without waiting for a build."""
    for preview in (False, True):
        built, plain = _build(context, preview=preview), deploy(preview=preview, images=IMAGES)
        for command in plain.commands():
            name = command.name.removeprefix(f"{NAME}-")
            if name not in ("api-release", "api"):
                assert built.command(name).inputs == command.inputs, name
                assert built.command(name).dependencies == command.dependencies, name


def test_a_preview_that_has_not_built_yet_does_not_guess(context: Path) -> None:
    preview = _build(context, preview=True)
    assert preview.command("api-release").inputs["stdin"] == UNKNOWN
    assert f"image: {IMAGES.split('=')[2][:-2]}\n" in preview.command("bridge-release").inputs["stdin"]


def test_changed_code_concerns_its_release_and_its_container(context: Path) -> None:
    before = _build(context)
    (context / "Dockerfile").write_text("FROM scratch\nLABEL changed=yes\n")
    after = _build(context)
    old = {resource.urn: resource.inputs for resource in before.resources}
    changed = {resource.name for resource in after.resources if resource.inputs != old[resource.urn]}
    assert changed == {f"{NAME}-api-release", f"{NAME}-api"}


@pytest.mark.parametrize(
    ("builds", "images", "reason"),
    [
        ('["mysql=CONTEXT"]', IMAGES, "there is no service 'mysql'; the services are api, bridge"),
        ('["api=CONTEXT", "api=CONTEXT"]', IMAGES, "api is named twice; keep one"),
        ('["api"]', IMAGES, "'api' is not SERVICE=DIRECTORY"),
        ('["api=/nowhere"]', IMAGES, "api: '/nowhere' has no Dockerfile; name the directory that the image is built"),
        ('["redis=CONTEXT"]', IMAGES, "redis would be pushed over its public image; name your own"),
        ('["api=CONTEXT"]', COMPLETE["images"], "api: its image in auren:images has a digest"),
        ('"api"', IMAGES, "must be a list; write one entry a line"),
    ],
)
def test_a_build_that_cannot_be_is_refused_with_the_mend(context: Path, builds: str, images: str, reason: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        _admitted(builds=builds.replace("CONTEXT", str(context)), images=images)
    (line,) = [line for line in str(refusal.value).splitlines() if line.startswith("  ")]
    assert line.startswith("  auren:builds: ")
    assert reason in line


def test_all_faults_are_told_at_once_and_those_of_the_images_only_once(context: Path) -> None:
    with pytest.raises(SettingsError) as refusal:
        _admitted(
            builds=f'["api={context}", "redis=/nowhere", "mysql={context}"]',
            images='["redis=docker.io/library/redis", "mariadb=docker.io/library/mariadb:11"]',
        )
    said = [line.partition(": ") for line in str(refusal.value).splitlines() if line.startswith("  ")]
    assert [key.strip() for key, *_ in said] == ["auren:images", "auren:builds"]
    for reason in ("redis: name a tag other than latest", "no service 'mariadb'", "api has no public image"):
        assert said[0][2].count(reason) == 1
    assert said[1][2].startswith("there is no service 'mysql'; the services are api, bridge, chromadb")
    assert said[1][2].count("'/nowhere' has no Dockerfile") == 1
    assert "pushed over" not in said[1][2]


def test_a_list_that_cannot_be_read_is_the_only_fault_of_the_images(context: Path) -> None:
    with pytest.raises(SettingsError) as refusal:
        _admitted(builds=f'["redis={context}"]', images="api")
    (said,) = [line for line in str(refusal.value).splitlines() if line.startswith("  ")]
    assert "must be a list" in said


def test_builds_are_read_as_they_are_written(context: Path) -> None:
    assert settings(builds=f'["api={context}"]', images=IMAGES).builds == {"api": str(context)}
    assert settings().builds == {}
