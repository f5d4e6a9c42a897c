"""`python -m auren_infra review` as it is typed, with a preview that is only told of."""

import io
from pathlib import Path

import pytest

from auren_infra.outputs.stack_name import StackName
from auren_infra.review import __main__ as command
from auren_infra.review.preview import Preview


@pytest.fixture
def previewed(monkeypatch: pytest.MonkeyPatch) -> list[StackName]:
    """The stacks of which a preview was asked for."""
    asked: list[StackName] = []

    def preview(stack: StackName, say: object) -> Preview:
        asked.append(stack)
        return Preview(stack.name, True)

    monkeypatch.setattr(command, "preview", preview)
    return asked


@pytest.mark.parametrize(
    ("typed", "meant"), [("auren/prod", "prod"), ("organization/auren/prod", "organization/auren/prod")]
)
def test_a_stacks_name_is_understood_as_the_engine_prints_it(
    previewed: list[StackName], typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--stack", typed]) == 0
    assert [stack.for_pulumi for stack in previewed] == [meant]
    assert capsys.readouterr().out == "## A merge changes nothing in `prod`\n"


def test_a_stack_of_another_project_is_refused(previewed: list[StackName], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(["--stack", "organization/other/prod"])
    assert "is a stack of the project other, and this project is auren" in capsys.readouterr().err
    assert not previewed


def test_the_text_is_written_where_it_is_asked_for(previewed: list[StackName], tmp_path: Path) -> None:
    file = tmp_path / "comment.md"
    assert command.main(["--stack", "prod", "--output", str(file)]) == 0
    assert file.read_text() == "## A merge changes nothing in `prod`\n"


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("none/comment.md", "none does not exist; create it first"),
        ("", "is a directory; name a file in it"),
        ("file/comment.md", "file is no directory"),
        ("link", "is a symbolic link"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_told_before_the_preview(
    previewed: list[StackName], tmp_path: Path, output: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    assert command.main(["--stack", "prod", "--output", str(tmp_path / output)]) == 2
    assert reason in capsys.readouterr().err
    assert not previewed


def test_the_text_is_printed_as_utf_8_whatever_the_locale(
    previewed: list[StackName], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "comment", lambda found, commit: "old → new\n")
    printed = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(printed, encoding="ascii", write_through=True))
    assert command.main(["--stack", "prod"]) == 0
    assert printed.getvalue() == "old → new\n".encode()
