"""`python -m auren_infra.review` as it is typed, with a preview that is only told of."""

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
