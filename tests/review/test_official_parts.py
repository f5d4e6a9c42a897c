"""What the workflow `official` renders is production: its pins of images and packages, and no secret of anybody."""

import os
import subprocess
from pathlib import Path

import pytest

from auren_infra.release_text import parse
from auren_infra.settings import DockerSource, docker
from tests.hosted.stand_ins import production_names
from tests.review.workflows import FOLDER, shell, workflow
from tests.unit.configuration import PINS

ROOT = FOLDER.parents[1]
STEP = ("official", "machine", "Render what the program sends")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the step writes, run as a runner does."""
    temporary = tmp_path_factory.mktemp("runner")
    environment = os.environ | {"RUNNER_TEMP": str(temporary)}
    subprocess.run(shell(*STEP), cwd=ROOT, env=environment, check=True, timeout=300)
    return temporary


def command(rendered: Path, run: str, name: str) -> tuple[list[str], str]:
    """A command's arguments, and what it is given."""
    (place,) = (rendered / run).glob(f"[0-9][0-9]-{name}")
    return (place / "command").read_text().partition(" bash -s -- ")[2].split(), (place / "stdin").read_text()


def test_the_release_of_docker_changes_to_the_default(rendered: Path) -> None:
    default = docker.RELEASES[0]
    for run, version in (("before", "28.5"), ("after", default.engine), ("changed", default.engine)):
        arguments, _ = command(rendered, run, "docker")
        assert arguments == ["docker", *docker.packages(DockerSource.DOCKER, version)]
    generations = {docker.generation(DockerSource.DOCKER, version) for version in ("28.5", default.engine)}
    assert len(generations) == 2, "a change that stops the containers"


def test_the_images_are_those_that_production_pulls(rendered: Path) -> None:
    images: dict[str, str] = {}
    for name in production_names():
        arguments, sent = command(rendered, "after", f"{name}-release")
        found = parse(sent.partition('\nmain "$@"; exit\n')[2], tuple(arguments[1:]))
        images[name] = found.specification(name)["image"]
    assert images == production_names()
    assert {name: image for name, image in images.items() if PINS[name]} == {
        name: image for name, image in PINS.items() if image
    }


def test_nginx_alone_is_deployed_anew_for_the_changed_setting(rendered: Path) -> None:
    """So its preflight is asked: a container of its own looks at the new file."""
    sent = {
        run: {place.name[3:]: (place / "stdin").read_text() for place in (rendered / run).iterdir()}
        for run in ("after", "changed")
    }
    after, changed = sent["after"], sent["changed"]
    assert after.keys() == changed.keys()
    assert {name for name in after if after[name] != changed[name]} == {"nginx-release"}
    (switch,) = (rendered / "changed").glob("[0-9][0-9]-nginx")
    assert (switch / "stdin-of").read_text() == "nginx-release", "so nginx is switched to it"
    assert "\npreflight nginx-preflight\n" in changed["nginx-release"]
    (step,) = (
        step
        for step in workflow("official")["jobs"]["machine"]["steps"]
        if step.get("name", "").startswith("Change a s")
    )
    assert "nginx-release nginx" in step["run"]


def test_a_command_is_given_what_another_one_has_printed(tmp_path: Path) -> None:
    """Which release a container is started from is known when it is staged."""
    for place, files in {
        "08-c": {"command": "echo other", "stdin": ""},
        "09-a-release": {"command": "bash -s", "stdin": "echo 0123 2026"},
        "10-a": {"command": "cat", "stdin": "script\n", "stdin-of": "a-release"},
        "11-b": {"command": "cat", "stdin": "alone\n"},
    }.items():
        (tmp_path / place).mkdir()
        for name, text in files.items():
            (tmp_path / place / name).write_text(text)
    done = subprocess.run(
        [ROOT / "tests/hosted/machine.sh", "run", tmp_path, "a-release", "a", "b"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.endswith("--- a\nscript\n0123 2026\n--- b\nalone\n")


def test_it_needs_no_secret() -> None:
    assert "secrets." not in (FOLDER / "official.yml").read_text()
