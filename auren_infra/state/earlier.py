"""An earlier state: the version of the stack's file that was the newest at a given time."""

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
    """Unfinished operations: an update was running, or had been cut."""
    deployment: str
    """JSON for `pulumi stack import`. Its secrets are encrypted, as in the bucket."""


def at(bucket: Bucket, project: str, stack: str, moment: datetime) -> Earlier:
    """The state of this stack at that time. Only reads. Raises `StateError` when there was none."""
    key = f"{KEPT}stacks/{project}/{stack}.json"
    client = bucket.client()
    try:
        found = next((each for each in _versions(client, bucket, key) if each[0] <= moment), None)
        if found is None or found[1] is None:
            raise StateError(
                f"The bucket {bucket.name} held no state of {project}'s stack {stack} at {_shown(moment)}: "
                "`pulumi stack ls` lists the stacks, `pulumi stack history` the updates."
            )
        written, version = found
        kept = json.loads(client.get_object(Bucket=bucket.name, Key=key, VersionId=version)["Body"].read())
    except (ClientError, BotoCoreError) as error:
        raise refused(error, bucket) from error
    finally:
        client.close()
    return _read(kept, written)


def _versions(client: Any, bucket: Bucket, key: str) -> list[tuple[datetime, str | None]]:
    """The time and id of each version, the newest first. The id is None where the file was deleted."""
    found: list[dict[str, Any]] = []
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket.name, Prefix=key):
        found += page.get("Versions", [])
        found += [{**each, "VersionId": None} for each in page.get("DeleteMarkers", [])]
    # The prefix also matches other files, such as the engine's copy of this one. S3 lists versions newest first, and
    # sorting keeps this order for versions of the same time.
    own = [each for each in found if each["Key"] == key]
    own.sort(key=lambda each: (each["LastModified"], each["IsLatest"]), reverse=True)
    return [(each["LastModified"], each["VersionId"]) for each in own]


def _read(kept: dict[str, Any], written: datetime) -> Earlier:
    """Convert the engine's file to the format of `pulumi stack import`."""
    latest = kept["checkpoint"].get("latest")
    if latest is None:
        raise StateError(f"At {_shown(written)} the stack was new and held no resources yet.")
    deployment = {name: kept[name] for name in ("version", "features") if name in kept} | {"deployment": latest}
    return Earlier(
        written,
        len(latest.get("resources") or []),
        len(latest.get("pending_operations") or []),
        json.dumps(deployment, indent=2) + "\n",
    )


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}"
