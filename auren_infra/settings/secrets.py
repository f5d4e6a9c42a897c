"""`auren:secrets`, `auren:serviceSecrets` and `auren:registries`: the secrets that are given, and their readers.

No message here repeats a secret's value, or an entry that may contain one. The services are not known here:
`auren_infra.services.given_secrets` checks that each secret has a reader, and that each reader's secret exists.
"""

import re
from dataclasses import dataclass
from typing import cast

from pydantic import SecretStr

from auren_infra.settings.faults import wrong
from auren_infra.settings.images import unreachable
from auren_infra.settings.vocabulary import from_json, list_of_texts, texts_of_list

KEY = "auren:secrets"
HIDDEN = ("secrets", "serviceSecrets", "registries")
"""The settings whose values no message repeats. An entry may contain a secret by mistake."""
GIVEN = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
"""The name of a given secret. It is a file name in the container, and a part of a path in `pulumi config`."""

_HOST = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+(?::(?P<port>[0-9]{1,5}))?"
)
_USER = re.compile(r"[!-9;-~]{1,255}")
"""Printable characters without spaces and colons. A colon ends the user's name (RFC 7617)."""
_DOCKER_HUB = "docker.io"
_NAMED = "letters, digits, dashes and underscores, a letter first, 63 at most"


@dataclass(frozen=True)
class Login:
    """How images are pulled from a registry."""

    user: str
    secret: str
    """The name of the given secret that is the password."""


def how_to_set(name: str) -> str:
    return f"`pulumi config set --secret --path {KEY}.{name}`"


def secret_map(value: object) -> dict[str, SecretStr]:
    """Read the object NAME -> value. An empty text is an object without secrets."""
    secrets, faults = _secrets(value)
    if faults:
        raise wrong("{faults}", faults="; ".join(faults))
    return secrets


def readable_secrets(value: object) -> dict[str, str]:
    """The secrets of a wrong `auren:secrets` whose names are valid, so that later checks can use them.

    A wrong value is replaced by a placeholder.
    """
    found = from_json(value)
    if not isinstance(found, dict):
        return {}
    names = [name for name in cast("dict[str, object]", found) if GIVEN.fullmatch(name)]
    right, _ = _secrets(value)
    return {name: right[name].get_secret_value() if name in right else "a stand-in" for name in names}


def _secrets(value: object) -> tuple[dict[str, SecretStr], list[str]]:
    found = from_json(value)
    if found in ("", None):
        return {}, []
    if not isinstance(found, dict):
        return {}, [f"must be an object; set each secret by its name: {how_to_set('NAME')}"]
    secrets: dict[str, SecretStr] = {}
    faults: list[str] = []
    for name, text in cast("dict[str, object]", found).items():
        if not GIVEN.fullmatch(name):
            faults.append(f"{_shortened(name)} is no name of a secret; use {_NAMED}")
        elif fault := _fault_of_value(text):
            faults.append(f"{name} {fault}; set it: {how_to_set(name)}")
        else:
            secrets[name] = SecretStr(str(text))
    return secrets, faults


def _fault_of_value(text: object) -> str:
    if not isinstance(text, str):
        return "is no text"
    if not text.strip():
        return "is empty"
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        return "holds characters that no file of text has"
    return ""


def reader_map(value: object) -> dict[str, tuple[str, ...]]:
    """Read the entries `NAME=SERVICE[,SERVICE…]`: the services that may read a secret, by its name."""
    readers, faults = _readers(list_of_texts(value))
    if faults:
        raise wrong("{faults}", faults="; ".join(faults))
    return readers


def _readers(entries: list[str]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    readers: dict[str, tuple[str, ...]] = {}
    faults: list[str] = []
    for number, entry in enumerate(entries):
        name, _, named = entry.partition("=")
        services = tuple(service.strip() for service in named.split(","))
        if not GIVEN.fullmatch(name) or not all(services):
            faults.append(
                f"entry {number} is not NAME=SERVICE[,SERVICE…], where NAME is {_NAMED}; "
                "write it like language_model_key=api,bridge"
            )
        elif name in readers:
            faults.append(f"{name} is named twice; write all its readers in one entry")
        elif len(set(services)) < len(services):
            faults.append(f"{name}: a reader is named twice; keep one")
        if GIVEN.fullmatch(name) and all(services):
            readers[name] = tuple(dict.fromkeys((*readers.get(name, ()), *services)))
    return readers, faults


def login_map(value: object) -> dict[str, Login]:
    """Read the entries `HOST=USER:SECRETNAME`: logins by registry."""
    logins, faults = _logins(list_of_texts(value))
    if faults:
        raise wrong("{faults}", faults="; ".join(faults))
    return logins


def _logins(entries: list[str]) -> tuple[dict[str, Login], list[str]]:
    logins: dict[str, Login] = {}
    faults: list[str] = []
    for number, entry in enumerate(entries):
        host, _, login = entry.partition("=")
        user, _, secret = login.rpartition(":")
        match = _HOST.fullmatch(host)
        hub = f".{host.partition(':')[0]}".endswith(f".{_DOCKER_HUB}")
        right = match and 1 <= int(match["port"] or 443) <= 65535
        if not right or not _USER.fullmatch(user) or not GIVEN.fullmatch(secret):
            faults.append(
                f"entry {number} is not HOST=USER:SECRETNAME; write it like ghcr.io=auren:registry_token, "
                f"and set the password: {how_to_set('registry_token')}"
            )
        elif hub and host != _DOCKER_HUB:
            # Docker looks up the login by the host in the image's name.
            faults.append(f"{host}: write {_DOCKER_HUB}, the name of Docker Hub in images")
            logins.setdefault(_DOCKER_HUB, Login(user, secret))
        elif host in logins:
            faults.append(f"{host} is named twice; keep one")
        else:
            if fault := unreachable(f"{host}/"):
                faults.append(fault)
            logins[host] = Login(user, secret)
    return logins, faults


def readable_readers(value: object) -> list[str]:
    """The valid entries of a wrong `auren:serviceSecrets`."""
    readers, _ = _readers(texts_of_list(value))
    return [f"{name}={','.join(services)}" for name, services in readers.items()]


def readable_logins(value: object) -> list[str]:
    """The valid entries of a wrong `auren:registries`."""
    logins, _ = _logins([entry for entry in texts_of_list(value) if not unreachable(f"{entry.partition('=')[0]}/")])
    return [f"{host}={login.user}:{login.secret}" for host, login in logins.items()]


def _shortened(text: str) -> str:
    """Only the beginning of a name, because it may be a secret that was set under the wrong key."""
    return repr(text if len(text) <= 12 else f"{text[:8]}…")
