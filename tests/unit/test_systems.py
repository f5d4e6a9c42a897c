"""Which Docker each system can install: the table that the settings are judged by."""

import pytest

from auren_infra.settings import SettingsError
from auren_infra.settings.docker import DockerSource, offered
from auren_infra.settings.systems import SYSTEMS, parse
from tests.unit.configuration import settings

DOCKER, DISTRIBUTION = DockerSource.DOCKER, DockerSource.DISTRIBUTION


@pytest.mark.parametrize(
    ("image", "source", "version", "there"),
    [
        ("ubuntu-22-04-x64", DOCKER, "24.0", True),
        ("ubuntu-22-04-x64", DOCKER, "24.0.9", True),
        ("ubuntu-22-04-x64", DOCKER, "24", True),
        ("ubuntu-22-04-x64", DOCKER, "23.0.6", False),
        ("ubuntu-22-04-x64", DOCKER, "29.8.2", True),
        ("ubuntu-22-04-x64", DOCKER, "29", True),
        ("ubuntu-24-04-x64", DOCKER, "28.5", True),
        ("ubuntu-24-04-x64", DOCKER, "24.0", False),
        ("ubuntu-26-04-x64", DOCKER, "29.8", True),
        ("ubuntu-26-04-x64", DOCKER, "28", False),
        ("debian-12-x64", DOCKER, "24.0", True),
        ("debian-13-x64", DOCKER, "28", True),
        ("debian-13-x64", DOCKER, "24.0", False),
        ("debian-13-x64", DISTRIBUTION, "26.1", True),
        ("debian-13-x64", DISTRIBUTION, "26.1.5", True),
        ("debian-13-x64", DISTRIBUTION, "26.1.4", False),
        ("debian-13-x64", DISTRIBUTION, "28.5", True),
        ("debian-13-x64", DISTRIBUTION, "29", False),
        ("debian-12-x64", DISTRIBUTION, "24.0", False),
        ("ubuntu-22-04-x64", DISTRIBUTION, "29", True),
        ("ubuntu-22-04-x64", DISTRIBUTION, "24.0", False),
        ("ubuntu-24-04-x64", DISTRIBUTION, "24.0", True),
    ],
)
def test_a_release_is_accepted_where_it_can_be_installed(
    image: str, source: DockerSource, version: str, there: bool
) -> None:
    values = {"dropletImage": image, "dockerSource": str(source), "dockerVersion": version}
    if there:
        assert settings(**values).docker_version == version
    else:
        with pytest.raises(SettingsError, match="auren:dockerVersion: "):
            settings(**values)


def test_every_system_has_a_docker_from_dockers_own_repository() -> None:
    for image, system in SYSTEMS.items():
        assert offered(system, DOCKER), image


@pytest.mark.parametrize("image", SYSTEMS)
@pytest.mark.parametrize("source", DockerSource)
def test_what_the_table_offers_is_accepted(image: str, source: DockerSource) -> None:
    for version in offered(SYSTEMS[image], source):
        assert parse(version) >= (23, 0)
        assert settings(dropletImage=image, dockerSource=str(source), dockerVersion=version).docker_version == version
