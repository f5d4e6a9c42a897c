"""Validation of a DNS record: its name, content, TTL and the rules of its type."""

import re
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address
from typing import Any, Literal

from sandbox.clouds.cloudflare.errors import ApiError, invalid

RecordType = Literal["A", "AAAA", "CNAME", "TXT", "MX", "NS", "CAA", "SRV"]
"""The types of records that the name server supports. The real API has more."""
PROXIABLE = ("A", "AAAA", "CNAME")
AUTOMATIC = 1
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_\-]{0,61}[a-z0-9_])?")


def full_name(name: str, zone: str) -> str:
    """In full and lower case: `@` is the zone itself, and a name outside the zone is taken as inside it."""
    name = name.strip().rstrip(".").lower()
    if name in ("", "@", zone):
        name = zone
    elif not name.endswith(f".{zone}"):
        name = f"{name}.{zone}"
    if not is_hostname(name.removeprefix("*.")):
        raise invalid(9000, "DNS name is invalid.")
    return name


def is_hostname(name: str) -> bool:
    return len(name) <= 253 and all(_LABEL.fullmatch(label) for label in name.lower().rstrip(".").split("."))


def check_ttl(ttl: int) -> None:
    if ttl != AUTOMATIC and not 60 <= ttl <= 86400:
        raise invalid(9021, "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.")


def check_proxied(kind: str, name: str, content: str) -> None:
    """A proxied record needs an origin that the edge can reach. Test networks count as public here."""
    if kind not in PROXIABLE:
        raise invalid(9004, f"The '{kind}' record type cannot be proxied.")
    if kind == "A":
        address = IPv4Address(content)
        if (
            any(address in network for network in _PRIVATE)
            or address.is_loopback
            or address.is_unspecified
            or address.is_link_local
        ):
            raise invalid(9003, f"Target {content} is not allowed for a proxied record.")
    if kind == "CNAME" and content == name:
        raise invalid(9015, "CNAME content cannot reference itself.")


def _a(content: str) -> str:
    try:
        return str(IPv4Address(content))
    except AddressValueError as error:
        raise invalid(9005, "Content for A record must be a valid IPv4 address.") from error


def _aaaa(content: str) -> str:
    try:
        return str(IPv6Address(content))
    except AddressValueError as error:
        raise invalid(9006, "Content for AAAA record must be a valid IPv6 address.") from error


def _host(code: int, kind: str) -> Callable[[str], str]:
    def check(content: str) -> str:
        if not is_hostname(content):
            raise invalid(code, f"Content for {kind} record is invalid.")
        return content.rstrip(".").lower()

    return check


def _txt(content: str) -> str:
    if not 1 <= len(content) <= 4096:
        raise invalid(9009, "Content for TXT record must be between 1 and 4096 characters.")
    return content


_CONTENT: dict[str, Callable[[str], str]] = {
    "A": _a,
    "AAAA": _aaaa,
    "CNAME": _host(9007, "CNAME"),
    "MX": _host(9008, "MX"),
    "NS": _host(9010, "NS"),
    "TXT": _txt,
}


def checked_content(kind: str, content: str | None, data: dict[str, Any] | None) -> tuple[str, dict[str, Any] | None]:
    """The content as it is stored, and the parts of a CAA or SRV record, from which the content is built."""
    if kind in _CONTENT:
        if content is None:
            raise invalid(9207, f"Content for {kind} record is required.")
        return _CONTENT[kind](content.strip() if kind != "TXT" else content), None
    if data is None:
        raise invalid(9101, f"data is required for {kind} records.")
    return _caa(data) if kind == "CAA" else _srv(data)


def _part(data: dict[str, Any], name: str, most: int) -> int:
    value = data.get(name)
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or value != int(value) or not 0 <= value <= most:
        raise _bad_part(name)
    return int(value)


def _bad_part(name: str) -> ApiError:
    return invalid(9101, f"data.{name} is invalid or missing.")


def _caa(data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    flags = _part(data, "flags", 255)
    tag, value = data.get("tag"), data.get("value")
    if tag not in ("issue", "issuewild", "iodef", "issuemail"):
        raise _bad_part("tag")
    if not isinstance(value, str):
        raise _bad_part("value")
    if unknown := set(data) - {"flags", "tag", "value"}:
        raise _bad_part(min(unknown))
    return f'{flags} {tag} "{value}"', {"flags": flags, "tag": tag, "value": value}


def _srv(data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    parts: dict[str, Any] = {name: _part(data, name, 65535) for name in ("priority", "weight", "port")}
    target = data.get("target")
    if not isinstance(target, str) or not (target == "." or is_hostname(target)):
        raise _bad_part("target")
    if unknown := set(data) - {"priority", "weight", "port", "target"}:
        raise _bad_part(min(unknown))
    parts["target"] = target if target == "." else target.rstrip(".").lower()
    return f"{parts['weight']} {parts['port']} {parts['target']}", parts
