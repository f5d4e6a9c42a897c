"""Whatever a client sends, it is answered: a wrong request with what is wrong with it, and never with a 500."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.unit.stand_ins.conftest import Ask, Stores

REFUSED = {400, 413, 415, 422}
JSON_TYPE = {"Content-Type": "application/json"}
EVENT = '{"user_id": "ada", "type": "hrv", "value": 61.5}'
VALUES = (
    *("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1" * 400, "1" * 5000, "true", "null", "[1]", "{}", '"much"'),
    *('"NaN"', '"\\ud800"', '"1e400"', "1.", "0x10", "'1'", "undefined"),
)
TEXTS = (
    *('""', '"\\ud800"', '"\\udc00\\ud800"', '"a\\u0000b"', "1", "null", '["\\ud800"]', '{"\\ud800": 1}'),
    *(f'"{"x" * 129}"', "NaN"),
)
BODIES = (
    *(f'{{"user_id": "a", "type": "a", "metric": "a", "value": {value}}}' for value in VALUES),
    *(f'{{"user_id": {text}, "type": "a", "metric": "a", "value": 1}}' for text in TEXTS),
    *("", " ", "null", "NaN", "1", '"x"', "[]", "{}", '["\\ud800"]', '{"\\ud800": 1}', '{"\\u0000": 1}', EVENT[:-1]),
    *("[" * 30_000, '{"a":' * 10_000, f'{{"user_id": {"[" * 20_000}', '{"a": 1}' * 100_000),
)
RAW = (
    b"\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b'{"user_id": "\xed\xa0\x80", "type": "a", "metric": "a", "value": 1}',
    b'{"user_id": "\xff", "type": "a", "metric": "a", "value": 1}',
    '{"user_id": "a", "type": "a", "metric": "a", "value": NaN}'.encode("utf-16"),
    b"\xef\xbb\xbf{}",
    b"x" * 1_000_000,
)
TYPES = (
    *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=x"),
    *("application/xml", "image/png", "", "a/b/c;;;=", "application/json; charset=utf-16", "application/vnd.api+json"),
)
PATHS = ("/api/events", "/api/biometrics")


def _is_told(answer: httpx.Response, *allowed: int) -> None:
    """The answer is one of those, in JSON that every reader takes, and holds nothing of the program."""
    assert answer.status_code in allowed, answer.text
    if answer.status_code == 413:  # the server's own answer
        assert answer.text == "Content Too Large"
        return

    def no_constant(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    detail = json.loads(answer.content.decode(), parse_constant=no_constant)["detail"]
    assert detail
    assert len(answer.content) < 20_000
    assert not any(word in answer.text for word in ("Traceback", "Error(", "site-packages", ".py", "pydantic"))


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_body_is_refused_with_what_is_wrong(ask: Ask, path: str) -> None:
    for body in (*(text.encode() for text in BODIES), *RAW):
        for content_type in ("application/json", *TYPES):
            answer = ask("POST", path, content=body, headers={"Content-Type": content_type})
            _is_told(answer, *REFUSED)


@pytest.mark.parametrize("path", PATHS)
def test_a_refusal_repeats_no_more_than_the_names_of_what_is_wrong(ask: Ask, path: str) -> None:
    body = json.dumps({"user_id": "secret word" * 20, "value": "secret word", "\ud800" + "n" * 5000: "secret word"})
    answer = ask("POST", path, content=body, headers=JSON_TYPE)
    _is_told(answer, 422)
    assert "secret word" not in answer.text
    assert all(set(fault) == {"loc", "msg", "type"} for fault in answer.json()["detail"])
    many = ask("POST", path, content=json.dumps(dict.fromkeys(map(str, range(1000)), 1)), headers=JSON_TYPE)
    assert len(many.json()["detail"]) == 20


def test_a_body_that_is_too_large_is_refused_as_such(ask: Ask) -> None:
    answer = ask("POST", "/api/events", content=EVENT.replace("ada", "x" * 70_000), headers=JSON_TYPE)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        *(
            f"/api/events?limit={limit}"
            for limit in ("NaN", "1e400", "%00", "%ED%A0%80", "%FF", "0", "501", "", "9" * 5000)
        ),
        *(f"/api/events/{number}" for number in ("NaN", "%00", "%ED%A0%80", "-1", "0", "9" * 5000, str(2**63), "1e3")),
        *(f"/api/biometrics?limit={limit}" for limit in ("NaN", "-1", "%00")),
        *(f"/api/biometrics/{name}" for name in ("one", "%00", "%ED%A0%80", "f" * 31, "f" * 5000, "live2")),
        *(f"/api/biometrics/live?user_id={name}" for name in ("", "%00", "x" * 129)),
    ],
)
def test_a_wrong_path_or_query_is_refused(ask: Ask, path: str) -> None:
    _is_told(ask("GET", path), 422)


def test_what_is_right_is_taken(ask: Ask, stores: Stores) -> None:
    """A test of refusals alone would be passed by an API that refuses everything."""
    extreme = {"user_id": "\U0001f9d1\u200d", "type": "a\nb", "value": -1.7976931348623157e308}
    for body in (EVENT, json.dumps(extreme), EVENT.replace("61.5", "5e-324"), EVENT.replace("61.5", "1e-400")):
        answer = ask("POST", "/api/events", content=body, headers=JSON_TYPE)
        assert answer.status_code == 201, answer.text
        assert ask("GET", f"/api/events/{answer.json()['id']}").json() == answer.json()
    assert len(ask("GET", "/api/events?limit=2").json()) == 2
    measurement = EVENT.replace('"type"', '"metric"')
    assert ask("POST", "/api/biometrics", content=measurement, headers=JSON_TYPE).status_code == 202
    assert stores.published[-1].user_id == "ada"


_ANY_TEXT = st.text(st.characters(codec=None), max_size=20) | st.sampled_from(["user_id", "type", "metric", "value"])
_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
_NEARLY_RIGHT = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("user_id", "type", "metric", "value", "id"), _ANY_TEXT | _ANY_JSON)
)
_BODY = (_NEARLY_RIGHT | _ANY_JSON).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200)


@settings(deadline=None, max_examples=examples(150))
@given(path=st.sampled_from(PATHS), body=_BODY, content_type=st.sampled_from(["application/json", *TYPES]))
@example(path="/api/events", body=b'{"user_id": "a", "type": "a", "value": NaN}', content_type="application/json")
@example(path="/api/events", body=b"\xff", content_type="text/plain")
def test_no_body_ends_in_a_fault(ask: Ask, path: str, body: bytes, content_type: str) -> None:
    answer = ask("POST", path, content=body, headers={"Content-Type": content_type})
    if answer.status_code not in (201, 202):
        _is_told(answer, *REFUSED)


@settings(deadline=None, max_examples=examples(150))
@given(
    path=st.sampled_from(["/api/events", "/api/biometrics"]),
    part=st.binary(min_size=1, max_size=20) | st.integers().map(lambda number: str(number).encode()),
    in_query=st.booleans(),
)
@example(path="/api/events", part=b"/", in_query=False)
def test_no_path_and_no_query_ends_in_a_fault(ask: Ask, path: str, part: bytes, in_query: bool) -> None:
    encoded = "".join(f"%{byte:02X}" for byte in part)
    answer = ask("GET", f"{path}?limit={encoded}" if in_query else f"{path}/{encoded}")
    if answer.status_code != 200:
        _is_told(answer, 404, 422)


def test_a_fault_that_nobody_has_foreseen_tells_nothing(ask: Ask, stores: Stores, monkeypatch: Any) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("password=hunter2 in /run/secrets")

    monkeypatch.setattr(stores, "take", broken)
    answer = ask("POST", "/api/events", content=EVENT, headers=JSON_TYPE)
    assert (answer.status_code, answer.json()) == (500, {"detail": "internal error"})
