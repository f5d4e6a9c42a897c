"""What reaches the rules of what the engine sends: marks, unknown values, the configuration's terms."""

import json

import pytest
from google.protobuf.struct_pb2 import Struct

from policy.analyzer import terms
from policy.properties import plain, unmarked_texts
from policy.resource import UNKNOWN, Terms

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hush"}
UNKNOWN_TEXT, UNKNOWN_LIST = "04da6b54-80e4-46f7-96ec-b56ff0331ba9", "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2"


def _sent() -> Struct:
    sent = Struct()
    sent.update(
        {
            "create": "true",
            "connection": {"host": UNKNOWN_TEXT, "user": "root", "privateKey": SECRET},
            "environment": [{"name": "A"}, SECRET],
            "tags": UNKNOWN_LIST,
            "size": 40,
        }
    )
    return sent


def test_rules_get_plain_values_and_know_what_is_unknown() -> None:
    assert plain(_sent()) == {
        "create": "true",
        "connection": {"host": UNKNOWN, "user": "root", "privateKey": "hush"},
        "environment": [{"name": "A"}, "hush"],
        "tags": UNKNOWN,
        "size": 40,
    }


def test_what_is_marked_as_secret_is_told_apart_however_deep() -> None:
    assert unmarked_texts(_sent()) == {"create": "true", "connection.user": "root", "environment[0].name": "A"}


WAIVER = "volume-unprotected=this is only a trial"


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ({}, Terms()),
        ({"auren:monthlyLimitUsd": "96"}, Terms(monthly_limit_usd=96)),
        ({"auren:waivers": json.dumps([WAIVER])}, Terms({"volume-unprotected": "this is only a trial"})),
        (
            {"auren:waivers": json.dumps(["inner-service-exposed=nobody will find it", WAIVER.partition("=")[0]])},
            Terms(),
        ),
        ({"auren:waivers": "all of them", "auren:monthlyLimitUsd": "much"}, Terms()),
        ({"other:waivers": json.dumps([WAIVER])}, Terms()),
    ],
)
def test_only_what_is_well_written_changes_the_terms(configuration: dict[str, str], expected: Terms) -> None:
    assert terms(configuration) == expected
