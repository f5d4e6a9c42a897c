"""The account's zones, the account itself, and the token that asks."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request

from sandbox.clouds.cloud import CloudDep
from sandbox.clouds.cloudflare.errors import ApiError, envelope, invalid, no_route
from sandbox.clouds.cloudflare.paging import ordered, paged
from sandbox.clouds.state import CloudflareState, Zone

router = APIRouter()

ACCOUNT_NAME = "Sandbox"
NAME_SERVERS = ("ada.ns.sandbox.test", "bob.ns.sandbox.test")
"""The names in the zone's NS records; the name server itself answers on loopback."""
IDENTIFIER = re.compile(r"[0-9a-f]{32}")

_NAME_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "equal": lambda name, text: name == text.lower(),
    "not_equal": lambda name, text: name != text.lower(),
    "starts_with": lambda name, text: name.startswith(text.lower()),
    "ends_with": lambda name, text: name.endswith(text.lower()),
    "contains": lambda name, text: text.lower() in name,
    "starts_with_case_sensitive": lambda name, text: name.startswith(text),
    "ends_with_case_sensitive": lambda name, text: name.endswith(text),
    "contains_case_sensitive": lambda name, text: text in name,
}


@dataclass(frozen=True)
class Plan:
    """What a zone's plan allows of what is enforced here."""

    name: str
    legacy_id: str
    tags_per_record: int
    comment_length: int


FREE = Plan("Free Website", "free", tags_per_record=0, comment_length=100)
PRO = Plan("Pro Website", "pro", tags_per_record=20, comment_length=500)


def found(state: CloudflareState, zone_id: str) -> Zone:
    if not IDENTIFIER.fullmatch(zone_id):
        raise no_route(f"/zones/{zone_id}")
    zone = state.zones.get(zone_id)
    if zone is None:
        raise ApiError(403, 9109, "Unauthorized to access requested resource")
    return zone


def account_id(state: CloudflareState, zone: Zone) -> str:
    return uuid.uuid5(uuid.NAMESPACE_DNS, zone.account).hex if zone.account else state.account_id


def timestamp(moment: Any) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def _name_matches(zone: Zone, wanted: str) -> bool:
    operator, separator, text = wanted.partition(":")
    if not separator:
        return zone.name == wanted.lower()
    if operator not in _NAME_OPERATORS:
        raise invalid(1001, f"name has the unknown operator {operator!r}.")
    return _NAME_OPERATORS[operator](zone.name, text)


def _json(state: CloudflareState, zone: Zone, plan: Plan) -> dict[str, Any]:
    return {
        "id": zone.id,
        "name": zone.name,
        "status": zone.status,
        "paused": False,
        "type": "full",
        "development_mode": 0,
        "name_servers": list(NAME_SERVERS),
        "original_name_servers": None,
        "original_registrar": None,
        "original_dnshost": None,
        "modified_on": timestamp(zone.modified_on),
        "created_on": timestamp(zone.created_on),
        "activated_on": None if zone.status in ("initializing", "pending") else timestamp(zone.created_on),
        "vanity_name_servers": [],
        "vanity_name_servers_ips": None,
        "meta": {
            "step": 2,
            "custom_certificate_quota": 0,
            "page_rule_quota": 3,
            "phishing_detected": False,
            "cdn_only": False,
            "dns_only": False,
            "foundation_dns": False,
        },
        "owner": {"id": None, "type": "user", "email": None},
        "account": {"id": account_id(state, zone), "name": zone.account or ACCOUNT_NAME},
        "tenant": {"id": None, "name": None},
        "tenant_unit": {"id": None},
        "permissions": ["#dns_records:edit", "#dns_records:read", "#zone:read", "#zone_settings:edit"],
        "plan": {
            "id": "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
            "name": plan.name,
            "price": 0,
            "currency": "USD",
            "frequency": "",
            "is_subscribed": False,
            "can_subscribe": False,
            "legacy_id": plan.legacy_id,
            "legacy_discount": False,
            "externally_managed": False,
        },
    }


@router.get("/zones")
def list_zones(cloud: CloudDep, request: Request) -> dict[str, Any]:
    query = request.query_params
    with cloud.store.read() as whole:
        state = whole.cloudflare
        given = [
            (query.get("name"), _name_matches),
            (query.get("status"), lambda zone, text: text == zone.status),
            (query.get("account.id"), lambda zone, text: text == account_id(state, zone)),
            (query.get("account.name"), lambda zone, text: text == (zone.account or ACCOUNT_NAME)),
        ]
        conditions = [(text, matches) for text, matches in given if text is not None]
        decide = any if query.get("match") == "any" and conditions else all
        chosen = [zone for zone in state.zones.values() if decide(matches(zone, text) for text, matches in conditions)]
        keys: dict[str, Callable[[Zone], Any]] = {
            "name": lambda zone: zone.name,
            "status": lambda zone: zone.status,
            "account.id": lambda zone: account_id(state, zone),
            "account.name": lambda zone: zone.account or ACCOUNT_NAME,
            "plan.id": lambda _: "",
        }
        plan: Plan = request.app.state.plan
        return paged(
            request,
            ordered(request, chosen, keys, "name"),
            lambda zone: _json(state, zone, plan),
            per_page=20,
            most=50,
        )


@router.get("/zones/{zone_id}")
def get_zone(cloud: CloudDep, request: Request, zone_id: str) -> dict[str, Any]:
    with cloud.store.read() as whole:
        state = whole.cloudflare
        return envelope(_json(state, found(state, zone_id), request.app.state.plan))


def _account_json(state: CloudflareState) -> dict[str, Any]:
    return {
        "id": state.account_id,
        "name": ACCOUNT_NAME,
        "type": "standard",
        "settings": {"enforce_twofactor": False},
        "created_on": "2025-01-01T00:00:00.000000Z",
    }


@router.get("/accounts")
def list_accounts(cloud: CloudDep, request: Request) -> dict[str, Any]:
    name = request.query_params.get("name", ACCOUNT_NAME)
    with cloud.store.read() as whole:
        own = [whole.cloudflare] if name == ACCOUNT_NAME else []
        return paged(request, own, _account_json, per_page=20, most=50)


@router.get("/accounts/{account_id}")
def get_account(cloud: CloudDep, account_id: str) -> dict[str, Any]:
    with cloud.store.read() as whole:
        if account_id != whole.cloudflare.account_id:
            raise ApiError(403, 9109, "Unauthorized to access requested resource")
        return envelope(_account_json(whole.cloudflare))


@router.get("/user/tokens/verify")
def verify_token(cloud: CloudDep) -> dict[str, Any]:
    """Only a valid token comes this far."""
    with cloud.store.read() as whole:
        token_id = whole.cloudflare.user_id
    answer = envelope({"id": token_id, "status": "active"})
    answer["messages"] = [{"code": 10000, "message": "This API Token is valid and active", "type": None}]
    return answer
