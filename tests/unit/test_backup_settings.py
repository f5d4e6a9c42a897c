"""auren:backups, auren:restore: what is taken, and what is refused before anything is made."""

import json
from pathlib import Path

import pytest

from auren_infra.admission import admit
from auren_infra.services.backups import wanted
from auren_infra.settings import SettingsError
from auren_infra.settings.backups import Bucket
from tests.unit.configuration import BACKED_UP, BACKED_UP_ELSEWHERE, COMPLETE, FROM_ELSEWHERE, engine_values, settings


def refused(**changes: str) -> str:
    with pytest.raises(SettingsError) as refusal:
        admit("test", engine_values({**COMPLETE, **changes}))
    return str(refusal.value)


def test_a_bucket_of_spaces_is_named_by_its_region_and_its_name() -> None:
    found = settings(**BACKED_UP).bucket
    assert found is not None
    assert found == Bucket("fra1.digitaloceanspaces.com", "fra1", "auren-test-backups", made=True)
    assert found.endpoint == "fra1.digitaloceanspaces.com"
    assert settings().bucket is None


def test_any_other_bucket_is_named_by_its_host_too() -> None:
    found = settings(**BACKED_UP_ELSEWHERE).bucket
    assert found == Bucket("s3.example.org", "eu-central-1", "auren.backups", 9000)
    assert found is not None
    assert found.endpoint == "s3.example.org:9000"
    usual = {**BACKED_UP_ELSEWHERE, "backups": "s3://s3.example.org:443/eu-central-1/auren.backups"}
    assert settings(**usual).bucket == Bucket("s3.example.org", "eu-central-1", "auren.backups")


@pytest.mark.parametrize(
    "wrong",
    [
        *("auren-backups", "s3://fra1/auren", "spaces://fra1", "spaces://fra1/Auren", "spaces://fra1/a.b"),
        *(
            "spaces://x/abc",
            "s3://s3.example.org/auren",
            "s3://192.0.2.7/us-east-1/auren",
            "s3://minio/us-east-1/auren",
        ),
        *("s3://s3.example.org:0/us-east-1/auren", "s3://s3.example.org:65536/us-east-1/auren"),
        *("s3://s3.example.org/us-east-1/auren/there", "https://s3.example.org/us-east-1/auren"),
        "directory:/mnt/other",
    ],
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


def test_the_key_of_a_bucket_is_given_where_the_program_does_not_make_it_and_nowhere_else() -> None:
    alone = {**BACKED_UP_ELSEWHERE, "secrets": BACKED_UP["secrets"]}
    said = refused(**alone)
    for name in ("backup-key-id", "backup-key-secret"):
        assert f"{name} is not set" in said
        assert f"`pulumi config set --secret --path auren:secrets.{name}`" in said
    said = refused(**{**BACKED_UP_ELSEWHERE, "backups": BACKED_UP["backups"]})
    for name in ("backup-key-id", "backup-key-secret"):
        assert f"{name} is set, and nothing reads it" in said


@pytest.mark.parametrize("name", ["backup-passphrase", "backup-key-id", "backup-key-secret"])
@pytest.mark.parametrize("value", ["two\nlines", "a space at the end ", " at the beginning"])
def test_what_pgbackrest_would_read_otherwise_is_refused(name: str, value: str) -> None:
    given = json.loads(BACKED_UP_ELSEWHERE["secrets"]) | {name: value}
    said = refused(**{**BACKED_UP_ELSEWHERE, "secrets": json.dumps(given)})
    assert f"{name} has a line break in it, or a space at its end or beginning" in said
    assert value not in said


def test_without_the_passphrase_nothing_is_deployed() -> None:
    said = refused(backups=BACKED_UP["backups"])
    assert "backup-passphrase is not set" in said
    assert "`pulumi config set --secret --path auren:secrets.backup-passphrase`" in said


def from_elsewhere(**changes: str) -> dict[str, str]:
    """A restore from another stack's backups, beside backups of its own."""
    given = json.loads(BACKED_UP_ELSEWHERE["secrets"]) | json.loads(FROM_ELSEWHERE["secrets"])
    return {**BACKED_UP_ELSEWHERE, **FROM_ELSEWHERE, "secrets": json.dumps(given), **changes}


def test_a_stack_is_filled_from_the_backups_of_another_one(tmp_path: Path) -> None:
    assert settings(**FROM_ELSEWHERE).source == Bucket(
        "ams3.digitaloceanspaces.com", "ams3", "auren-prod-backups", made=True
    )
    assert settings(**FROM_ELSEWHERE).bucket is None
    assert wanted(settings(**from_elsewhere())) == ("real", "latest")
    (tmp_path / "10-people.sql").touch()
    anonymised = from_elsewhere(
        realData="false", sqlAnonymise=str(tmp_path), restore="latest as of 2026-11-27T12:30:00Z"
    )
    assert wanted(settings(**anonymised)) == ("anonymised", "latest", "--as-of", "2026-11-27T12:30:00Z")
    assert wanted(settings(**BACKED_UP, restore="latest")) == ("latest",)


@pytest.mark.parametrize(
    "own", ["spaces://ams3/auren-prod-backups", "s3://ams3.digitaloceanspaces.com/us-east-1/auren-prod-backups"]
)
def test_a_stack_never_writes_among_the_backups_that_it_came_from(own: str) -> None:
    said = refused(**from_elsewhere(backups=own))
    assert "auren:restoreFrom: auren:backups names this bucket, too" in said


def test_what_comes_from_another_stack_must_be_said() -> None:
    assert "auren:restoreFrom names a bucket, and this does not say what comes" in refused(**from_elsewhere(restore=""))


def test_data_of_people_comes_as_it_is_only_when_that_is_said(tmp_path: Path) -> None:
    """Without SQL that makes it anonymous, or with a file that would never be run."""
    for directory in ("sql/anonymise", str(tmp_path), "/nowhere"):
        said = refused(**from_elsewhere(realData="false", sqlAnonymise=directory))
        assert (
            "auren:sqlAnonymise: there is no SQL (*.sql), so auren:restoreFrom would bring the data of people" in said
        )
        assert "or set auren:realData to true" in said
    for name in ("10-people.sql", "20-more.sh"):
        (tmp_path / name).touch()
    said = refused(**from_elsewhere(realData="false", sqlAnonymise=str(tmp_path)))
    assert "20-more.sh would never be run; name it *.sql, in the directory itself" in said


def test_the_secrets_of_the_other_bucket_are_given() -> None:
    said = refused(**{**FROM_ELSEWHERE, "secrets": "{}"})
    assert "restore-passphrase is not set" in said
    assert "restore-key-id" not in said, "the program makes the key"
    said = refused(**{**FROM_ELSEWHERE, "restoreFrom": "s3://s3.example.org/eu-central-1/others"})
    for name in ("restore-key-id", "restore-key-secret"):
        assert f"{name} is not set" in said
    said = refused(secrets=FROM_ELSEWHERE["secrets"])
    assert "restore-passphrase is set, and nothing reads it" in said
