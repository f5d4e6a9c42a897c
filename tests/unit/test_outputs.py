"""The contract of the stack's outputs."""

import json
import subprocess
import sys
from typing import Any

import jsonschema
import pytest

from auren_infra import outputs
from tests.unit.configuration import ROOT


def _schema() -> dict[str, Any]:
    return json.loads((ROOT / "outputs.schema.json").read_text())


def test_the_published_schema_is_what_the_module_prints() -> None:
    """When this fails: `python -m auren_infra.outputs > outputs.schema.json`, and tell the outputs' readers."""
    printed = subprocess.run(
        [sys.executable, "-m", "auren_infra.outputs"], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    ).stdout
    assert printed == (ROOT / "outputs.schema.json").read_text()


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(_schema())


def test_readers_find_the_names_that_they_know() -> None:
    """Dropping or renaming one of these breaks them; the list grows with new outputs."""
    assert set(_schema()["required"]) >= {
        "address",
        "domain",
        "urls",
        "ssh",
        "sshPrivateKey",
        "droplet",
        "network",
        "volumes",
        "firewall",
        "services",
        "capacity",
    }


def test_a_service_that_is_not_published_is_null_and_not_left_out(update) -> None:
    given = json.loads(json.dumps(update.outputs))
    del given["services"]["redis"]["publishedPort"]
    with pytest.raises(jsonschema.ValidationError, match="publishedPort"):
        jsonschema.validate(given, _schema())


def test_an_output_outside_the_contract_is_found(update) -> None:
    with pytest.raises(jsonschema.ValidationError, match="unexpected"):
        jsonschema.validate({**update.outputs, "password": "secret"}, _schema())


def test_every_alias_is_how_pulumi_writes_it() -> None:
    for model in (outputs.StackOutputs, outputs.Service, outputs.Volume, outputs.Ssh, outputs.Urls, outputs.Capacity):
        for name, field in model.model_fields.items():
            assert field.alias is not None
            assert "_" not in field.alias, name
