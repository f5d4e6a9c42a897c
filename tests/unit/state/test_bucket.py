"""The making of the state's bucket, against an S3 service with the rights of keys."""

from pathlib import Path

import pytest

from auren_infra.state import bucket
from auren_infra.state.__main__ import main
from auren_infra.state.bucket import Bucket, StateError
from tests.state.spaces import HOST, Spaces

ROOT = Path(__file__).parents[3]
BUCKET = Bucket("auren-state", "nyc3")
EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


def _grantees(account: Spaces) -> list[str]:
    client = account.client()
    grants = client.get_bucket_acl(Bucket=BUCKET.name)["Grants"]
    client.close()
    return [grant["Grantee"].get("URI", "the owner") for grant in grants]


def _versioning(account: Spaces) -> str | None:
    client = account.client()
    status = client.get_bucket_versioning(Bucket=BUCKET.name).get("Status")
    client.close()
    return status


def _existing(account: Spaces, *files: str, acl: str = "private") -> None:
    client = account.client()
    client.create_bucket(Bucket=BUCKET.name, ACL=acl)
    for name in files:
        client.put_object(Bucket=BUCKET.name, Key=name, Body=b"{}")
    client.close()


def test_it_is_made_private_with_versions_and_the_command_says_how_to_log_in(
    account: Spaces, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["create", "--bucket", "auren-state", "--region", "nyc3"]) == 0
    assert _grantees(account) == ["the owner"]
    assert _versioning(account) == "Enabled"
    assert capsys.readouterr().out == f"pulumi login '{BUCKET.login}'\n"
    assert {request.host for request in account.asked()} >= {f"auren-state.{HOST}"}


def test_making_it_twice_mends_what_is_not_right_and_leaves_the_state(account: Spaces) -> None:
    _existing(account, ".pulumi/meta.yaml", acl="public-read")
    assert EVERYBODY in _grantees(account)
    assert bucket.create(BUCKET) is False
    assert _grantees(account) == ["the owner"]
    assert _versioning(account) == "Enabled"
    client = account.client()
    assert client.get_object(Bucket=BUCKET.name, Key=".pulumi/meta.yaml")["Body"].read() == b"{}"
    client.close()


@pytest.mark.parametrize("stranger", ["index.html", "website/index.html"])
def test_a_bucket_of_another_purpose_is_left_as_it_is(account: Spaces, stranger: str) -> None:
    _existing(account, ".pulumi/meta.yaml", stranger, acl="public-read")
    with pytest.raises(StateError, match=f"other files than a state \\({stranger.partition('/')[0]}"):
        bucket.create(BUCKET)
    assert EVERYBODY in _grantees(account)
    assert _versioning(account) is None


def test_a_key_without_the_right_is_told_so(account: Spaces, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in account.environment("read and write").items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StateError, match="use a key with full access"):
        bucket.create(BUCKET)


@pytest.mark.parametrize("wrong", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_an_unknown_key_is_told_so(account: Spaces, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv(wrong, "DO00NOBODY")
    with pytest.raises(StateError, match="does not know this key"):
        bucket.create(BUCKET)


def test_no_key_or_no_such_region_is_told_so(
    account: Spaces, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["create", "--bucket", "auren-state", "--region", "xyz9"]) == 1
    assert "check that xyz9 is a region with Spaces" in capsys.readouterr().err
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    assert main(["create", "--bucket", "auren-state", "--region", "nyc3"]) == 1
    assert "Unable to locate credentials. Set AWS_ACCESS_KEY_ID and" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Auren", "auren.state", "au", "-auren", "auren_state", "a" * 64])
def test_a_name_that_cannot_be_a_buckets_is_refused(name: str) -> None:
    with pytest.raises(StateError, match="cannot be a bucket's name"):
        bucket.named(name, "nyc3")


def test_a_login_is_read_back(account: Spaces) -> None:
    assert bucket.of_login(BUCKET.login) == BUCKET
    assert bucket.of_login(f"s3://auren-state?region=us-east-1&endpoint={HOST}") == BUCKET


@pytest.mark.parametrize(
    "address",
    [
        "file://~",
        "https://api.pulumi.com/organization",
        "s3://auren-state",
        "s3://auren-state?endpoint=https://s3.example.com&region=us-east-1",
        f"s3://auren-state/folder?endpoint=https://{HOST}&region=us-east-1",
    ],
)
def test_another_backend_is_none_of_ours(address: str) -> None:
    with pytest.raises(StateError, match="not a bucket of Spaces"):
        bucket.of_login(address)


def test_the_page_tells_the_address_that_the_program_prints() -> None:
    assert f"pulumi login '{Bucket('BUCKET', 'REGION').login}'" in (ROOT / "docs" / "state.md").read_text()
