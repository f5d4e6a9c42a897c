"""systemd's units: exactly these texts, and nothing in them that is nowhere else."""

import re
from collections.abc import Callable

import pytest

from auren_infra.files import paths, render, systemd
from auren_infra.services.jobs import jobs
from tests.unit.configuration import BACKED_UP, ROOT, blueprint, planned, settings

TEMPLATES = ROOT / "auren_infra/files/templates/systemd"
NAMES = sorted(str(path.relative_to(TEMPLATES)).removesuffix(".j2") for path in TEMPLATES.rglob("*.j2"))


@pytest.mark.parametrize("name", NAMES)
def test_the_unit_is_the_expected_one(expect: Callable[[str, str], None], name: str) -> None:
    expect(f"systemd/{name}", systemd.unit(name))


def test_the_units_of_jobs_are_the_expected_ones(expect: Callable[[str, str], None]) -> None:
    for name, text in systemd.of_jobs(jobs(settings(**BACKED_UP))).items():
        expect(f"jobs/{name}", text)


def test_docker_waits_for_the_mount_point_that_its_directories_are_below() -> None:
    (waited,) = re.findall("RequiresMountsFor=(.+)", systemd.unit(systemd.DATA_DISK))
    assert waited == paths.DATA
    for line in render.data_directories(planned(blueprint())).splitlines():
        assert line.startswith(f"{waited}/")
