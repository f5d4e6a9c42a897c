"""The state as it was, given back to the engine; and a state that comes from another backend."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.sandbox.engine.project import Project
from tests.state.team import Team, state


def _moment() -> str:
    """Now, once this second is over: S3 tells whole ones."""
    time.sleep(1.01 - time.time() % 1)
    now = datetime.now(UTC)
    time.sleep(1.01 - time.time() % 1)
    return now.isoformat()


def _earlier(project: Project, moment: str, folder: Path) -> str:
    file = folder / "earlier.json"
    file.write_text(state("earlier", "--stack", "prod", "--at", moment, environment=project.environment))
    return str(file)


def test_a_state_that_was_spoilt_is_given_back(founder: Project, tmp_path: Path) -> None:
    password, moment = founder.outputs()["password"], _moment()
    (urn,) = (each["urn"] for each in _resources(founder) if each["urn"].endswith("::password"))
    founder.run("state", "delete", urn, "--yes", "--force")
    assert "1 to create" in founder.run("preview")
    file = _earlier(founder, moment, tmp_path)
    assert password not in Path(file).read_text()
    assert json.loads(Path(file).read_text())["features"] == ["replaceWith"], "an older state would prove less"
    founder.run("stack", "import", "--file", file)
    assert "3 unchanged" in founder.up("--expect-no-changes")
    assert founder.outputs()["password"] == password


def test_a_stack_that_was_removed_is_given_back(founder: Project, tmp_path: Path) -> None:
    password, moment = founder.outputs()["password"], _moment()
    config = founder.folder / "program" / "Pulumi.prod.yaml"
    committed = config.read_text()
    founder.run("stack", "rm", "--yes", "--force")
    assert json.loads(founder.run("stack", "ls", "--json")) == []
    config.write_text(committed)  # from the repository
    file = _earlier(founder, moment, tmp_path)
    founder.run("stack", "init", "prod")
    founder.run("stack", "import", "--file", file)
    assert "3 unchanged" in founder.run("preview", "--expect-no-changes")
    assert founder.outputs()["password"] == password


def test_a_state_on_a_disk_moves_into_the_bucket(team: Team, founder: Project, tmp_path: Path) -> None:
    (old := tmp_path / "old").mkdir()
    mover = team.member("mover", "read and write")
    mover.environment["PULUMI_STACK"] = "staging"
    before = f"file://{old}"
    mover.run("login", before)
    mover.run("stack", "init", "staging")
    mover.up()
    outputs, file = mover.outputs(), str(tmp_path / "staging.json")
    mover.run("stack", "export", "--file", file)
    mover.run("login", team.login)
    mover.run("stack", "init", "staging")
    mover.run("stack", "import", "--file", file)
    assert "3 unchanged" in mover.run("preview", "--expect-no-changes")
    assert mover.outputs() == outputs
    assert outputs["password"] not in Path(file).read_text()
    mover.run("login", before)
    mover.run("stack", "rm", "--yes", "--force", "--preserve-config")
    mover.run("login", team.login)
    assert "3 unchanged" in mover.run("preview", "--expect-no-changes")


def _resources(project: Project) -> list[dict[str, str]]:
    return json.loads(project.run("stack", "export"))["deployment"]["resources"]
