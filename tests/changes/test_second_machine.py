"""A second machine in the placement: the whole program, previewed by the real engine on the stack that is up."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from sandbox import layout
from tests.review.conftest import Production

PROGRAM = f"""
import os, runpy, sys
from dataclasses import replace
sys.path.insert(0, {str(layout.PROJECT)!r})
os.chdir(sys.path[0])
from auren_infra import placement
of_one = placement.place
def of_two(blueprint):
    (first,) = of_one(blueprint).machines
    return placement.Placement((first, replace(first, name=f"{{first.name}}-2")))
placement.place = of_two
runpy.run_path("__main__.py", run_name="__main__")
"""
"""The program of the project, with everything on a second machine as well."""


def test_each_of_its_resources_has_its_own_name_and_nothing_of_the_first_one_changes(
    production: Production, tmp_path: Path
) -> None:
    project: dict[str, Any] = yaml.safe_load((layout.PROJECT / "Pulumi.yaml").read_text())
    project["runtime"]["options"]["virtualenv"] = sys.prefix
    (tmp_path / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    (tmp_path / "__main__.py").write_text(PROGRAM)
    shown = replace(production, project=tmp_path).run("pulumi", "preview", "--json", "--non-interactive")
    steps: list[dict[str, Any]] = json.loads(shown)["steps"]
    names = {step["urn"].rpartition("::")[2]: step for step in steps if step["op"] == "create"}
    assert names.keys() >= {"auren-prod-2", "auren-prod-2-api", "auren-prod-2-api-release", "auren-prod-2-data-disk"}
    assert {name for name in names if not name.startswith("auren-prod-2")} == set()
    assert {step["urn"] for step in steps if step["op"] not in ("create", "same", "read")} == set()
    urns = [step["urn"] for step in steps]
    assert len(urns) == len(set(urns)), "the engine refuses a name twice"
