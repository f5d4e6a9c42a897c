"""An entry of `auren:images` in the text of a stack's configuration file.

The text is changed at one place, where YAML says that the entry stands. Comments and everything else stay as they are.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

KEY = "auren:images"
BUILDS = "auren:builds"
WEBSITE = "auren:website"


class EntryError(RuntimeError):
    """The file cannot be changed; the text says why, and what to do."""


def is_built(text: str, service: str) -> bool:
    """Whether the file has the service's image built. Raises `EntryError`."""
    config, _ = _nodes(text)
    builds = _value(config, BUILDS)
    entries = [*_items(builds)] if isinstance(builds, yaml.SequenceNode) else []
    return any(str(each.value).partition("=")[0] == service for each in entries)


def has_directory(text: str) -> bool:
    """Whether the file takes the website from a directory. Raises `EntryError`."""
    config, _ = _nodes(text)
    return _value(config, WEBSITE) is not None


def current(text: str, service: str) -> str:
    """The image that the file names for the service; empty for none. Raises `EntryError`."""
    _, images = _nodes(text)
    entry = _entry(images, service) if images else None
    return entry.value.partition("=")[2] if entry else ""


def with_image(text: str, service: str, reference: str) -> str:
    """The text with this image for the service, and nothing else changed. Raises `EntryError`."""
    config, images = _nodes(text)
    new = f"{service}={reference}"
    if images is None:
        changed = _with_key(text, config, new)
    elif entry := _entry(images, service):
        quote = entry.style if entry.style in ("'", '"') else ""
        changed = text[: entry.start_mark.index] + quote + new + quote + text[entry.end_mark.index :]
    else:
        changed = _with_entry(text, images, new)
    try:
        is_right = _images(changed).get(service) == reference and _without(changed, service) == _without(text, service)
    except (yaml.YAMLError, RecursionError):
        is_right = False
    if not is_right:
        raise EntryError(f"{KEY} is written in a way that cannot be changed here. Change it by hand: {new}")
    return changed


def _nodes(text: str) -> tuple[yaml.MappingNode, yaml.SequenceNode | None]:
    """`config`, and the list in it where there is one."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise EntryError(f"it is not YAML: {error}") from None
    config = _value(root, "config")
    if not isinstance(config, yaml.MappingNode) or not config.value:
        raise EntryError("it has no configuration. Is it the file of a stack of this project?")
    images = _value(config, KEY)
    if images is not None and not isinstance(images, yaml.SequenceNode):
        raise EntryError(f"{KEY} is no list. Write it as a list with one line for each service")
    return config, images


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    pairs: list[tuple[yaml.Node, yaml.Node]] = node.value
    return next((value for name, value in pairs if name.value == key), None)


def _entry(images: yaml.SequenceNode, service: str) -> yaml.ScalarNode | None:
    scalars = [each for each in _items(images) if isinstance(each, yaml.ScalarNode)]
    if len(scalars) < len(images.value):
        raise EntryError(f"{KEY} has an entry that is no text. Write SERVICE=IMAGE, which is no secret")
    entries = [each for each in scalars if str(each.value).partition("=")[0] == service]
    if len(entries) > 1:
        raise EntryError(f"{KEY} names {service} twice. Keep one")
    return entries[0] if entries else None


def _items(sequence: yaml.SequenceNode) -> Iterator[yaml.Node]:
    yield from sequence.value


def _with_key(text: str, config: yaml.MappingNode, entry: str) -> str:
    """As the first key, where no comment of another key stands before it."""
    first: yaml.Node = config.value[0][0]
    if config.flow_style:
        raise EntryError(f"its configuration is in one line. Add a line for {KEY} by hand: {entry}")
    start = first.start_mark.index - first.start_mark.column
    indent = " " * first.start_mark.column
    end = _line_end(text)
    return f"{text[:start]}{indent}{KEY}:{end}{indent}  - {entry}{end}{text[start:]}"


def _with_entry(text: str, images: yaml.SequenceNode, entry: str) -> str:
    """Behind the last entry."""
    items = [*_items(images)]
    if not items:
        return f"{text[: images.start_mark.index]}[{entry}]{text[images.end_mark.index :]}"
    end = items[-1].end_mark.index
    if images.flow_style:
        return f"{text[:end]}, {entry}{text[end:]}"
    line_end = re.compile(r"\n|$").search(text, end)
    assert line_end  # the end of the text is one
    line = f"{' ' * images.start_mark.column}- {entry}{_line_end(text)}"
    if not line_end[0]:
        return f"{text}{_line_end(text)}{line}"
    return f"{text[: line_end.end()]}{line}{text[line_end.end() :]}"


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _images(text: str) -> dict[str, str]:
    return dict(_pairs(text))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    entries: list[Any] = _loaded(text).get("config", {}).get(KEY) or []
    for each in entries:
        name, _, reference = str(each).partition("=")
        yield name, reference


def _without(text: str, service: str) -> dict[str, Any]:
    """All that the file says, but for this service's image."""
    loaded = _loaded(text)
    images = [f"{name}={reference}" for name, reference in _pairs(text) if name != service]
    return {**loaded, "config": {**loaded["config"], KEY: images}}


def _loaded(text: str) -> dict[str, Any]:
    """All values as text: a date or a number that YAML does not know is none of our business."""
    return yaml.load(text, Loader=yaml.BaseLoader)
