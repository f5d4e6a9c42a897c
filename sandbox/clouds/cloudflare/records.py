"""The zone's DNS records. The name server answers with a change immediately."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, ConfigDict

from sandbox.clouds.cloud import CloudDep
from sandbox.clouds.cloudflare.errors import ApiError, envelope, invalid, no_route
from sandbox.clouds.cloudflare.record_content import (
    AUTOMATIC,
    PROXIABLE,
    RecordType,
    check_proxied,
    check_ttl,
    checked_content,
    full_name,
)
from sandbox.clouds.cloudflare.record_search import search
from sandbox.clouds.cloudflare.zones import IDENTIFIER, Plan, found, timestamp
from sandbox.clouds.state import DnsRecord, Zone, now

router = APIRouter(prefix="/zones/{zone_id}/dns_records")

_SETTINGS = {"ipv4_only", "ipv6_only", "flatten_cname"}
_WITH_PRIORITY = ("MX", "SRV")


def _whole(value: float) -> int:
    if value != int(value):
        raise ValueError("must be a whole number")
    return int(value)


Whole = Annotated[float, AfterValidator(_whole)]
"""Clients written in Go may send 300 as 300.0."""


class RecordFields(BaseModel):
    """A request's record. POST and PUT describe the whole record: an absent field has its default."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: RecordType | None = None
    name: str | None = None
    content: str | None = None
    ttl: Whole | None = None
    proxied: bool | None = None
    priority: Whole | None = None
    data: dict[str, Any] | None = None
    comment: str | None = None
    tags: list[str] | None = None
    settings: dict[str, bool | None] | None = None
    private_routing: bool | None = None
    id: str | None = None


def _found(zone: Zone, record_id: str) -> DnsRecord:
    if not IDENTIFIER.fullmatch(record_id):
        raise no_route(f"/zones/{zone.id}/dns_records/{record_id}")
    record = zone.records.get(record_id)
    if record is None:
        raise ApiError(404, 81044, "Record does not exist.")
    return record


def _made(zone: Zone, plan: Plan, body: RecordFields, old: DnsRecord | None) -> DnsRecord:
    """The record that `body` describes, checked by itself and against the others; `old` is the one it replaces."""
    if body.type is None or body.name is None:
        raise invalid(9207, "type and name are required.")
    moment = now()
    content, data = checked_content(body.type, body.content, body.data)
    name = full_name(body.name, zone.name)
    proxied = bool(body.proxied)
    ttl = AUTOMATIC if body.ttl is None else int(body.ttl)
    check_ttl(ttl)
    if proxied:
        check_proxied(body.type, name, content)
        ttl = AUTOMATIC  # also for another requested TTL: the edge sets the TTL of its own answers
    if body.private_routing:
        raise invalid(9207, "private_routing is not available for this zone.")
    settings = {key: value for key, value in (body.settings or {}).items() if value is not None}
    if unknown := set(settings) - _SETTINGS:
        raise invalid(9207, f"settings.{min(unknown)} is not a known setting.")
    record = DnsRecord(
        id=old.id if old else uuid.uuid4().hex,
        type=body.type,
        name=name,
        content=content,
        ttl=ttl,
        proxied=proxied,
        priority=_priority(body, data),
        data=data,
        comment=_comment(body.comment, plan),
        tags=_tags(body.tags, plan),
        settings=settings,
        created_on=old.created_on if old else moment,
        modified_on=moment,
    )
    same_comment = old is not None and old.comment == record.comment
    same_tags = old is not None and old.tags == record.tags
    if record.comment:
        record.comment_modified_on = old.comment_modified_on if old and same_comment else moment
    if record.tags:
        record.tags_modified_on = old.tags_modified_on if old and same_tags else moment
    _check_neighbours(zone, record)
    return record


def _priority(body: RecordFields, data: dict[str, Any] | None) -> int | None:
    if body.type not in _WITH_PRIORITY:
        return None
    priority = data["priority"] if data else body.priority
    if priority is None:
        raise invalid(9102, "priority is required for MX records.")
    if not 0 <= priority <= 65535:
        raise invalid(9102, "priority must be between 0 and 65535.")
    return int(priority)


