"""Spaces as its clients see it: keys by pydo, objects by boto3 over verified TLS, rights checked by a real server."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from botocore.exceptions import ClientError
from pydo import Client

from sandbox.clouds.spaces import object_store
from tests.sandbox.clouds.running import Clouds, clouds_with_spaces

ALL = {"bucket": "", "permission": "fullaccess"}


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    with clouds_with_spaces(tmp_path_factory.mktemp("clouds")) as running:
        yield running


def key(do: Client, *grants: dict[str, str], name: str = "a-key") -> dict[str, Any]:
    return do.spaces_key.create({"name": name, "grants": list(grants)})["key"]


def refused(call: Callable[..., Any], **arguments: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer: Any = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


@pytest.fixture
def owner(clouds: Clouds, do: Client) -> Iterator[Any]:
    """The account's own client in fra1; its buckets are gone afterwards."""
    made = clouds.s3(key(do, ALL))
    yield made
    for bucket in made.list_buckets()["Buckets"]:
        empty(made, bucket["Name"])
        made.delete_bucket(Bucket=bucket["Name"])


def empty(client: Any, bucket: str) -> None:
    found = client.list_object_versions(Bucket=bucket)
    for each in [*found.get("Versions", []), *found.get("DeleteMarkers", [])]:
        client.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])


