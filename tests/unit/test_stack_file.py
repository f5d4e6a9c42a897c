"""Where the stack's configuration file is looked for."""

from pathlib import Path

import pytest

from auren_infra.settings.plain_text import Unreadable, in_plain
from auren_infra.stack_file import CHOSEN, stack_file


def test_it_is_the_projects_unless_the_engine_was_given_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {}\n")
    (tmp_path / "other.yaml").write_text("config: {a:b: c}\n")
    monkeypatch.delenv(CHOSEN, raising=False)
    assert stack_file("prod", tmp_path) == "config: {}\n"
    monkeypatch.setenv(CHOSEN, str(tmp_path / "other.yaml"))
    assert stack_file("prod", tmp_path) == "config: {a:b: c}\n"


def _read(path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> str:
    monkeypatch.setenv(CHOSEN, str(path / "stack.yaml"))
    (path / "stack.yaml").write_bytes(content)
    return stack_file("prod", path)


def test_no_file_is_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHOSEN, str(tmp_path / "stack.yaml"))
    text = stack_file("prod", tmp_path)
    assert text == ""
    assert not isinstance(text, Unreadable)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_is_read_in_every_encoding_that_yaml_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """Secrets in plain text in a file in UTF-16 passed as encrypted."""
    mark = "\ufeff" if encoding.startswith("utf-16-") else ""
    text = _read(tmp_path, monkeypatch, f"{mark}config:\r\n  a:b: ü\r\n".encode(encoding))
    assert text.removeprefix("\ufeff") == "config:\n  a:b: ü\n"


@pytest.mark.parametrize(
    ("content", "why"), [(b"a: \xff", "it is not UTF-8"), (b"\xff\xfea", "it is not UTF-16"), (None, "Is a directory")]
)
def test_a_file_that_cannot_be_read_holds_nothing_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, why: str
) -> None:
    monkeypatch.setenv(CHOSEN, str(tmp_path))
    text = stack_file("prod", tmp_path) if content is None else _read(tmp_path, monkeypatch, content)
    assert text == ""
    assert isinstance(text, Unreadable)
    assert text.why == why


def test_secrets_in_plain_text_are_found_in_a_file_in_utf_16(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _read(tmp_path, monkeypatch, "config:\n  auren:secrets:\n    a: x\n".encode("utf-16"))
    assert in_plain(text, '{"a": "x"}', encrypted=True) == {"a"}
