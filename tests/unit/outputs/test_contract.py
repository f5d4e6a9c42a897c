"""The contract of the stack's outputs."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import jsonschema
import pydantic
import pytest

from auren_infra import outputs
from tests.unit.configuration import ROOT
from tests.unit.outputs.promise import broken, kept, promise_of

Schema = dict[str, Any]


def _schema() -> Schema:
    return json.loads((ROOT / "outputs.schema.json").read_text())


def test_the_published_schema_is_what_the_module_prints() -> None:
    """When this fails: `python -m auren_infra outputs > outputs.schema.json`."""
    printed = subprocess.run(
        [sys.executable, "-m", "auren_infra", "outputs"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    assert printed == (ROOT / "outputs.schema.json").read_text()


def test_the_schema_is_one_and_names_its_version() -> None:
    jsonschema.Draft202012Validator.check_schema(_schema())
    assert _schema()["$id"].endswith(f":v{outputs.VERSION}")


def test_readers_find_what_they_were_promised() -> None:
    """When this fails, readers break: undo it, or raise `VERSION` and write the new promise."""
    assert broken(kept(outputs.VERSION), promise_of(_schema())) == []


def test_what_is_added_is_promised_from_then_on() -> None:
    """When this fails: write it into `promised/vN.json`, so that it is kept."""
    assert broken(promise_of(_schema()), kept(outputs.VERSION)) == []


def _drop(schema: Schema) -> None:
    schema["required"].remove("urls")


def _rename(schema: Schema) -> None:
    volume = schema["$defs"]["Volume"]
    volume["properties"]["gigabytes"] = volume["properties"].pop("sizeGb")
    volume["required"][volume["required"].index("sizeGb")] = "gigabytes"


def _retype(schema: Schema) -> None:
    schema["$defs"]["Ssh"]["properties"]["port"] = {"type": "string"}


def _make_null(schema: Schema) -> None:
    schema["$defs"]["Service"]["properties"]["address"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_drop, ["urls is gone", "urls.website is gone", "urls.api is gone", "urls.byAddress is gone"]),
        (_rename, ["volumes[].sizeGb is gone"]),
        (_retype, ["ssh.port: integer became string"]),
        (_make_null, ["services.*.address: string became null | string"]),
    ],
)
def test_a_broken_promise_is_found(change: Callable[[Schema], None], found: list[str]) -> None:
    changed = copy.deepcopy(_schema())
    change(changed)
    assert broken(kept(outputs.VERSION), promise_of(changed)) == found


def test_an_addition_breaks_nothing() -> None:
    added = copy.deepcopy(_schema())
    added["properties"]["motd"] = {"type": "string"}
    added["required"].append("motd")
    assert broken(kept(outputs.VERSION), promise_of(added)) == []
    assert broken(promise_of(added), kept(outputs.VERSION)) == ["motd is gone"]


def test_every_version_so_far_has_its_promise() -> None:
    for version in range(1, outputs.VERSION + 1):
        assert kept(version)["version"] == "integer"


def test_a_reader_lets_an_output_pass_that_a_newer_program_added(update) -> None:
    newer = {**update.outputs, "motd": "hello"}
    jsonschema.validate(newer, _schema())
    assert outputs.StackOutputs.model_validate(newer) == outputs.StackOutputs.model_validate(update.outputs)


def test_the_stack_gives_nothing_beyond_the_contract(update) -> None:
    outputs.StackOutputs.model_validate(update.outputs, extra="forbid")
    with pytest.raises(pydantic.ValidationError, match="extra_forbidden"):
        outputs.StackOutputs.model_validate({**update.outputs, "password": "secret"}, extra="forbid")


def test_a_service_that_is_not_published_is_null_and_not_left_out(update) -> None:
    given = json.loads(json.dumps(update.outputs))
    del given["services"]["redis"]["publishedPort"]
    with pytest.raises(jsonschema.ValidationError, match="publishedPort"):
        jsonschema.validate(given, _schema())


def test_another_version_is_refused(update) -> None:
    with pytest.raises(jsonschema.ValidationError, match=f"{outputs.VERSION} was expected"):
        jsonschema.validate({**update.outputs, "version": outputs.VERSION + 1}, _schema())


def test_what_is_secret_in_the_stack_is_secret_in_the_contract(update) -> None:
    secret = {name for name, each in _schema()["properties"].items() if each.get("writeOnly")}
    assert secret == update.secret_outputs


def test_every_alias_is_how_pulumi_writes_it() -> None:
    for model in (outputs.StackOutputs, outputs.Service, outputs.Volume, outputs.Ssh, outputs.Urls, outputs.Capacity):
        for name, field in model.model_fields.items():
            assert field.alias is not None
            assert "_" not in field.alias, name
