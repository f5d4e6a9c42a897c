"""Random values: of the asked shape, new only when asked, secret where they are secret."""

import asyncio
import string
from pathlib import Path

import bcrypt
import pytest

from sandbox.plugins.random import RandomId, RandomPassword, RandomString, RandomText
from sandbox.plugins.resource import Operation, Resource, Severity, State
from sandbox.plugins.values import UNKNOWN, Values
from tests.sandbox.engine.project import Project


async def silent(_: Severity, __: str) -> None:
    pass


def make(resource: Resource, **inputs: object) -> State:
    return asyncio.run(resource.create(Operation("urn::r", 0, silent), dict(inputs)))


def test_a_password_has_its_length_its_minima_and_nothing_else() -> None:
    inputs = {"length": 12, "minUpper": 3, "minNumeric": 3, "minSpecial": 3, "lower": False, "overrideSpecial": "-_"}
    for _ in range(50):
        result = make(RandomPassword(), **inputs).outputs["result"]
        assert len(result) == 12
        assert sum(c in string.ascii_uppercase for c in result) >= 3
        assert sum(c in string.digits for c in result) >= 3
        assert sum(c in "-_" for c in result) >= 3
        assert set(result) <= set(string.ascii_uppercase + string.digits + "-_")


def test_no_two_are_alike_and_the_order_is_no_pattern() -> None:
    results = {make(RandomString(), length=16, minUpper=1).outputs["result"] for _ in range(200)}
    assert len(results) == 200
    assert len({result[0] in string.ascii_uppercase for result in results}) == 2


def test_the_hash_is_of_the_password() -> None:
    outputs = make(RandomPassword(), length=100).outputs
    assert bcrypt.checkpw(outputs["result"].encode()[:72], outputs["bcryptHash"].encode())


def test_what_was_left_out_is_filled_in() -> None:
    state = make(RandomPassword(), length=8, number=False)
    assert state.id == "none"
    assert state.outputs["numeric"] is state.outputs["number"] is False
    assert state.outputs["special"] is True
    assert state.outputs["minUpper"] == 0


def test_an_ids_notations_are_of_the_same_bytes() -> None:
    state = make(RandomId(), byteLength=8, prefix="p-")
    value = int(state.outputs["hex"].removeprefix("p-"), 16)
    assert len(state.outputs["hex"]) == 2 + 16
    assert state.outputs["dec"] == f"p-{value}"
    assert state.outputs["b64Url"] == f"p-{state.id}"


@pytest.mark.parametrize(
    "inputs",
    [
        {"length": 0},
        {"length": 5, "minUpper": 3, "minLower": 3},
        {"length": 5, "upper": False, "lower": False, "numeric": False, "special": False},
    ],
)
def test_what_makes_no_text_is_refused(inputs: Values) -> None:
    assert len(RandomText.check(RandomString(), inputs)) == 1
    assert RandomString().check({"length": UNKNOWN}) == []


def test_an_id_of_no_bytes_is_refused() -> None:
    assert RandomId().check({"byteLength": 0})
    assert not RandomId().check({"byteLength": UNKNOWN})


def test_values_stay_until_a_keeper_changes(tmp_path: Path) -> None:
    project = Project.create(tmp_path)

    def program(keeper: str) -> str:
        return f"""
        import pulumi, pulumi_random as random
        password = random.RandomPassword("p", length=20, special=False, keepers={{"since": "{keeper}"}})
        pulumi.export("password", password.result)
        pulumi.export("id", random.RandomId("i", byte_length=4).hex)
        pulumi.export("text", random.RandomString("t", length=6).result)
        """

    project.write(program("one"))
    project.run("up", "--yes")
    before = project.outputs()
    assert before["password"].isalnum()
    assert len(before["password"]) == 20
    assert before["password"] not in project.state()
    assert before["text"] in project.state()
    project.run("refresh", "--yes", "--expect-no-changes")
    project.run("up", "--yes", "--expect-no-changes")
    assert project.outputs() == before
    project.write(program("two"))
    shown = project.run("preview", "--diff")
    assert "+-1 to replace" in shown
    project.up()
    after = project.outputs()
    assert after["password"] != before["password"]
    assert after["id"] == before["id"]
