"""The access keys of Spaces. The object store enforces them (`sandbox.clouds.spaces`).

Not published, and chosen here: 400 for a grant to a bucket that does not exist, and 412 for one key too many.
"""

import secrets
import string
from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from sandbox.clouds.cloud import CloudDep
from sandbox.clouds.digitalocean.actions import timestamp
from sandbox.clouds.digitalocean.bodies import Body
from sandbox.clouds.digitalocean.errors import ApiError, not_found
from sandbox.clouds.digitalocean.paging import paged
from sandbox.clouds.state import DigitalOceanState, SpacesGrant, SpacesKey

router = APIRouter(prefix="/spaces/keys")

KEY_LIMIT = 200
_ACCESS_ALPHABET = string.ascii_uppercase + string.digits
_SECRET_ALPHABET = string.ascii_letters + string.digits + "+/"
_PERMISSIONS = ("read", "readwrite", "fullaccess", "")


class Grant(Body):
    bucket: str
    permission: str


class KeyBody(Body):
    """What a create takes, and an update: what is absent stays as it is."""

    name: str | None = None
    grants: list[Grant] | None = None


def _json(key: SpacesKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "access_key": key.access_key,
        "grants": [grant.model_dump() for grant in key.grants],
        "created_at": timestamp(key.created_at),
    }


def _found(state: DigitalOceanState, access_key: str) -> SpacesKey:
    key = state.spaces_keys.get(access_key)
    if key is None:
        raise not_found()
    return key


def _name(body: KeyBody) -> str:
    if not (body.name or "").strip():
        raise ApiError(400, "name is required")
    return body.name or ""


def _grants(state: DigitalOceanState, grants: list[Grant]) -> list[SpacesGrant]:
    """Full access counts for all when it is among them, as the API's description says."""
    for grant in grants:
        if grant.permission not in _PERMISSIONS:
            raise ApiError(400, f"permission {grant.permission!r} is invalid: use read, readwrite or fullaccess")
        if grant.permission == "fullaccess" and grant.bucket:
            raise ApiError(400, "a grant with fullaccess is for all buckets: its bucket must be empty")
        if grant.permission != "fullaccess" and grant.bucket not in state.buckets:
            raise ApiError(400, f"bucket {grant.bucket!r} not found")
    if any(grant.permission == "fullaccess" for grant in grants):
        return [SpacesGrant(bucket="", permission="fullaccess")]
    return [SpacesGrant.model_validate(grant.model_dump()) for grant in grants]


@router.get("")
def list_keys(
    cloud: CloudDep,
    request: Request,
    *,
    sort: Literal["created_at", "name"] = "created_at",
    sort_direction: Literal["asc", "desc"] = "desc",
    name: str | None = None,
    bucket: str | None = None,
    permission: str | None = None,
) -> dict[str, Any]:
    with cloud.store.read() as whole:
        chosen = [
            key
            for key in whole.digitalocean.spaces_keys.values()
            if name in (None, key.name)
            and (bucket is None or bucket in {grant.bucket for grant in key.grants})
            and (permission is None or permission in {grant.permission for grant in key.grants})
        ]
        # The newest first, also of those of one second: they are kept in the order of their creation.
        chosen.sort(key=lambda key: key.name if sort == "name" else key.created_at)
        if sort_direction == "desc":
            chosen.reverse()
        return paged(request, "keys", chosen, _json)


@router.post("", status_code=201)
def create_key(cloud: CloudDep, body: KeyBody) -> dict[str, Any]:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        key = SpacesKey(
            name=_name(body),
            access_key="DO00" + "".join(secrets.choice(_ACCESS_ALPHABET) for _ in range(16)),
            secret_key="".join(secrets.choice(_SECRET_ALPHABET) for _ in range(43)),
            grants=_grants(state, body.grants or []),
        )
        if len(state.spaces_keys) >= KEY_LIMIT:
            raise ApiError(412, f"you have reached the limit of {KEY_LIMIT} access keys")
        state.spaces_keys[key.access_key] = key
        answer = {"key": {**_json(key), "secret_key": key.secret_key}}
    try:
        cloud.know_spaces_keys()
    except RuntimeError as error:
        with cloud.store.change() as whole:
            whole.digitalocean.spaces_keys.pop(key.access_key, None)
        raise ApiError(500, f"failed to create the key: {error}") from error
    return answer


@router.get("/{access_key}")
def get_key(cloud: CloudDep, access_key: str) -> dict[str, Any]:
    with cloud.store.read() as whole:
        return {"key": _json(_found(whole.digitalocean, access_key))}


@router.put("/{access_key}")
@router.patch("/{access_key}")
def update_key(cloud: CloudDep, access_key: str, body: KeyBody) -> dict[str, Any]:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        key = _found(state, access_key)
        if body.name is not None:
            key.name = _name(body)
        if body.grants is not None:
            grants = _grants(state, body.grants)
            if key.full_access != any(grant.permission == "fullaccess" for grant in grants):
                raise ApiError(400, "a fullaccess key cannot be converted to a scoped key or vice versa")
            key.grants = grants
        answer = {"key": _json(key)}
    cloud.know_spaces_keys()
    return answer


@router.delete("/{access_key}", status_code=204)
def delete_key(cloud: CloudDep, access_key: str) -> Response:
    with cloud.store.change() as whole:
        del whole.digitalocean.spaces_keys[_found(whole.digitalocean, access_key).access_key]
    cloud.know_spaces_keys()
    return Response(status_code=204)
