"""The keys of Spaces as the object store's configuration: who they are and what they may do.

What is known of the real service's limited keys:

- They get 403 for creating a bucket, for the lifecycle rules and for the ACL of their bucket, and for a bucket policy.
- `readwrite` is "Read/Write/Delete" in the control panel.
- A bucket with a policy takes no limited key, and one with a limited key takes no policy. This is left out.

Not published is whether such a key may delete an old version of an object. Here it may not, as with the policies that
clouds publish for this purpose: it puts a delete marker. Also not published is what a list of all buckets holds for
it. Here it holds the buckets of its grants.
"""

import json
from collections.abc import Iterable
from typing import Any

from sandbox.clouds.state import SpacesGrant, SpacesKey

_READ_BUCKET = (
    *("s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"),
    *("s3:GetBucketLocation", "s3:GetBucketVersioning"),
)
_READ_OBJECTS = ("s3:GetObject", "s3:GetObjectVersion")
_WRITE_OBJECTS = ("s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
ALL = {"actions": ["Admin"]}


def configuration(keys: Iterable[SpacesKey], own: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """What SeaweedFS reads. `own` are the keys (access key, secret) with all rights that the cloud itself uses."""
    identities = [_identity(access, secret) | ALL for access, secret in own]
    policies: list[dict[str, str]] = []
    for key in keys:
        identity = _identity(key.access_key, key.secret_key)
        if key.full_access:
            identity |= ALL
        elif statements := [one for grant in key.grants for one in _statements(grant)]:
            policies.append({"name": key.access_key, "content": json.dumps(_document(statements))})
            identity |= {"policyNames": [key.access_key]}
        identities.append(identity)
    return {"identities": identities, "policies": policies}


def without_withdrawn(content: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """`content`, and each identity of the configuration before that is not in it, switched off."""
    valid = {identity["name"] for identity in content["identities"]}
    gone = [
        {"name": identity["name"], "credentials": identity["credentials"], "disabled": True}
        for identity in before["identities"]
        if identity["name"] not in valid
    ]
    return content | {"identities": content["identities"] + gone}


def _identity(access_key: str, secret: str) -> dict[str, Any]:
    return {"name": access_key, "credentials": [{"accessKey": access_key, "secretKey": secret}]}


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _statements(grant: SpacesGrant) -> list[dict[str, Any]]:
    if grant.permission not in ("read", "readwrite"):
        return []
    objects = _READ_OBJECTS + (_WRITE_OBJECTS if grant.permission == "readwrite" else ())
    return [
        {"Effect": "Allow", "Action": list(_READ_BUCKET), "Resource": [f"arn:aws:s3:::{grant.bucket}"]},
        {"Effect": "Allow", "Action": list(objects), "Resource": [f"arn:aws:s3:::{grant.bucket}/*"]},
    ]
