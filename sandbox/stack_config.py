"""The stack configuration in use: the project's `Pulumi.STACK.yaml` with the values of this machine.

The digests of images that were built here, the salt of this machine's passphrase and what somebody set with `pulumi
config set` must not end up in the project's own file, so pulumi is given a file below the state.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sandbox import layout

IMAGES = layout.STATE / "images.json"
"""Service name -> image by digest in the sandbox's registry, written when they are pushed."""
IMAGES_KEY = "auren:images"
SALT = "encryptionsalt"
ENCRYPTION = (SALT, "secretsprovider", "encryptedkey")
LOCAL = "local"
"""The stack in the cloud on this machine."""

_HEADER = "# Written by `python -m sandbox`; change {source} instead, or use `pulumi config set`.\n"


class StackConfigError(RuntimeError):
    """A configuration file cannot be used; the text says which and why."""


def file_in_use(stack: str, state: Path = layout.STATE) -> Path:
    return state / f"Pulumi.{stack}.yaml"


def source_of(stack: str, project: Path = layout.PROJECT) -> Path:
    """The project's own file. Raises `StackConfigError` if it is missing or cannot be read."""
    source = project / f"Pulumi.{stack}.yaml"
    if not source.exists():
        raise StackConfigError(f"There is no stack {stack}: {source} does not exist.")
    _read(source)
    return source


def refresh(stack: str, project: Path = layout.PROJECT, state: Path = layout.STATE) -> Path:
    """Bring the file in use up to date with the project's file, and return it."""
    source = source_of(stack, project)
    target = file_in_use(stack, state)
    laid_file = state / f"laid.{stack}.json"
    ours = _without_secrets(_read(source))
    if stack == LOCAL and (state / IMAGES.name).exists():
        built = [f"{name}={image}" for name, image in json.loads((state / IMAGES.name).read_text()).items()]
        config = ours.get("config") or {}
        named = config.get(IMAGES_KEY) or []  # whoever names an image in the project's file wants that one
        services = {str(entry).partition("=")[0] for entry in named}
        built = [entry for entry in built if entry.partition("=")[0] not in services]
        ours["config"] = {**config, IMAGES_KEY: [*built, *named]}
    known = target.exists() and laid_file.exists()
    merged = merge(_read(target) if target.exists() else {}, json.loads(laid_file.read_text()) if known else {}, ours)
    text = _HEADER.format(source=source) + yaml.safe_dump(merged, sort_keys=False, allow_unicode=True, width=1000)
    _write(laid_file, json.dumps(ours))
    _write(target, text)
    return target


def copy_salt(source: Path, target: Path) -> None:
    """Copy the source's encryption salt to the target, if the source has one."""
    salt = _read(source).get(SALT) if source.exists() else None
    content = _read(target) if target.exists() else {}
    if salt and content.get(SALT) != salt:
        _write(target, yaml.safe_dump({**content, SALT: salt}, sort_keys=False, width=1000))


def merge(in_use: Mapping[str, Any], laid: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """`in_use` after what changed from `laid` (what we laid there last) to `ours`.

    A change in the project's file counts; anything else stays as somebody set it in the file in use.
    """
    return {
        **_merge_keys(_but_config(in_use), _but_config(laid), _but_config(ours)),
        "config": _merge_keys(in_use.get("config") or {}, laid.get("config") or {}, ours.get("config") or {}),
    }


def _merge_keys(in_use: Mapping[str, Any], laid: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    withdrawn = {key for key, value in laid.items() if key not in ours and in_use.get(key) == value}
    changed = {key: value for key, value in ours.items() if key not in laid or laid[key] != value}
    return {key: value for key, value in in_use.items() if key not in withdrawn} | changed


def _without_secrets(content: dict[str, Any]) -> dict[str, Any]:
    """Remove the project's own secrets: they are encrypted with another passphrase and cannot be read here."""
    kept = {key: value for key, value in content.items() if key not in ENCRYPTION}
    return kept | {"config": _readable(content.get("config") or {})}


def _readable(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without encrypted ones, and without objects that would be empty then."""
    found = {key: _readable(value) if isinstance(value, dict) else value for key, value in values.items()}
    encrypted = {
        key for key, value in values.items() if isinstance(value, dict) and ("secure" in value or not found[key])
    }
    return {key: value for key, value in found.items() if key not in encrypted}


def _but_config(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != "config"}


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text()) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StackConfigError(f"{path} is not YAML: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("config") or {}, dict):
        raise StackConfigError(f"{path} does not hold a `config:` mapping.")
    return content


def _write(path: Path, text: str) -> None:
    """Replace the file in one step, and only when it changes: an engine may be reading it."""
    if path.exists() and path.read_text() == text:
        return
    draft = path.with_name(f".{path.name}.new")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)
