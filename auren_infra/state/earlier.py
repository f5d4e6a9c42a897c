"""The state as it was: the version of the stack's file that was the newest at some moment."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from auren_infra.state.bucket import KEPT, Bucket, StateError, refused


@dataclass(frozen=True)
class Earlier:
    """One version of a stack's state."""

    written: datetime
    resources: int
    pending: int
    """Operations that had begun and not ended: an update was running, or had been cut."""
    deployment: str
    """JSON for `pulumi stack import`. Secrets in it are encrypted, as they are in the bucket."""


def at(bucket: Bucket, project: str, stack: str, moment: datetime) -> Earlier:
    """The state of this stack at the moment. Only reads. Raises `StateError` when there was none."""
    key = f"{KEPT}stacks/{project}/{stack}.json"
    client = bucket.client()
    try:
        found = next((each for each in _versions(client, bucket, key) if each[0] <= moment), None)
        if found is None or found[1] is None:
            raise StateError(
                f"The bucket {bucket.name} held no state of {project}'s stack {stack} at {_shown(moment)}: "
                "`pulumi stack ls` tells of the stacks, `pulumi stack history` of the updates."
            )
        written, version = found
        kept = json.loads(client.get_object(Bucket=bucket.name, Key=key, VersionId=version)["Body"].read())
    except (ClientError, BotoCoreError) as error:
        raise refused(error, bucket) from error
    finally:
        client.close()
    return _read(kept, written)


def _versions(client: Any, bucket: Bucket, key: str) -> list[tuple[datetime, str | None]]:
    """When each version was written, the newest first; None in place of a version where the file was deleted."""
    found: list[dict[str, Any]] = []
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket.name, Prefix=key):
        found += page.get("Versions", [])
        found += [{**each, "VersionId": None} for each in page.get("DeleteMarkers", [])]
    # Other files' names begin like this one's: the engine keeps a copy beside it. What S3 lists, it lists newest first,
    # and sorting keeps that order among the versions of one moment.
    own = [each for each in found if each["Key"] == key]
    own.sort(key=lambda each: (each["LastModified"], each["IsLatest"]), reverse=True)
    return [(each["LastModified"], each["VersionId"]) for each in own]


def _read(kept: dict[str, Any], written: datetime) -> Earlier:
    """What the engine keeps is what `pulumi stack import` takes, in another wrapping."""
    latest = kept["checkpoint"].get("latest")
    if latest is None:
        raise StateError(f"At {_shown(written)} the stack had just been made and held nothing yet.")
    deployment = {name: kept[name] for name in ("version", "features") if name in kept} | {"deployment": latest}
    return Earlier(
        written,
        len(latest.get("resources") or []),
        len(latest.get("pending_operations") or []),
        json.dumps(deployment, indent=2) + "\n",
    )


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}"
