"""The bucket: its name and place, the address that `pulumi login` takes, and the making of it."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

KEPT = ".pulumi/"
"""Everything that the engine keeps in a bucket lies below this."""
SIGNING_REGION = "us-east-1"
"""What Spaces wants to be called when a bucket is made, and takes at all other times, wherever the bucket is."""

# A dot in the name would make it two labels, and Spaces' certificate covers one.
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z]{3}[0-9]+")


class StateError(RuntimeError):
    """The state's bucket cannot be made or read; the text says why, and what to do."""


@dataclass(frozen=True)
class Bucket:
    """A bucket of DigitalOcean Spaces, there or not yet."""

    name: str
    region: str
    """A region's slug, such as `nyc3`."""

    @property
    def endpoint(self) -> str:
        return f"https://{self.region}.digitaloceanspaces.com"

    @property
    def login(self) -> str:
        """The address for `pulumi login`, or PULUMI_BACKEND_URL.

        The engine sends no checksums of the newer kinds to an endpoint that is named here. It would look for them in
        what it reads, though, and warn on standard error of every object that has none.
        """
        return (
            f"s3://{self.name}?endpoint={self.endpoint}&region={SIGNING_REGION}"
            "&response_checksum_validation=when_required"
        )

    def client(self) -> Any:
        """Speaks to it with the key of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, as the engine does.

        botocore makes its methods when it is running, so there is no type to tell.
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
    """The bucket of this name. Raises `StateError` for what can be none."""
    if not _NAME.fullmatch(name):
        raise StateError(
            f"{name!r} cannot be a bucket's name: it takes 3 to 63 small letters, digits and hyphens between them. All "
            "of a region's customers share the names, so begin with your own, such as auren-state."
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
        raise StateError(f"pulumi is logged in to {address}, which is no bucket of Spaces as docs/state.md has it.")
    return named(parts.netloc, host[1])


def create(bucket: Bucket) -> bool:
    """Have the bucket be there: private, and keeping each version of what it holds. Safe to repeat.

    Returns whether it was made now. One that is there already must be empty or hold a state: nothing that serves
    another purpose is ever made private here. Raises `StateError`.
    """
    client = bucket.client()
    try:
        held = _held(client, bucket)
        if held is None:
            client.create_bucket(Bucket=bucket.name, ACL="private")
        elif strangers := sorted(held - {KEPT}):
            raise StateError(
                f"The bucket {bucket.name} holds something else than a state ({', '.join(strangers)}); it is left "
                "as it is. Choose another name."
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
        raise StateError(f"The bucket {bucket.name} keeps no versions, though it was told to: do not use it.")
    return held is None


def refused(error: ClientError | BotoCoreError, bucket: Bucket) -> StateError:
    """What Spaces, or the way to it, answered, with what to do about it."""
    if isinstance(error, BotoCoreError):
        return StateError(
            f"{bucket.endpoint} could not be asked: {error}. Are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY set to a "
            f"Spaces key, and is {bucket.region} a region that has Spaces?"
        )
    match error.response.get("Error", {}).get("Code"):
        case "InvalidAccessKeyId" | "SignatureDoesNotMatch":
            mend = "Spaces does not know this key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to one pair."
        case "AccessDenied":
            mend = "The key may not do this, or the bucket is somebody else's: use a key with full access."
        case "NoSuchBucket":
            mend = f"There is none in {bucket.region}."
        case "BucketAlreadyExists":
            mend = "The name is taken by somebody else: choose another."
        case _:
            mend = str(error)
    return StateError(f"The bucket {bucket.name}: {mend}")


def _held(client: Any, bucket: Bucket) -> set[str] | None:
    """The files and folders at the bucket's root, some at least; None where there is no bucket."""
    try:
        found: dict[str, list[dict[str, str]]] = client.list_objects_v2(Bucket=bucket.name, Delimiter="/")
    except client.exceptions.NoSuchBucket:
        return None
    return {each["Prefix"] for each in found.get("CommonPrefixes", [])} | {
        each["Key"] for each in found.get("Contents", [])
    }
