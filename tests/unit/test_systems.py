"""Which Docker each system can install: the table that the settings are judged by."""

import pytest

from auren_infra.settings.systems import (
    DOCKER_LINES,
    NEWEST_DOCKER,
    OLDEST_DOCKER,
    SYSTEMS,
    DockerSource,
    offered,
    parse,
)
from tests.unit.configuration import settings

DOCKER, DISTRIBUTION = DockerSource.DOCKER, DockerSource.DISTRIBUTION


@pytest.mark.parametrize(
    ("image", "source", "version", "there"),
    [
        ("ubuntu-22-04-x64", DOCKER, "24.0", True),
        ("ubuntu-22-04-x64", DOCKER, "24.0.9", True),
        ("ubuntu-22-04-x64", DOCKER, "24", True),
        ("ubuntu-22-04-x64", DOCKER, "23.0.6", True),
        ("ubuntu-22-04-x64", DOCKER, "29.8.2", True),
        ("ubuntu-22-04-x64", DOCKER, "29", True),
        ("ubuntu-24-04-x64", DOCKER, "26", True),
        ("ubuntu-24-04-x64", DOCKER, "26.0.0", True),
        ("ubuntu-24-04-x64", DOCKER, "25.0", False),
        ("ubuntu-26-04-x64", DOCKER, "29.6", True),
        ("ubuntu-26-04-x64", DOCKER, "28", False),
        ("debian-12-x64", DOCKER, "24.0", True),
        ("debian-13-x64", DOCKER, "28", True),
        ("debian-13-x64", DOCKER, "28.1.1", True),
        ("debian-13-x64", DOCKER, "28.0", False),
        ("debian-13-x64", DOCKER, "28.0.4", False),
        ("debian-13-x64", DOCKER, "27.5", False),
        ("debian-13-x64", DISTRIBUTION, "26.1", True),
        ("debian-13-x64", DISTRIBUTION, "26.1.5", True),
        ("debian-13-x64", DISTRIBUTION, "26.1.4", False),
        ("debian-13-x64", DISTRIBUTION, "28", False),
        ("ubuntu-22-04-x64", DISTRIBUTION, "29", True),
        ("ubuntu-22-04-x64", DISTRIBUTION, "24.0", False),
        ("ubuntu-24-04-x64", DISTRIBUTION, "24.0", True),
    ],
)
def test_a_release_is_there_or_not(image: str, source: DockerSource, version: str, there: bool) -> None:
    assert offered(SYSTEMS[image], source, parse(version)) is there


@pytest.mark.parametrize("version", ["22", "24.1", "25.1", "26.2", "27.6", "28.6", "23.0.7", "24.0.10", "28.5.3", "30"])
def test_a_release_that_never_was_is_nowhere(version: str) -> None:
    assert not any(offered(system, DOCKER, parse(version)) for system in SYSTEMS.values())


def test_every_system_has_a_docker_from_somewhere_that_can_be_set_up() -> None:
    for image, system in SYSTEMS.items():
        assert offered(system, DOCKER, (NEWEST_DOCKER,)), image
        assert system.since >= OLDEST_DOCKER, image
        assert all(release >= OLDEST_DOCKER and len(release) == 3 for release in system.distribution), image
    assert all(line >= OLDEST_DOCKER for line in DOCKER_LINES)


@pytest.mark.parametrize("image", SYSTEMS)
@pytest.mark.parametrize("source", DockerSource)
def test_what_the_table_offers_is_accepted(image: str, source: DockerSource) -> None:
    system = SYSTEMS[image]
    releases = [*DOCKER_LINES, (NEWEST_DOCKER,)] if source is DOCKER else system.distribution
    for release in releases:
        if offered(system, source, release):
            version = ".".join(map(str, release))
            chosen = settings(dropletImage=image, dockerSource=str(source), dockerVersion=version)
            assert (chosen.droplet_image, chosen.docker_source, chosen.docker_version) == (image, source, version)
