"""The outputs as another Pulumi program and a person at a shell get them, from the real engine's own state."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from auren_infra import outputs
from tests.sandbox.engine.project import Project

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "stack-reference"
AUREN = "organization/auren/local"

PROGRAM = """
    import json
    import pathlib
    import pulumi

    for name, value in json.loads(pathlib.Path("given.json").read_text()).items():
        pulumi.export(name, pulumi.Output.secret(value) if name in {secret} else value)
"""


@pytest.fixture(scope="module")
def auren(tmp_path_factory: pytest.TempPathFactory, given: dict[str, Any]) -> Project:
    """A stack with AUREN's outputs, without its clouds."""
    project = Project.prepare(tmp_path_factory.mktemp("auren"))
    (project.folder / "program" / "Pulumi.yaml").write_text("name: auren\nruntime: python\n")
    project.run("stack", "init", "local")
    secret = [name for name, each in outputs.json_schema()["properties"].items() if each.get("writeOnly")]
    project.write(PROGRAM.replace("{secret}", repr(secret)))
    give(project, given)
    return project


@pytest.fixture(scope="module")
def reader(auren: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The example in a folder of its own, with the same backend."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(EXAMPLE, folder / "program")
    project = Project(folder, auren.environment | {"PULUMI_OPTION_CONFIG_FILE": str(folder / "Pulumi.local.yaml")})
    project.run("stack", "init", "local")
    project.run("config", "set", "stack", AUREN)
    return project


def give(auren: Project, values: dict[str, Any]) -> None:
    (auren.folder / "program" / "given.json").write_text(json.dumps(values))
    auren.up()


def test_another_program_reads_the_stack(auren: Project, reader: Project, given: dict[str, Any]) -> None:
    shown = reader.up()
    assert reader.outputs() == {
        "version": 1,
        "address": given["address"],
        "published": {"nginx": 80, "kafka-ui": 8081},
        "deployKey": given["sshPrivateKey"],
    }
    assert "[secret]" in shown
    key = given["sshPrivateKey"].strip()
    assert key not in shown
    for file in (auren.folder / "state").rglob("*.json"):  # both programs' states, and their history
        assert key not in file.read_text(), file


def test_the_program_refuses_another_version(auren: Project, reader: Project, given: dict[str, Any]) -> None:
    give(auren, given | {"version": outputs.VERSION + 1})
    try:
        assert "AUREN's outputs are of version 2, and this program is for 1." in reader.up(fails=True)
    finally:
        give(auren, given)


def test_the_command_reads_the_engines_outputs(auren: Project, given: dict[str, Any], tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "auren_infra", "outputs", "--stack", AUREN, *arguments]
        environment = auren.environment | {"PYTHONPATH": str(ROOT), "PULUMI_STACK": ""}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, check=True, stdout=subprocess.PIPE, text=True, timeout=120
        ).stdout

    assert json.loads(run("--format", "json")) == given | {"sshPrivateKey": outputs.HIDDEN}
    assert "IdentityFile" in run("--format", "ssh", "--write-key", "key")
    assert (tmp_path / "key").read_text() == given["sshPrivateKey"].rstrip("\n") + "\n"
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
