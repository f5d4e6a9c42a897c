"""Which secrets of `auren:secrets` stand in plain text in the stack's configuration file.

The engine returns all values decrypted, so only the file shows it. The file is read as YAML nodes: no value is
constructed, so tags, dates and numbers of any namespace are accepted. No message here repeats a text of the file.
"""

import re
from collections.abc import Iterator
from typing import cast

import yaml

from auren_infra.settings.secrets import KEY
from auren_infra.settings.vocabulary import from_json

_SPELLINGS = (KEY, KEY.replace(":", ":config:"))
"""The engine accepts the second spelling too. It comes from its first releases."""
_QUOTED = re.compile(r"(['\"])(?!\\t\1).*\1", re.DOTALL)
"""What a message of the parser quotes from the file; a tab may be shown."""
_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"


class Unreadable(str):  # noqa: SLOT000 - it has an attribute
    """The text of a file that exists and cannot be read. It is empty."""

    why: str

    def __new__(cls, why: str) -> "Unreadable":
        text = super().__new__(cls, "")
        text.why = why
        return text


class UnreadableError(ValueError):
    """The file cannot be searched. The message says why, and how to repair it."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the stack's configuration file cannot be searched for secrets in plain text: {why}. "
            "Correct the file: it must be readable, and YAML in UTF-8 without tabs between the words"
        )


def in_plain(stack_file: str, value: str, *, encrypted: bool) -> frozenset[str]:
    """The names of the secrets that are in plain text in the stack's configuration.

    `value` is the engine's value of `auren:secrets`. `encrypted` says only whether a part of it was encrypted.
    `stack_file` is the text of the stack's file, or empty if there is none. Raises `UnreadableError`.
    """
    found = from_json(value)
    if not found:
        return frozenset()
    secrets = frozenset(cast("dict[str, object]", found)) if isinstance(found, dict) else frozenset[str]()
    if isinstance(stack_file, Unreadable):
        raise UnreadableError(stack_file.why)
    written = frozenset(_plain_names(_first_document(stack_file)))
    return secrets & written if encrypted else secrets


def _first_document(text: str) -> yaml.Node | None:
    """The only document that the engine reads. Raises `UnreadableError`."""
    try:
        loader = yaml.SafeLoader(text)
        return loader.get_node() if loader.check_node() else None
    except yaml.reader.ReaderError as error:
        raise UnreadableError(f"{_position(text, error.position)}: {error.reason}") from None
    except yaml.MarkedYAMLError as error:
        # Not the error's own text, because it holds the line of the file.
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = error.problem or "it is not YAML"
        if problem == "second occurrence":
            problem = "an anchor has the name of an earlier one"
        raise UnreadableError(where + _QUOTED.sub("…", problem)) from None
    except yaml.YAMLError:
        raise UnreadableError("it is not YAML") from None
    except RecursionError:
        raise UnreadableError("its lists or objects are nested too deeply") from None
    except (ValueError, OverflowError):
        raise UnreadableError("it holds an invalid number in an escape sequence or a directive") from None


def _position(text: str, index: int) -> str:
    before = text[:index]
    return f"line {before.count(chr(10)) + 1}, column {index - before.rfind(chr(10))}"


def _plain_names(document: yaml.Node | None) -> Iterator[str]:
    """The names directly below `auren:secrets` whose value is a scalar."""
    configurations = [node for name, node in _entries(document) if name == "config"]
    for secrets in (node for each in configurations for name, node in _entries(each) if name in _SPELLINGS):
        entries = [*_entries(secrets)]
        if [name for name, _ in entries] == ["secure"]:
            continue  # the whole object is encrypted
        for name, node in entries:
            # A scalar without a value is reported as such.
            if isinstance(node, yaml.ScalarNode) and node.value and node.tag != _NULL:
                yield name


def _entries(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    """The entries of a mapping, together with those of the mappings that are merged into it (`<<`)."""
    waiting, seen = [node], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if not isinstance(one, yaml.MappingNode):
            continue
        for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", one.value):
            if key.tag == _MERGE:
                waiting += cast("list[yaml.Node]", value.value) if isinstance(value, yaml.SequenceNode) else [value]
            elif isinstance(key, yaml.ScalarNode):
                yield key.value, value