def names(client: Any) -> list[str]:
    return [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_an_object_is_kept_under_both_names_of_its_bucket(
    clouds: Clouds, owner: Any, do: Client, style: Literal["path", "virtual"]
) -> None:
    client = clouds.s3(key(do, ALL), addressing=style)
    client.create_bucket(Bucket="auren-backups")
    name = "a folder/ä + ü%2F~.txt"
    client.put_object(Bucket="auren-backups", Key=name, Body=b"the body", Metadata={"made": "here"})
    found = client.get_object(Bucket="auren-backups", Key=name)
    assert (found["Body"].read(), found["Metadata"]) == (b"the body", {"made": "here"})
    assert [each["Key"] for each in owner.list_objects_v2(Bucket="auren-backups")["Contents"]] == [name]


def test_a_large_object_goes_in_parts(clouds: Clouds, owner: Any) -> None:
    owner.create_bucket(Bucket="auren-backups")
    upload = owner.create_multipart_upload(Bucket="auren-backups", Key="large")["UploadId"]
    parts: list[dict[str, Any]] = []
    for number, byte in ((1, b"a"), (2, b"b")):
        where = {"Bucket": "auren-backups", "Key": "large", "UploadId": upload, "PartNumber": number}
        parts.append({"PartNumber": number, "ETag": owner.upload_part(**where, Body=byte * (5 << 20))["ETag"]})
    owner.complete_multipart_upload(
        Bucket="auren-backups", Key="large", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    found = owner.get_object(Bucket="auren-backups", Key="large", Range="bytes=5242879-5242880")
    assert found["Body"].read() == b"ab"


def test_a_deleted_objects_version_can_be_had_again(owner: Any) -> None:
    owner.create_bucket(Bucket="auren-backups")
    owner.put_bucket_versioning(Bucket="auren-backups", VersioningConfiguration={"Status": "Enabled"})
    first = owner.put_object(Bucket="auren-backups", Key="k", Body=b"first")["VersionId"]
    owner.put_object(Bucket="auren-backups", Key="k", Body=b"second")
    owner.delete_object(Bucket="auren-backups", Key="k")
    assert refused(owner.get_object, Bucket="auren-backups", Key="k") == (404, "NoSuchKey")
    listed = owner.list_object_versions(Bucket="auren-backups")
    assert (len(listed["Versions"]), len(listed["DeleteMarkers"])) == (2, 1)
    assert owner.get_object(Bucket="auren-backups", Key="k", VersionId=first)["Body"].read() == b"first"


READS: list[tuple[str, dict[str, Any]]] = [
    ("get_object", {"Key": "there"}),
    ("head_object", {"Key": "there"}),
    ("list_objects_v2", {}),
    ("list_object_versions", {}),
    ("head_bucket", {}),
    ("get_bucket_location", {}),
    ("get_bucket_versioning", {}),
]
WRITES: list[tuple[str, dict[str, Any]]] = [
    ("put_object", {"Key": "new", "Body": b"x"}),
    ("copy_object", {"Key": "copy", "CopySource": "auren-backups/there"}),
    ("create_multipart_upload", {"Key": "parts"}),
    ("delete_object", {"Key": "there"}),
]
RULE = {
    "ID": "old",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
}
OWNERS: list[tuple[str, dict[str, Any]]] = [
    ("create_bucket", {}),
    ("delete_bucket", {}),
    ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Suspended"}}),
    ("get_bucket_lifecycle_configuration", {}),
    ("put_bucket_lifecycle_configuration", {"LifecycleConfiguration": {"Rules": [RULE]}}),
    ("delete_bucket_lifecycle", {}),
    ("get_bucket_acl", {}),
    ("put_bucket_acl", {"ACL": "public-read"}),
    ("put_bucket_policy", {"Policy": '{"Version": "2012-10-17", "Statement": []}'}),
    ("delete_object", {"Key": "there", "VersionId": "THERE"}),
]


@pytest.mark.parametrize(("permission", "may"), [("read", READS), ("readwrite", READS + WRITES), ("", [])])
def test_a_key_may_do_what_its_grant_says_and_nothing_else(
    clouds: Clouds, owner: Any, do: Client, permission: str, may: list[Any]
) -> None:
    for bucket in ("auren-backups", "auren-others"):
        owner.create_bucket(Bucket=bucket)
        owner.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        version = owner.put_object(Bucket=bucket, Key="there", Body=b"x")["VersionId"]
    client = clouds.s3(key(do, {"bucket": "auren-backups", "permission": permission}))
    version = owner.list_object_versions(Bucket="auren-backups")["Versions"][0]["VersionId"]
    for call, arguments in READS + WRITES + OWNERS:
        given = arguments | ({"VersionId": version} if "VersionId" in arguments else {})
        if (call, arguments) in may:
            getattr(client, call)(Bucket="auren-backups", **given)
        else:
            assert refused(getattr(client, call), Bucket="auren-backups", **given)[0] == 403, call
        assert refused(getattr(client, call), Bucket="auren-others", **given)[0] in (403, 404), call
    assert len(owner.list_object_versions(Bucket="auren-others")["Versions"]) == 1
    kept = owner.get_object(Bucket="auren-backups", Key="there", VersionId=version)
    assert kept["Body"].read() == b"x"


def test_rights_change_with_the_grants_and_end_with_the_key(clouds: Clouds, owner: Any, do: Client) -> None:
    for bucket in ("auren-backups", "auren-others"):
        owner.create_bucket(Bucket=bucket)
    made = key(do, {"bucket": "auren-backups", "permission": "read"})
    client = clouds.s3(made)
    assert refused(client.put_object, Bucket="auren-backups", Key="k")[0] == 403
    grants = [{"bucket": name, "permission": "readwrite"} for name in ("auren-backups", "auren-others")]
    do.spaces_key.update(made["access_key"], {"name": "wider", "grants": grants})
    client.put_object(Bucket="auren-backups", Key="k")
    client.put_object(Bucket="auren-others", Key="k")
    do.spaces_key.delete(made["access_key"])
    assert refused(client.put_object, Bucket="auren-backups", Key="k") == (403, "InvalidAccessKeyId")


def test_a_wrong_secret_is_refused(clouds: Clouds, do: Client) -> None:
    client = clouds.s3(key(do, ALL) | {"secret_key": "s" * 43})
    assert refused(client.create_bucket, Bucket="auren-backups") == (403, "SignatureDoesNotMatch")


def test_a_bucket_is_in_its_region_only(clouds: Clouds, owner: Any, do: Client) -> None:
    owner.create_bucket(Bucket="auren-backups")
    assert owner.get_bucket_location(Bucket="auren-backups")["LocationConstraint"] == "fra1"
    elsewhere = clouds.s3(key(do, ALL), "ams3")
    assert names(owner) == ["auren-backups"]
    assert names(elsewhere) == []
    assert refused(elsewhere.list_objects_v2, Bucket="auren-backups") == (404, "NoSuchBucket")


def test_a_name_that_is_taken_is_refused_in_every_region(clouds: Clouds, owner: Any, do: Client) -> None:
    owner.create_bucket(Bucket="auren-backups")
    assert refused(owner.create_bucket, Bucket="auren-backups") == (409, "BucketAlreadyExists")
    elsewhere = clouds.s3(key(do, ALL), "ams3")
    assert refused(elsewhere.create_bucket, Bucket="auren-backups") == (409, "BucketAlreadyExists")


@pytest.mark.parametrize("name", ["192.168.1.1", "Auren", "-auren", "auren-", "auren..de"])
def test_a_name_that_no_bucket_can_have_is_refused(owner: Any, name: str) -> None:
    owner.meta.events.unregister("before-parameter-build.s3", "validate_bucket_name")
    assert refused(owner.create_bucket, Bucket=name) == (400, "InvalidBucketName")


def test_a_bucket_is_deleted_when_nothing_is_left_in_it(owner: Any) -> None:
    owner.create_bucket(Bucket="auren-backups")
    owner.put_bucket_versioning(Bucket="auren-backups", VersioningConfiguration={"Status": "Enabled"})
    owner.put_object(Bucket="auren-backups", Key="folder/object", Body=b"x")
    assert refused(owner.delete_bucket, Bucket="auren-backups") == (409, "BucketNotEmpty")
    owner.delete_object(Bucket="auren-backups", Key="folder/object")
    assert refused(owner.delete_bucket, Bucket="auren-backups") == (409, "BucketNotEmpty")
    empty(owner, "auren-backups")
    owner.delete_bucket(Bucket="auren-backups")
    assert names(owner) == []
    owner.create_bucket(Bucket="auren-backups")


def test_the_hundred_and_first_bucket_is_refused(clouds: Clouds, owner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.clouds.spaces.door.BUCKET_LIMIT", 1)
    owner.create_bucket(Bucket="auren-backups")
    assert refused(owner.create_bucket, Bucket="auren-others") == (400, "TooManyBuckets")


def test_faults_on_demand(clouds: Clouds, owner: Any) -> None:
    owner.create_bucket(Bucket="auren-backups")
    fault = {"path": r"^(.*\.)?fra1\.digitaloceanspaces\.com/.*k$", "method": "PUT", "status": 503, "retry_after": 1}
    with clouds.raw() as http:
        http.post("/_sandbox/faults", json=fault).raise_for_status()
    assert refused(owner.put_object, Bucket="auren-backups", Key="k", Body=b"x") == (503, "SlowDown")
    owner.put_object(Bucket="auren-backups", Key="k", Body=b"x")


def test_an_answer_that_is_lost(clouds: Clouds, owner: Any) -> None:
    fault = {"path": r"^fra1\.digitaloceanspaces\.com/auren-backups/k$", "kind": "lost", "status": 503}
    owner.create_bucket(Bucket="auren-backups")
    with clouds.raw() as http:
        http.post("/_sandbox/faults", json=fault).raise_for_status()
    with pytest.raises(ClientError):
        owner.put_object(Bucket="auren-backups", Key="k", Body=b"x")
    assert owner.get_object(Bucket="auren-backups", Key="k")["Body"].read() == b"x"


def test_objects_and_keys_outlive_the_cloud_and_the_object_store(clouds: Clouds, owner: Any, do: Client) -> None:
    owner.create_bucket(Bucket="auren-backups")
    owner.put_object(Bucket="auren-backups", Key="k", Body=b"kept")
    made = key(do, {"bucket": "auren-backups", "permission": "read"})
    assert object_store.stop(clouds.object_store)
    assert clouds.object_store.process.pid() is None
    assert not list(Path("/tmp").glob(f"seaweedfs-*-grpc-{str(clouds.object_store.port + 10_000)[:-1]}?.sock"))
    clouds.restart()
    assert clouds.s3(made).get_object(Bucket="auren-backups", Key="k")["Body"].read() == b"kept"


def test_a_key_is_withdrawn_also_when_the_cloud_was_restarted(clouds: Clouds, owner: Any, do: Client) -> None:
    owner.create_bucket(Bucket="auren-backups")
    made = key(do, {"bucket": "auren-backups", "permission": "readwrite"})
    clouds.s3(made).put_object(Bucket="auren-backups", Key="k", Body=b"x")
    clouds.restart()
    clouds.digitalocean().spaces_key.delete(made["access_key"])
    assert refused(clouds.s3(made).get_object, Bucket="auren-backups", Key="k")[0] == 403
