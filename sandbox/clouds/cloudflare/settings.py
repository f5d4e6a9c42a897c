"""The zone's settings: validated and stored. The edge uses `ssl` and `always_use_https`, and deliberately no others."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from sandbox.clouds.cloud import CloudDep
from sandbox.clouds.cloudflare.errors import ApiError, envelope, invalid
from sandbox.clouds.cloudflare.zones import found, timestamp
from sandbox.clouds.state import Zone, ZoneSetting, now

router = APIRouter(prefix="/zones/{zone_id}/settings")


class SettingPatch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    value: Any = None
    enabled: bool | None = None
    id: str | None = None


class SettingsPatch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: list[SettingPatch]


Allowed = tuple[Any, ...] | Callable[[Any], bool]


def _seconds(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 31_536_000


def _header(value: Any) -> bool:
    return isinstance(value, dict) and set(value) <= {"strict_transport_security"}


_SWITCH = ("on", "off")
_KNOWN: dict[str, tuple[Any, Allowed]] = {
    "0rtt": ("off", _SWITCH),
    "always_online": ("off", _SWITCH),
    "always_use_https": ("off", _SWITCH),
    "automatic_https_rewrites": ("on", _SWITCH),
    "brotli": ("on", _SWITCH),
    "browser_cache_ttl": (14400, _seconds),
    "browser_check": ("on", _SWITCH),
    "cache_level": ("aggressive", ("aggressive", "basic", "simplified")),
    "challenge_ttl": (1800, _seconds),
    "development_mode": ("off", _SWITCH),
    "early_hints": ("off", _SWITCH),
    "email_obfuscation": ("on", _SWITCH),
    "hotlink_protection": ("off", _SWITCH),
    "http3": ("on", _SWITCH),
    "ip_geolocation": ("on", _SWITCH),
    "ipv6": ("on", _SWITCH),
    "min_tls_version": ("1.0", ("1.0", "1.1", "1.2", "1.3")),
    "opportunistic_encryption": ("on", _SWITCH),
    "opportunistic_onion": ("on", _SWITCH),
    "privacy_pass": ("on", _SWITCH),
    "rocket_loader": ("off", _SWITCH),
    "security_header": (
        {
            "strict_transport_security": {
                "enabled": False,
                "max_age": 0,
                "include_subdomains": False,
                "preload": False,
                "nosniff": False,
            }
        },
        _header,
    ),
    "security_level": ("medium", ("off", "essentially_off", "low", "medium", "high", "under_attack")),
    "server_side_exclude": ("on", _SWITCH),
    "ssl": ("full", ("off", "flexible", "full", "strict")),
    "tls_1_3": ("on", ("on", "off", "zrt")),
    "tls_client_auth": ("off", _SWITCH),
    "websockets": ("on", _SWITCH),
}
"""Each setting's default on a new zone and what it may be."""


def value_of(zone: Zone, name: str) -> Any:
    return zone.settings[name].value if name in zone.settings else _KNOWN[name][0]


def _json(zone: Zone, name: str) -> dict[str, Any]:
    changed = zone.settings.get(name)
    return {
        "id": name,
        "value": value_of(zone, name),
        "modified_on": timestamp(changed.modified_on) if changed else None,
        "editable": True,
    }


def _known(name: str) -> str:
    if name not in _KNOWN:
        raise ApiError(400, 1006, f"Unrecognized zone setting name {name!r}")
    return name


def _change(zone: Zone, name: str, patch: SettingPatch) -> None:
    if "value" not in patch.model_fields_set:
        raise invalid(1012, "Request must contain one of: value")
    _, allowed = _KNOWN[_known(name)]
    fits = allowed(patch.value) if callable(allowed) else patch.value in allowed
    if not fits:
        raise invalid(1007, f"Invalid value for zone setting {name}")
    zone.settings[name] = ZoneSetting(value=patch.value, modified_on=now())


@router.get("")
def list_settings(cloud: CloudDep, zone_id: str) -> dict[str, Any]:
    with cloud.store.read() as whole:
        zone = found(whole.cloudflare, zone_id)
        return envelope([_json(zone, name) for name in _KNOWN])


@router.patch("")
def edit_settings(cloud: CloudDep, zone_id: str, body: SettingsPatch) -> dict[str, Any]:
    with cloud.store.change() as whole:
        zone = found(whole.cloudflare, zone_id)
        for item in body.items:
            _change(zone, item.id or "", item)
        return envelope([_json(zone, item.id or "") for item in body.items])


@router.get("/{name}")
def get_setting(cloud: CloudDep, zone_id: str, name: str) -> dict[str, Any]:
    with cloud.store.read() as whole:
        return envelope(_json(found(whole.cloudflare, zone_id), _known(name)))


@router.patch("/{name}")
def edit_setting(cloud: CloudDep, zone_id: str, name: str, body: SettingPatch) -> dict[str, Any]:
    with cloud.store.change() as whole:
        zone = found(whole.cloudflare, zone_id)
        _change(zone, name, body)
        return envelope(_json(zone, name))
