"""Where the stack's configuration file is looked for."""

from pathlib import Path

import pytest

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


def test_a_file_that_cannot_be_read_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CHOSEN, raising=False)
    assert stack_file("prod", tmp_path) == ""
    (tmp_path / "Pulumi.prod.yaml").write_bytes(b"\xff\xfe")
    assert stack_file("prod", tmp_path) == ""
