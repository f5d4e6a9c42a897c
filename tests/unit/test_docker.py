"""The pinned sets of Docker's packages: complete, exact, and by default of a supported release."""

import re

import pytest
import yaml

from auren_infra.settings import DockerSource, Settings, docker
from tests.unit.configuration import ROOT


def test_the_default_is_a_supported_release() -> None:
    version = Settings.model_fields["docker_version"].default
    assert docker.release(version) == docker.RELEASES[0]
    assert docker.warning(DockerSource.DOCKER, version) == ""


def test_a_release_without_support_is_warned_of_and_may_be_had() -> None:
    warning = docker.warning(DockerSource.DOCKER, "24.0")
    assert warning.startswith("Docker 24.0.9 gets no security updates any more. Set auren:dockerVersion to 29.8.2;")
    assert docker.warning(DockerSource.DISTRIBUTION, "24.0") == "", "the distribution supports its own packages"


@pytest.mark.parametrize("release", docker.RELEASES, ids=lambda release: release.engine)
def test_a_set_has_every_package_with_an_exact_version(release: docker.DockerRelease) -> None:
    assert list(release.packages) == ["docker-ce", "docker-ce-cli", "containerd.io", "docker-compose-plugin"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in release.packages.values())


def test_the_newest_release_comes_first() -> None:
    numbers = [[int(number) for number in release.engine.split(".")] for release in docker.RELEASES]
    assert numbers == sorted(numbers, reverse=True)


@pytest.mark.parametrize(
    ("version", "engine"),
    [("29", "29.8.2"), ("29.8", "29.8.2"), ("29.8.2", "29.8.2"), ("28", "28.5.2"), ("24.0", "24.0.9")],
)
def test_a_release_is_found_by_the_beginning_of_its_version(version: str, engine: str) -> None:
    found = docker.release(version)
    assert found
    assert found.engine == engine


@pytest.mark.parametrize("version", ["2", "29.80", "29.8.20", "27", "24.1"])
def test_what_is_not_pinned_is_not_found(version: str) -> None:
    assert docker.release(version) is None


def test_of_a_distribution_the_engine_alone_is_asked_for() -> None:
    assert docker.packages(DockerSource.DISTRIBUTION, "28.5") == ("docker.io=28.5",)


@pytest.mark.parametrize(
    ("source", "versions", "same"),
    [
        (DockerSource.DOCKER, ("29", "29.8.2"), True),
        (DockerSource.DISTRIBUTION, ("28.5", "28"), True),
        (DockerSource.DISTRIBUTION, ("28.5", "26.1"), False),
        (DockerSource.DOCKER, ("29.8", "28.5"), False),
        (DockerSource.DOCKER, ("28.5", "24.0"), False),
    ],
)
def test_containers_run_on_within_a_generation(source: DockerSource, versions: tuple[str, str], same: bool) -> None:
    one, other = (docker.generation(source, version) for version in versions)
    assert (one == other) is same


def test_another_source_is_another_generation() -> None:
    assert docker.generation(DockerSource.DOCKER, "28.5") != docker.generation(DockerSource.DISTRIBUTION, "28.5")


def test_the_documents_say_which_releases_are_rehearsed_and_run() -> None:
    files = {name: yaml.safe_load((ROOT / f"Pulumi.{name}.yaml").read_text())["config"] for name in ("local", "prod")}
    versions = {name: config["auren:dockerVersion"] for name, config in files.items()}
    sentence = f"Docker is {versions['local']} in the rehearsal and {versions['prod']} in production."
    assert sentence in (ROOT / "docs/design.md").read_text()
    pinned = [release.engine for release in docker.RELEASES]
    assert f"{', '.join(pinned[:-1])} or {pinned[-1]}" in (ROOT / "docs/settings.md").read_text()
