"""images/postgres: the image that production builds, on the official one."""

from tests.unit.configuration import ROOT, blueprint


def test_it_is_built_on_the_version_that_is_pinned() -> None:
    lines = (ROOT / "images/postgres/Dockerfile").read_text().splitlines()
    (base,) = [line.removeprefix("FROM ") for line in lines if line.startswith("FROM ")]
    assert base == blueprint().by_name["postgres"].image