def _comment(comment: str | None, plan: Plan) -> str | None:
    if comment and len(comment) > plan.comment_length:
        raise invalid(9313, f"DNS record comment is too long: at most {plan.comment_length} characters on this plan.")
    return comment or None


def _tags(tags: list[str] | None, plan: Plan) -> list[str]:
    if tags and len(tags) > plan.tags_per_record:
        raise invalid(9301, f"DNS record has {len(tags)} tags, exceeding the quota of {plan.tags_per_record}.")
    return sorted(tags or [])


def _check_neighbours(zone: Zone, record: DnsRecord) -> None:
    for other in zone.records.values():
        if other.id == record.id or other.name != record.name:
            continue
        if (other.type, other.content, other.priority) == (record.type, record.content, record.priority):
            raise invalid(81058, "An identical record already exists.")
        if record.type == "CNAME" and other.type in PROXIABLE:
            raise invalid(81053, "An A, AAAA, or CNAME record with that host already exists.")
        if record.type in PROXIABLE and other.type == "CNAME":
            raise invalid(81054, "A CNAME record with that host already exists.")
        if "NS" in (record.type, other.type) and record.type != other.type and record.name != zone.name:
            raise invalid(81056, "NS records with that host already exist.")


def _json(record: DnsRecord) -> dict[str, Any]:
    answer = {
        "id": record.id,
        "name": record.name,
        "type": record.type,
        "content": record.content,
        "proxiable": record.type in PROXIABLE,
        "proxied": record.proxied,
        "ttl": record.ttl,
        "settings": record.settings,
        "meta": {},
        "comment": record.comment,
        "tags": record.tags,
        "created_on": timestamp(record.created_on),
        "modified_on": timestamp(record.modified_on),
    }
    if record.priority is not None:
        answer["priority"] = record.priority
    if record.data is not None:
        answer["data"] = record.data
    if record.comment_modified_on:
        answer["comment_modified_on"] = timestamp(record.comment_modified_on)
    if record.tags_modified_on:
        answer["tags_modified_on"] = timestamp(record.tags_modified_on)
    return answer


def _keep(zone: Zone, record: DnsRecord) -> dict[str, Any]:
    zone.records[record.id] = record
    zone.serial += 1
    return envelope(_json(record))


@router.get("")
def list_records(cloud: CloudDep, request: Request, zone_id: str) -> dict[str, Any]:
    with cloud.store.read() as whole:
        zone = found(whole.cloudflare, zone_id)
        return search(request, list(zone.records.values()), _json)


@router.post("")
def create_record(cloud: CloudDep, request: Request, zone_id: str, body: RecordFields) -> dict[str, Any]:
    with cloud.store.change() as whole:
        zone = found(whole.cloudflare, zone_id)
        return _keep(zone, _made(zone, request.app.state.plan, body, None))


@router.get("/{record_id}")
def get_record(cloud: CloudDep, zone_id: str, record_id: str) -> dict[str, Any]:
    with cloud.store.read() as whole:
        return envelope(_json(_found(found(whole.cloudflare, zone_id), record_id)))


@router.put("/{record_id}")
def overwrite_record(
    cloud: CloudDep, request: Request, zone_id: str, record_id: str, body: RecordFields
) -> dict[str, Any]:
    with cloud.store.change() as whole:
        zone = found(whole.cloudflare, zone_id)
        return _keep(zone, _made(zone, request.app.state.plan, body, _found(zone, record_id)))


@router.patch("/{record_id}")
def edit_record(cloud: CloudDep, request: Request, zone_id: str, record_id: str, body: RecordFields) -> dict[str, Any]:
    with cloud.store.change() as whole:
        zone = found(whole.cloudflare, zone_id)
        old = _found(zone, record_id)
        kept = {name: getattr(old, name) for name in RecordFields.model_fields if name not in ("private_routing", "id")}
        merged = RecordFields.model_validate(kept | body.model_dump(exclude_unset=True), strict=False)
        return _keep(zone, _made(zone, request.app.state.plan, merged, old))


@router.delete("/{record_id}")
def delete_record(cloud: CloudDep, zone_id: str, record_id: str) -> dict[str, Any]:
    with cloud.store.change() as whole:
        zone = found(whole.cloudflare, zone_id)
        del zone.records[_found(zone, record_id).id]
        zone.serial += 1
    return envelope({"id": record_id})
