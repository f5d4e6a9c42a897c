"""`__main__.py`: the engine's configuration in, outputs or one clear error out."""

import json
import runpy
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi.runtime import config

from tests.unit.configuration import COMPLETE, ROOT, engine_values
from tests.unit.rehearsal import Rehearsal, World, rehearse


@pytest.fixture
def run_main(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Rehearsal]:
    """Run the program as the language host does; the result's outputs are the exported ones."""

    def run(values: dict[str, str], into: Rehearsal | None = None, world: World | None = None) -> Rehearsal:
        exported: dict[str, Any] = {}
        monkeypatch.setattr(pulumi, "export", exported.__setitem__)
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps(values))
        monkeypatch.chdir(ROOT)

        def program() -> dict[str, Any]:
            runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")
            return exported

        return rehearse(program, preview=False, world=world, into=into)

    monkeypatch.setattr(config, "CONFIG", type(config.CONFIG)("CONFIG", default={}))
    return run


def test_the_program_exports_the_stacks_outputs(run_main, update: Rehearsal) -> None:
    assert run_main(engine_values(COMPLETE)).outputs.keys() == update.outputs.keys()


def test_a_wrong_configuration_is_one_message_and_no_resource(run_main) -> None:
    run = Rehearsal()
    wrong = engine_values({**COMPLETE, "region": "mars", "dataVolumeSize": "0"})
    with pytest.raises(pulumi.RunError) as refusal:
        run_main(wrong, run)
    assert "has 2 faults" in str(refusal.value)
    assert "auren:region" in str(refusal.value)
    assert run.resources == []


def test_a_zone_that_the_token_does_not_see_is_one_message(run_main) -> None:
    run = Rehearsal()
    with pytest.raises(pulumi.RunError, match=r"sees no zone example\.org"):
        run_main(engine_values({**COMPLETE, "domain": "example.org", "cloudflareZone": "example.org"}), run)
    assert run.resources == []


def test_a_stack_that_was_renamed_is_refused_with_the_name_to_set(run_main) -> None:
    """`pulumi stack rename`: everything was deleted and made anew under the new name, the data volume too."""
    run = Rehearsal()
    urn = "urn:pulumi:test::auren::auren:cloud:DataVolume::auren-old"
    world = World(state={urn: {"type": "auren:cloud:DataVolume", "outputs": {}}})
    with pytest.raises(pulumi.RunError, match="`pulumi config set auren:name auren-old`"):
        run_main(engine_values(COMPLETE), run, world)
    assert run.resources == []
    assert run_main(engine_values({**COMPLETE, "name": "auren-old"}), world=world).resources
