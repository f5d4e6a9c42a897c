"""Buckets of the simulated Spaces, past Pulumi: made and looked into by hand."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from sandbox import layout
from tests.local import cloud


@dataclass(frozen=True)
class HandMade:
    """A bucket that somebody has made in the control panel, with a key for it."""

    name: str
    region: str
    key: Mapping[str, str]
    """As the API answers it: `access_key`, `secret_key`."""
    owner: Any
    """An S3 client that may do everything."""

    def keep_versions(self) -> None:
        self.owner.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})

    def objects(self) -> dict[str, str]:
        """The ETag of each object, by its key."""
        return listed(self.owner, self.name)


def client(key: Mapping[str, str], region: str) -> Any:
    """An S3 client with a key as the API answers it."""
    return boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=f"https://{region}.{layout.SPACES_DOMAIN}",
        verify=str(layout.SPACES_CERTIFICATES / "ca.pem"),
        aws_access_key_id=key["access_key"],
        aws_secret_access_key=key["secret_key"],
        config=Config(
            proxies={"https": f"http://127.0.0.1:{layout.SPACES_PROXY_PORT}"}, s3={"addressing_style": "path"}
        ),
    )


def listed(owner: Any, bucket: str) -> dict[str, str]:
    pages = owner.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {each["Key"]: each["ETag"] for page in pages for each in page.get("Contents", ())}


@contextlib.contextmanager
def owner(region: str) -> Iterator[Any]:
    """A client with a key for everything, which is withdrawn afterwards."""
    with _key("tests-owner", {"bucket": "", "permission": "fullaccess"}) as key:
        yield client(key, region)


@contextlib.contextmanager
def made_by_hand(name: str, region: str) -> Iterator[HandMade]:
    """It keeps no versions at first. It is gone afterwards, with all that is in it."""
    with owner(region) as everything:
        everything.create_bucket(Bucket=name)
        try:
            with _key("tests-machine", {"bucket": name, "permission": "readwrite"}) as key:
                yield HandMade(name, region, key, everything)
        finally:
            for page in everything.get_paginator("list_object_versions").paginate(Bucket=name):
                for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                    everything.delete_object(Bucket=name, Key=each["Key"], VersionId=each["VersionId"])
            everything.delete_bucket(Bucket=name)


@contextlib.contextmanager
def _key(name: str, grant: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    key = cloud.make_spaces_key(name, grant)
    try:
        yield key
    finally:
        cloud.delete_spaces_key(key["access_key"])
