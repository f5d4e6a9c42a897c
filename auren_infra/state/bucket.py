"""The bucket: its name and region, the address for `pulumi login`, and its creation."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

KEPT = ".pulumi/"
"""The engine keeps all its files below this prefix."""
SIGNING_REGION = "us-east-1"
"""Spaces requires this region to create a bucket, and accepts it for all other requests, in every region."""

# A dot in the name would make it two labels, and Spaces' certificate covers one.
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z]{3}[0-9]+")


class StateError(RuntimeError):
    """The state's bucket cannot be made or read; the text says why, and what to do."""


@dataclass(frozen=True)
class Bucket:
    """A bucket of DigitalOcean Spaces, which may not exist yet."""

    name: str
    region: str
    """A region's slug, such as `nyc3`."""

    @property
    def endpoint(self) -> str:
        return f"https://{self.region}.digitaloceanspaces.com"

    @property
    def login(self) -> str:
        """The address for `pulumi login`, or PULUMI_BACKEND_URL.

        The engine sends no checksums of the newer kinds to a custom endpoint. By default it still expects them in
        answers, and prints a warning for every object without one.
        """
        return (
            f"s3://{self.name}?endpoint={self.endpoint}&region={SIGNING_REGION}"
            "&response_checksum_validation=when_required"
        )

    def client(self) -> Any:
        """The S3 client, with the key of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, as the engine uses it.

        botocore creates the methods at run time, so the client has no type.
        """
        return get_session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=SIGNING_REGION,
            config=Config(
                s3={"addressing_style": "virtual"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )


def named(name: str, region: str) -> Bucket:
    """The bucket of this name. Raises `StateError` if the name or the region is invalid."""
    if not _NAME.fullmatch(name):
        raise StateError(
            f"{name!r} cannot be a bucket's name: use 3 to 63 small letters and digits, with hyphens between them. A "
            "name must be unique in its region, so begin with your own name, such as auren-state."
        )
    if not _REGION.fullmatch(region):
        raise StateError(f"{region!r} is no region's slug; write one such as nyc3.")
    return Bucket(name, region)


def of_login(address: str) -> Bucket:
    """The bucket that `pulumi` is logged in to. Raises `StateError` when its state is somewhere else."""
    parts = urlsplit(address)
    endpoint = parse_qs(parts.query).get("endpoint", [""])[0]
    host = re.fullmatch(rf"(?:https://)?({_REGION.pattern})\.digitaloceanspaces\.com/?", endpoint)
    if parts.scheme != "s3" or parts.path.strip("/") or host is None:
        raise StateError(f"pulumi is logged in to {address}, which is not a bucket of Spaces as in docs/state.md.")
    return named(parts.netloc, host[1])


def create(bucket: Bucket) -> bool:
    """Create the bucket, private and with versions, or repair these settings. Safe to repeat.

    Returns whether the bucket is new. An existing bucket must be empty or hold a state: a bucket of another purpose is
    never made private. Raises `StateError`.
    """
    client = bucket.client()
    try:
        held = _held(client, bucket)
        if held is None:
            client.create_bucket(Bucket=bucket.name, ACL="private")
        elif strangers := sorted(held - {KEPT}):
            raise StateError(
                f"The bucket {bucket.name} holds other files than a state ({', '.join(strangers)}), so it was not "
                "changed. Choose another name."
            )
        else:
            client.put_bucket_acl(Bucket=bucket.name, ACL="private")
        client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
        status = client.get_bucket_versioning(Bucket=bucket.name).get("Status")
    except (ClientError, BotoCoreError) as error:
        raise refused(error, bucket) from error
    finally:
        client.close()
    if status != "Enabled":
        raise StateError(f"The bucket {bucket.name} keeps no versions, although versioning was enabled: do not use it.")
    return held is None


def refused(error: ClientError | BotoCoreError, bucket: Bucket) -> StateError:
    """The error of Spaces or of the connection, with the repair."""
    if isinstance(error, BotoCoreError):
        return StateError(
            f"{bucket.endpoint} could not be reached: {error}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a "
            f"Spaces key, and check that {bucket.region} is a region with Spaces."
        )
    match error.response.get("Error", {}).get("Code"):
        case "InvalidAccessKeyId" | "SignatureDoesNotMatch":
            repair = "Spaces does not know this key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to one pair."
        case "AccessDenied":
            repair = "The key may not do this, or the bucket is somebody else's: use a key with full access."
        case "NoSuchBucket":
            repair = f"There is none in {bucket.region}."
        case "BucketAlreadyExists":
            repair = "The name is taken by somebody else: choose another."
        case _:
            repair = str(error)
    return StateError(f"The bucket {bucket.name}: {repair}")


def _held(client: Any, bucket: Bucket) -> set[str] | None:
    """The files and folders at the bucket's root (the first page of them); None if there is no bucket."""
    try:
        found: dict[str, list[dict[str, str]]] = client.list_objects_v2(Bucket=bucket.name, Delimiter="/")
    except client.exceptions.NoSuchBucket:
        return None
    return {each["Prefix"] for each in found.get("CommonPrefixes", [])} | {
        each["Key"] for each in found.get("Contents", [])
    }
