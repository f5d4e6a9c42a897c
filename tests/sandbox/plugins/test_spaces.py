"""Buckets and keys of Spaces, by way of the official SDK, the real engine and a real object store."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydo import Client

from tests.sandbox.clouds.running import Clouds, clouds_with_spaces
from tests.sandbox.engine.project import Project
from tests.sandbox.plugins.clouds import project_in

STACK = """
import pulumi
import pulumi_digitalocean as do

owner = do.SpacesKey("owner", name="owner", grants=[do.SpacesKeyGrantArgs(bucket="", permission="fullaccess")])
spaces = do.Provider("spaces", spaces_access_id=owner.access_key, spaces_secret_key=owner.secret_key)
bucket = do.SpacesBucket(
    "backups", name="auren-backups", region="fra1", force_destroy={force},
    versioning=do.SpacesBucketVersioningArgs(enabled=True),
    lifecycle_rules=[
        do.SpacesBucketLifecycleRuleArgs(
            enabled=True, abort_incomplete_multipart_upload_days=7,
            noncurrent_version_expiration=do.SpacesBucketLifecycleRuleNoncurrentVersionExpirationArgs(days={days}),
        ),
        do.SpacesBucketLifecycleRuleArgs(
            id="logs", enabled=False, prefix="logs/",
            expiration=do.SpacesBucketLifecycleRuleExpirationArgs(days=90),
        ),
    ],
    opts=pulumi.ResourceOptions(provider=spaces),
)
machine = do.SpacesKey(
    "machine", name="machine", grants=[do.SpacesKeyGrantArgs(bucket=bucket.name, permission="readwrite")]
)
pulumi.export("endpoint", bucket.endpoint)
pulumi.export("domain", bucket.bucket_domain_name)
pulumi.export("urn", bucket.bucket_urn)
pulumi.export("owner", {{"access_key": owner.access_key, "secret_key": owner.secret_key}})
pulumi.export("machine", {{"access_key": machine.access_key, "secret_key": machine.secret_key}})
"""
BUCKET = """
import pulumi_digitalocean as do

do.SpacesBucket("bucket", {arguments})
"""
KEY = """
import pulumi_digitalocean as do

