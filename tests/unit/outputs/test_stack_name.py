"""A stack's name as somebody copied it from what the engine printed."""

from argparse import ArgumentTypeError

import pytest

from auren_infra.outputs.stack_name import project_name, stack_name


@pytest.mark.parametrize(
    ("text", "for_pulumi"),
    [
        ("prod", "prod"),
        ("auren/prod", "prod"),
        ("organization/prod", "prod"),
        ("organization/auren/prod", "organization/auren/prod"),
        ("acme/auren/prod", "acme/auren/prod"),
        ("auren/auren/auren", "auren/auren/auren"),
        ("Blue_1.2-a", "Blue_1.2-a"),
        ("x" * 100, "x" * 100),
    ],
)
def test_every_way_to_write_a_stack_of_this_project_is_understood(text: str, for_pulumi: str) -> None:
    found = stack_name(text, "auren")
    assert found.for_pulumi == for_pulumi
    assert found.name == text.rpartition("/")[2]
    assert found.project == "auren"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("organization/other/prod", "is a stack of the project other, and this project is auren"),
        ("acme/other/prod", "is a stack of the project other, and this project is auren"),
        (
            "other/prod",
            "of the project other, and this project is auren. If other is an organization, write other/auren",
        ),
        ("Auren/prod", "of the project Auren, and this project is auren"),
    ],
)
def test_a_stack_of_another_project_is_refused(text: str, why: str) -> None:
    with pytest.raises(ArgumentTypeError, match=why):
        stack_name(text, "auren")


@pytest.mark.parametrize(
    "text",
    [
        *("", "/", "/prod", "prod/", "auren//prod", "organization/auren/", "a/organization/auren/prod", "x" * 101),
        *("pro d", "prod\n", "prod?", "https://app.pulumi.com/acme/auren/prod", "prödüktion"),
    ],
)
def test_what_cannot_be_a_name_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="cannot be a stack's name; write it like prod"):
        stack_name(text, "auren")


def test_this_project_is_the_one_of_pulumi_yaml() -> None:
    assert project_name() == "auren"
    assert stack_name("organization/auren/prod").project == "auren"
