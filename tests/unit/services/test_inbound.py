"""Which networks together are everybody."""

import pytest

from auren_infra.services.inbound import lets_everyone_in


@pytest.mark.parametrize(
    ("sources", "everyone"),
    [
        (["0.0.0.0/0"], True),
        (["::/0"], True),
        (["0.0.0.0/1", "128.0.0.0/1"], True),
        (["198.51.100.0/24", "2001:db8::/32"], False),
        (["10.0.0.0/8"], False),
        (["a tag"], False),
        ([], False),
    ],
)
def test_the_halves_of_the_internet_are_everybody(sources: list[str], everyone: bool) -> None:
    assert lets_everyone_in(sources) is everyone