do.SpacesKey("key", name="{name}", grants=[{grants}])
"""
FULL = {"name": "test", "grants": [{"bucket": "", "permission": "fullaccess"}]}


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    with clouds_with_spaces(tmp_path_factory.mktemp("clouds")) as running:
        yield running


@pytest.fixture
def do(clouds: Clouds) -> Client:
    return clouds.digitalocean()


@pytest.fixture(scope="module")
def settings(clouds: Clouds) -> dict[str, str]:
    return {
        "SANDBOX_SPACES_PROXY": clouds.spaces_proxy,
        "SSL_CERT_FILE": str(clouds.directory / "certificates" / "ca.pem"),
    }


@pytest.fixture(scope="module")
def project(clouds: Clouds, settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Project:
    return project_in(clouds, tmp_path_factory.mktemp("project"), **settings)


@pytest.fixture
def keyed(project: Project, do: Client) -> Iterator[Project]:
    """With a key with all rights in the environment; its stack is empty afterwards."""
    key = do.spaces_key.create(FULL)["key"]
    given = {"SPACES_ACCESS_KEY_ID": key["access_key"], "SPACES_SECRET_ACCESS_KEY": key["secret_key"]}
    yield Project(project.folder, project.environment | given)
    Project(project.folder, project.environment | given).run("destroy", "--yes", "--skip-preview")
    do.spaces_key.delete(key["access_key"])


def test_keys_and_a_bucket_live_as_one_stack(project: Project, clouds: Clouds, do: Client) -> None:
    project.write(STACK.format(force=False, days=30))
    project.run("preview")
    project.up()
    outputs = project.outputs()
    assert outputs["endpoint"] == "fra1.digitaloceanspaces.com"
    assert outputs["domain"] == "auren-backups.fra1.digitaloceanspaces.com"
    assert outputs["urn"] == "do:space:auren-backups"
    owner, machine = clouds.s3(outputs["owner"]), clouds.s3(outputs["machine"])
    assert owner.get_bucket_versioning(Bucket="auren-backups")["Status"] == "Enabled"
    rules = owner.get_bucket_lifecycle_configuration(Bucket="auren-backups")["Rules"]
    assert [rule["Status"] for rule in rules] == ["Enabled", "Disabled"]
    assert rules[0]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    machine.put_object(Bucket="auren-backups", Key="k", Body=b"x")

    project.run("preview", "--expect-no-changes")
    project.run("refresh", "--yes", "--expect-no-changes")
    project.run("preview", "--expect-no-changes")
    assert outputs["machine"]["secret_key"] not in project.run("stack", "export")

    refused = project.run("destroy", "--yes", "--skip-preview", fails=True)
    assert "BucketNotEmpty: The bucket you tried to delete is not empty" in refused
    project.write(STACK.format(force=True, days=10))
    project.up()
    rules = clouds.s3(project.outputs()["owner"]).get_bucket_lifecycle_configuration(Bucket="auren-backups")["Rules"]
    assert rules[0]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 10}
    project.run("destroy", "--yes", "--skip-preview")
    assert do.spaces_key.list()["keys"] == []


def bucket(**arguments: Any) -> str:
    return BUCKET.format(arguments=", ".join(f"{name}={value!r}" for name, value in arguments.items()))


def test_without_keys_a_bucket_is_refused(project: Project) -> None:
    project.write(bucket(name="auren-backups"))
    assert "Error creating bucket: Spaces credentials not configured" in project.run(
        "up", "--yes", "--skip-preview", fails=True
    )


def test_a_name_that_is_taken_is_refused_with_the_services_words(keyed: Project, clouds: Clouds, do: Client) -> None:
    other = clouds.s3(do.spaces_key.create(FULL)["key"], "ams3")
    other.create_bucket(Bucket="auren-backups")
    keyed.write(bucket(name="auren-backups", region="fra1"))
    refused = keyed.run("up", "--yes", "--skip-preview", fails=True)
    assert "Error creating Spaces bucket: BucketAlreadyExists: " in refused
    assert "status code: 409, request id: " in refused
    other.delete_bucket(Bucket="auren-backups")


def test_an_unknown_region_is_refused_before_anything_is_made(keyed: Project) -> None:
    keyed.write(bucket(name="auren-backups", region="moon1"))
    assert "expected region to be one of" in keyed.run("preview", fails=True)


def test_another_region_replaces_a_bucket_and_versioning_is_changed_in_place(keyed: Project, do: Client) -> None:
    keyed.write(bucket(name="auren-backups", region="FRA1"))
    keyed.up()
    keyed.run("preview", "--expect-no-changes")
    keyed.write(bucket(name="auren-backups", region="fra1", versioning={"enabled": True}))
    assert "1 to update" in keyed.run("preview")
    keyed.up()
    # Left out again, it stays as it is.
    keyed.write(bucket(name="auren-backups", region="fra1"))
    keyed.run("preview", "--expect-no-changes")
    keyed.write(bucket(name="auren-backups", region="ams3"))
    assert "1 to replace" in keyed.run("preview")
    keyed.up()
    keyed.run("refresh", "--yes", "--expect-no-changes")


def test_a_bucket_that_is_gone_is_seen_by_a_refresh(keyed: Project, clouds: Clouds, do: Client) -> None:
    keyed.write(bucket(name="auren-backups", region="fra1"))
    keyed.up()
    owner = clouds.s3(do.spaces_key.create(FULL)["key"])
    owner.delete_bucket(Bucket="auren-backups")
    keyed.run("refresh", "--yes")
    assert "1 to create" in keyed.run("preview")


def test_grants_change_in_place_and_a_key_that_is_gone_is_made_anew(keyed: Project, clouds: Clouds, do: Client) -> None:
    owner = clouds.s3(do.spaces_key.create(FULL)["key"])
    owner.create_bucket(Bucket="auren-backups")
    grant = 'do.SpacesKeyGrantArgs(bucket="auren-backups", permission="{}")'
    keyed.write(KEY.format(name="reader", grants=grant.format("read")))
    keyed.up()
    (made,) = do.spaces_key.list(name="reader")["keys"]
    keyed.write(KEY.format(name="writer", grants=grant.format("readwrite")))
    assert "1 to update" in keyed.run("preview")
    keyed.up()
    (changed,) = do.spaces_key.list(name="writer")["keys"]
    assert changed["access_key"] == made["access_key"]
    assert changed["grants"] == [{"bucket": "auren-backups", "permission": "readwrite"}]
    do.spaces_key.delete(made["access_key"])
    keyed.run("refresh", "--yes")
    assert "1 to create" in keyed.run("preview")
    owner.delete_bucket(Bucket="auren-backups")
