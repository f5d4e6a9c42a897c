"""auren:backups, auren:restore: what is taken, and what is refused before anything is made."""

import pytest

from auren_infra.admission import admit
from auren_infra.settings import SettingsError
from auren_infra.settings.backups import Space, space
from tests.unit.configuration import BACKED_UP, COMPLETE, engine_values, settings


def refused(**changes: str) -> str:
    with pytest.raises(SettingsError) as refusal:
        admit("test", engine_values({**COMPLETE, **changes}))
    return str(refusal.value)


def test_a_bucket_of_spaces_is_named_by_its_region_and_its_name() -> None:
    assert space(settings(**BACKED_UP).backups) == Space("fra1", "auren-test-backups")
    assert space("") is None


@pytest.mark.parametrize(
    "wrong",
    ["auren-backups", "s3://fra1/auren", "spaces://fra1", "spaces://fra1/Auren", "spaces://fra1/a.b", "spaces://x/abc"],
)
def test_anything_else_is_refused_with_an_example(wrong: str) -> None:
    assert "write it like spaces://fra1/auren-backups" in refused(**{**BACKED_UP, "backups": wrong})


@pytest.mark.parametrize(
    ("restore", "said"),
    [
        ("yesterday", "neither latest nor a time"),
        ("2026-11-27T12:30:00", "the time has no zone"),
        ("2026-11-27T12:30:00.5Z", "the time has parts of a second"),
        ("latest as of", "neither latest nor a time"),
        ("latest as of yesterday", "neither latest nor a time"),
        ("latest as of 2026-11-27T12:30:00", "the time has no zone"),
        (" as of 2026-11-27T12:30:00Z", "neither latest nor a time"),
        ("2026-11-27T12:30:00Z as of 2026-11-27T13:29:00+01:00", "has nothing of a later time"),
    ],
)
def test_a_moment_that_cannot_be_understood_is_refused(restore: str, said: str) -> None:
    assert said in refused(**BACKED_UP, restore=restore)


@pytest.mark.parametrize(
    ("restore", "read"),
    [
        ("latest", "latest"),
        ("2026-11-27T12:30:00Z", "2026-11-27T12:30:00Z"),
        ("2026-11-27 12:30+01:00", "2026-11-27T11:30:00Z"),
        ("latest as of 2026-11-27 12:30+01:00", "latest as of 2026-11-27T11:30:00Z"),
        ("2026-11-27T12:30:00Z as of 2026-11-27T13:00:00Z", "2026-11-27T12:30:00Z as of 2026-11-27T13:00:00Z"),
    ],
)
def test_a_moment_with_its_zone_is_taken(restore: str, read: str) -> None:
    assert settings(**BACKED_UP, restore=restore).restore == read


def test_without_a_bucket_nothing_can_be_restored() -> None:
    assert "name the bucket in auren:backups" in refused(restore="latest")


def test_without_the_passphrase_nothing_is_deployed() -> None:
    said = refused(backups=BACKED_UP["backups"])
    assert "backup-passphrase is not set" in said
    assert "`pulumi config set --secret --path auren:secrets.backup-passphrase`" in said
