"""The account and its SSH keys."""

import base64
import binascii
import hashlib
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from fastapi import APIRouter, Request, Response

from sandbox.clouds.cloud import CloudDep
from sandbox.clouds.digitalocean.bodies import Body
from sandbox.clouds.digitalocean.errors import invalid, not_found
from sandbox.clouds.digitalocean.paging import paged
from sandbox.clouds.state import DigitalOceanState, SshKey

router = APIRouter(prefix="/account")

DROPLET_LIMIT = 25
VOLUME_LIMIT = 100
RESERVED_IP_LIMIT = 25


class KeyCreate(Body):
    name: str
    public_key: str


class KeyUpdate(Body):
    name: str


def fingerprint(public_key: str) -> str:
    """MD5 over the key's bytes, in pairs with colons: how DigitalOcean names keys."""
    try:
        load_ssh_public_key(public_key.strip().encode())
        blob = base64.b64decode(public_key.split()[1], validate=True)
    except (ValueError, UnsupportedAlgorithm, IndexError, binascii.Error) as error:
        raise invalid("Key invalid, key should be of the format `<key type> <key> <comment>`") from error
    return hashlib.md5(blob, usedforsecurity=False).digest().hex(":")


def find(state: DigitalOceanState, reference: str | int) -> SshKey | None:
    """The key with this number or fingerprint."""
    for key in state.keys.values():
        if str(reference) in (str(key.id), key.fingerprint):
            return key
    return None


def _found(state: DigitalOceanState, reference: str) -> SshKey:
    key = find(state, reference)
    if key is None:
        raise not_found()
    return key


def _json(key: SshKey) -> dict[str, Any]:
    return {"id": key.id, "fingerprint": key.fingerprint, "public_key": key.public_key, "name": key.name}


@router.get("")
def get_account(cloud: CloudDep) -> dict[str, Any]:
    with cloud.store.read() as whole:
        uuid = whole.digitalocean.account_uuid
    return {
        "account": {
            "droplet_limit": DROPLET_LIMIT,
            "floating_ip_limit": RESERVED_IP_LIMIT,
            "reserved_ip_limit": RESERVED_IP_LIMIT,
            "volume_limit": VOLUME_LIMIT,
            "name": "Sandbox",
            "email": "sandbox@example.com",
            "uuid": uuid,
            "email_verified": True,
            "status": "active",
            "status_message": "",
            "team": {"name": "Sandbox", "uuid": uuid},
        }
    }


@router.get("/keys")
def list_keys(cloud: CloudDep, request: Request) -> dict[str, Any]:
    with cloud.store.read() as whole:
        return paged(request, "ssh_keys", list(whole.digitalocean.keys.values()), _json)


@router.post("/keys", status_code=201)
def create_key(cloud: CloudDep, body: KeyCreate) -> dict[str, Any]:
    if not body.name.strip():
        raise invalid("Name can't be blank")
    digest = fingerprint(body.public_key)
    with cloud.store.change() as whole:
        state = whole.digitalocean
        if find(state, digest):
            raise invalid("SSH Key is already in use on your account")
        key = SshKey(id=state.next_id(), name=body.name, public_key=body.public_key.strip(), fingerprint=digest)
        state.keys[key.id] = key
        return {"ssh_key": _json(key)}


@router.get("/keys/{reference}")
def get_key(cloud: CloudDep, reference: str) -> dict[str, Any]:
    with cloud.store.read() as whole:
        return {"ssh_key": _json(_found(whole.digitalocean, reference))}


@router.put("/keys/{reference}")
def update_key(cloud: CloudDep, reference: str, body: KeyUpdate) -> dict[str, Any]:
    if not body.name.strip():
        raise invalid("Name can't be blank")
    with cloud.store.change() as whole:
        key = _found(whole.digitalocean, reference)
        key.name = body.name
        return {"ssh_key": _json(key)}


@router.delete("/keys/{reference}", status_code=204)
def delete_key(cloud: CloudDep, reference: str) -> Response:
    with cloud.store.change() as whole:
        del whole.digitalocean.keys[_found(whole.digitalocean, reference).id]
    return Response(status_code=204)
