"""systemd's units: exactly these texts, and nothing in them that is nowhere else."""

import re
from collections.abc import Callable

import pytest

from auren_infra.files import paths, render, systemd
from tests.unit.configuration import ROOT, blueprint, planned

TEMPLATES = ROOT / "auren_infra/files/templates/systemd"
NAMES = sorted(str(path.relative_to(TEMPLATES)).removesuffix(".j2") for path in TEMPLATES.rglob("*.j2"))


@pytest.mark.parametrize("name", NAMES)
def test_the_unit_is_the_expected_one(expect: Callable[[str, str], None], name: str) -> None:
    expect(f"systemd/{name}", systemd.unit(name))


def test_docker_waits_for_the_mount_point_that_its_directories_are_below() -> None:
    (waited,) = re.findall("RequiresMountsFor=(.+)", systemd.unit(systemd.DATA_DISK))
    assert waited == paths.DATA
    for line in render.data_directories(planned(blueprint())).splitlines():
        assert line.startswith(f"{waited}/")
