"""Types that several settings use: texts of a form, lists, flags, whole numbers, domains, keys, origins."""

import base64
import binascii
import json
import re
from typing import Annotated, cast

from pydantic import AfterValidator, BeforeValidator

from auren_infra.settings.faults import wrong

NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])")
"""`auren:name`: valid as the name of a droplet, a volume, a firewall, a tag and a VPC."""

_HOST = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN = re.compile(rf"(?P<scheme>https?)://(?=.{{1,253}}(?::|$)){_HOST}(?::(?P<port>[1-9][0-9]{{0,4}}))?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
DOMAIN = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,58}[a-z0-9])"
"""A name with a dot, whose last part is no number: no address."""
_LONGEST_DOMAIN = 253 - len("www.")
_PUBLIC_KEY = re.compile(r"(?P<kind>[a-z0-9@.-]+) (?P<blob>[A-Za-z0-9+/]+={0,2})(?: [^\x00-\x1f\x7f]*)?")
_PARTS = {
    "ssh-ed25519": 2,
    "ssh-rsa": 3,
    "ecdsa-sha2-nistp256": 3,
    "ecdsa-sha2-nistp384": 3,
    "ecdsa-sha2-nistp521": 3,
    "sk-ssh-ed25519@openssh.com": 3,
    "sk-ecdsa-sha2-nistp256@openssh.com": 4,
}
"""The kinds of keys that sshd accepts -> the number of their parts. The first part repeats the kind."""


def from_json(value: object) -> object:
    """Read a value of the engine. It passes every value as text, and all except strings as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def written_as(pattern: str, example: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise wrong("not written as it must be; write it like {example}", example=example)
        return value

    return AfterValidator(check)


def list_of_texts(value: object) -> list[str]:
    """Read a list of texts: the engine's value, or JSON in one line: `["one", "two"]`."""
    found = from_json(value)
    if not isinstance(found, list):
        raise wrong("must be a list; write one entry a line, each behind a dash")
    entries = cast("list[object]", found)
    if other := [
        f"entry {number} is {_kind(entry)}" for number, entry in enumerate(entries) if not isinstance(entry, str)
    ]:
        raise wrong("every entry of the list must be a text in quotes; {other}", other=", ".join(other))
    return cast("list[str]", entries)


def _kind(value: object) -> str:
    """What a value of JSON is. The value itself may be a secret."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"


def texts_of_list(value: object) -> list[str]:
    """The texts in a value that may be something else than a list of texts."""
    found = from_json(value)
    entries = cast("list[object]", found) if isinstance(found, list) else []
    return [entry for entry in entries if isinstance(entry, str)]


def _no_twins(value: tuple[str, ...]) -> tuple[str, ...]:
    for entry in value:
        if value.count(entry) > 1:
            raise wrong("{entry} is named twice; keep one", entry=entry)
    return value


def _domain(value: str) -> str:
    if not re.fullmatch(DOMAIN, value):
        raise wrong("not written as it must be; write it like aupex.ai")
    if len(value) > _LONGEST_DOMAIN:
        raise wrong(
            "a name in DNS has 253 characters at most, and www. comes before this one; choose one of {limit}",
            limit=_LONGEST_DOMAIN,
        )
    return value


def _without_www(value: str) -> str:
    if value.startswith("www."):
        raise wrong("www.DOMAIN is created as well; write {domain}", domain=value.removeprefix("www."))
    return value


def _origin(value: str) -> str:
    """Refuse a form that browsers never send, since it would never match: upper case, a path, the default port."""
    match = _ORIGIN.fullmatch(value)
    if not match or int(match["port"] or 1) > 65535:
        raise wrong("not written as it must be; write it like https://app.aupex.ai")
    if match["port"] == _DEFAULT_PORTS[match["scheme"]]:
        raise wrong("a browser leaves out the scheme's own port; write {origin}", origin=value.rpartition(":")[0])
    return value


def _public_key(value: str) -> str:
    match = _PUBLIC_KEY.fullmatch(value)
    if not match or match["kind"] not in _PARTS:
        raise wrong("not a public key line; take the text of a file such as ~/.ssh/id_ed25519.pub")
    parts = _parts(match["blob"])
    if len(parts) != _PARTS[match["kind"]] or parts[0] != match["kind"].encode():
        raise wrong("the key is cut off or damaged; copy the whole line of its .pub file again")
    return value


def _parts(blob: str) -> list[bytes]:
    """A key's parts. Each follows its length in four bytes (RFC 4253, 6.6). Empty when the blob is incomplete."""
    try:
        rest = base64.b64decode(blob, validate=True)
    except binascii.Error:
        return []
    parts: list[bytes] = []
    while rest:
        end = 4 + int.from_bytes(rest[:4])
        if len(rest) < end:
            return []
        parts.append(rest[4:end])
        rest = rest[end:]
    return parts


def _flag(value: object) -> bool:
    found = from_json(value)
    if not isinstance(found, bool):
        raise wrong("must be true or false")
    return found


def _whole(value: object) -> int:
    found = from_json(value)
    if not isinstance(found, int) or isinstance(found, bool):
        raise wrong("must be a whole number, such as 40")
    return found


Flag = Annotated[bool, BeforeValidator(_flag)]
Whole = Annotated[int, BeforeValidator(_whole)]
Zone = Annotated[str, AfterValidator(_domain)]
Domain = Annotated[Zone, AfterValidator(_without_www)]
Origins = Annotated[
    tuple[Annotated[str, AfterValidator(_origin)], ...], BeforeValidator(list_of_texts), AfterValidator(_no_twins)
]
NoKeyOrOne = Annotated[str, AfterValidator(lambda value: value and _public_key(value))]
PublicKeys = Annotated[
    tuple[Annotated[str, AfterValidator(_public_key)], ...], BeforeValidator(list_of_texts), AfterValidator(_no_twins)
]
