"""A state in a bucket, in the hands of the real engine: a key and the passphrase are what it takes to work on it."""

import json
import re

import pytest

from tests.sandbox.engine.project import Project
from tests.state.spaces import HOST
from tests.state.team import BUCKET, PROGRAM, ROOT, Team

PAGE = (ROOT / "docs" / "state.md").read_text()


@pytest.fixture
def reader(team: Team, founder: Project, request: pytest.FixtureRequest) -> Project:
    """A colleague who may only read, with a checkout of what the founder has."""
    return team.member(re.sub(r"\W", "-", request.node.name), "read", founder)


def test_an_update_without_change_changes_nothing(founder: Project) -> None:
    password = founder.outputs()["password"]
    assert "3 unchanged" in founder.up("--expect-no-changes")
    assert founder.outputs()["password"] == password


def test_a_preview_needs_no_key_that_writes(team: Team, founder: Project, reader: Project) -> None:
    team.account.asked()
    reader.run("login", team.login)
    assert "3 unchanged" in reader.run("preview", "--expect-no-changes")
    assert "3 unchanged" in reader.run("refresh", "--preview-only", "--expect-no-changes")
    reader.write(PROGRAM.replace("length=20", "length=30"))
    assert "+-1 to replace" in reader.run("preview")
    assert reader.outputs() == founder.outputs()
    asked = team.account.asked()
    assert len(asked) > 4 * 5
    assert {request.method for request in asked} == {"GET", "HEAD"}


def test_a_key_that_reads_updates_nothing(team: Team, reader: Project) -> None:
    reader.run("login", team.login)
    before = team.versions()
    shown = reader.up(fails=True)
    assert "PutObject" in shown
    assert "AccessDenied" in shown
    assert team.versions() == before


@pytest.mark.parametrize(
    ("address", "environment", "said"),
    [
        (("&region=us-east-1", ""), {}, ["region was not a valid DNS name"]),
        ((f"{BUCKET}?", "auren-other?"), {}, ["NoSuchBucket"]),
        (("", ""), {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, ["failed to refresh cached credentials"]),
        (("", ""), {"AWS_ACCESS_KEY_ID": "DO00NOBODY"}, ["InvalidAccessKeyId"]),
        (("", ""), {"AWS_SECRET_ACCESS_KEY": "wrong"}, ["SignatureDoesNotMatch"]),
        ((f"{BUCKET}?", "auren-new?"), {}, ['write ".pulumi/meta.yaml"', "AccessDenied"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_login_that_fails_says_what_the_page_tells(
    team: Team, reader: Project, address: tuple[str, str], environment: dict[str, str], said: list[str]
) -> None:
    """The last of them: to a new bucket, the engine writes which layout it has."""
    client = team.account.client()
    client.create_bucket(Bucket="auren-new")
    client.close()
    reader.environment |= environment
    shown = reader.run("login", team.login.replace(*address), fails=True)
    for words in said:
        assert words in shown
        assert f"`{words}`" in PAGE


def test_without_its_last_part_the_address_warns_of_each_file(team: Team, reader: Project) -> None:
    shown = reader.run("login", team.login.replace("&response_checksum_validation=when_required", ""))
    assert (words := "Response has no supported checksum") in shown
    assert f"`{words}`" in PAGE


def test_nothing_in_the_bucket_tells_a_secret(team: Team, founder: Project) -> None:
    founder.run("config", "set", "--secret", "token", "not-for-everybody")
    founder.up()
    password = founder.outputs()["password"]
    versions = team.versions()
    texts = [team.text(version) for version in versions]
    assert sum("RandomPassword" in text for text in texts) > 5, "they would be in these"
    for version, text in zip(versions, texts, strict=True):
        assert password not in text, version
        assert "not-for-everybody" not in text, version


def test_another_passphrase_opens_nothing(team: Team, reader: Project) -> None:
    reader.environment["PULUMI_CONFIG_PASSPHRASE"] = "another"
    reader.run("login", team.login)
    assert "incorrect passphrase" in reader.run("preview", fails=True)


def test_what_was_asked_is_what_spaces_understands(team: Team, founder: Project) -> None:
    """The bucket is a part of the host name, and no upload has its checksum behind it, which other services refuse."""
    team.account.asked()
    shown = founder.up()
    asked = team.account.asked()
    assert "WARN" not in shown
    assert {request.host for request in asked} == {f"{BUCKET}.{HOST}"}
    assert any(request.writes for request in asked)
    assert not [r for r in asked if "x-amz-trailer" in r.headers or "STREAMING" in r.headers["x-amz-content-sha256"]]


def test_each_file_keeps_its_versions(team: Team, founder: Project) -> None:
    key = ".pulumi/stacks/auren/prod.json"
    before = [each for each in team.versions() if each["Key"] == key]
    founder.up()
    after = [each for each in team.versions() if each["Key"] == key]
    assert len(after) > len(before)
    assert after[-len(before) :] == [each | {"IsLatest": False} for each in before]
    assert json.loads(team.text(after[0]))["checkpoint"]["stack"] == "organization/auren/prod"
