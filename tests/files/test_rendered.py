"""All that production's update registers is as it was: a change of the code that means to change nothing shows here."""

from collections.abc import Callable

import yaml

from tests.rendered import digests, production, sections


def test_everything_that_is_registered_is_as_expected(expect: Callable[[str, str], None]) -> None:
    """`python -m tests.rendered --against COMMIT` shows what a changed digest stands for."""
    expect("registered.txt", digests(sections(production())))


def test_scripts_and_data_are_in_the_text_as_they_are_sent() -> None:
    found = sections(production())
    text = found["command:remote:Command auren-prod-nginx-release"]
    assert "\n    #!/usr/bin/env bash\n    # stage" in text
    assert "\n    file nginx.conf\n     # Rendered" in text
    assert "\n    ␠\n     http {\n" in text, "an empty line of nginx.conf"
    assert yaml.safe_load(found["outputs"])["services"]["nginx"]["publishedPorts"] == [80, 443]
