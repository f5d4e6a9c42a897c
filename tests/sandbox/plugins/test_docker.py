"""Images, built and pushed by a real daemon as the real engine drives it, into a registry of the test's own."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from tests.sandbox.engine.project import Project
from tests.sandbox.plugins.docker_registry import PASSWORD, USER, Registry, running
from tests.workers import using_docker

pytestmark = pytest.mark.machine

REPOSITORY = "auren/trial"
PROGRAM = """
import json, pathlib, pulumi, pulumi_docker
given = json.loads(pathlib.Path("given.json").read_text())
if "password" in given.get("registry", {}):
    given["registry"]["password"] = pulumi.Output.secret(given["registry"]["password"])
image = pulumi_docker.Image("image", **given)
pulumi.export("digest", image.repo_digest)
pulumi.export("platform", image.platform)
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[str]:
    with using_docker() as host:
        yield host


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running(tmp_path_factory.mktemp("registry") / "open") as registry:
        yield registry


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running(tmp_path_factory.mktemp("registry") / "guarded", guarded=True) as registry:
        yield registry


@pytest.fixture
def project(tmp_path: Path, daemon: str) -> Iterator[Project]:
    """A project with a build context in `app`, and a user who is logged in nowhere."""
    project = Project.create(tmp_path, DOCKER_HOST=daemon, DOCKER_CONFIG=str(tmp_path / "docker"))
    project.write(PROGRAM)
    app = context(project)
    app.mkdir()
    (app / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (app / ".dockerignore").write_text("notes\n")
    (app / "main").write_text(str(tmp_path))  # no other test's image
    yield project
    with closing(docker.DockerClient(daemon)) as client:
        for image in client.images.list():
            # One that a later build took the tag from is known by its digest still.
            if any(REPOSITORY in name for name in (*image.tags, *image.attrs["RepoDigests"])):
                client.images.remove(image.id, force=True)


def context(project: Project) -> Path:
    return project.folder / "program" / "app"


def give(project: Project, target: Registry, /, **given: object) -> None:
    build = {"context": "app", "platform": "linux/amd64"}
    image = {"image_name": f"{target.host}/{REPOSITORY}:1", "build": build}
    (project.folder / "program" / "given.json").write_text(json.dumps(image | given))


def test_an_image_is_built_and_pushed_when_its_context_changed_and_only_then(
    project: Project, registry: Registry
) -> None:
    give(project, registry)
    assert "+ 2 to create" in project.run("preview")
    assert registry.digest(REPOSITORY, "1") is None, "a preview builds nothing"
    project.up()
    first = registry.digest(REPOSITORY, "1")
    assert project.outputs() == {
        "digest": f"{registry.host}/{REPOSITORY}@{first}",
        "platform": "linux/amd64",
    }
    assert registry.files(REPOSITORY, "1") == {"Dockerfile", ".dockerignore", "main"}

    (context(project) / "notes").write_text("ignored")
    project.run("refresh", "--yes", "--expect-no-changes")
    project.up("--expect-no-changes")
    (context(project) / "main").write_text("changed")
    shown = project.run("preview", "--diff")
    assert "contextDigest" in shown
    assert "~ 1 to update" in shown
    assert registry.digest(REPOSITORY, "1") == first
    project.up()
    second = registry.digest(REPOSITORY, "1")
    assert project.outputs()["digest"].endswith(f"@{second}")
    assert second != first
    project.run("preview", "--expect-no-changes")

    project.run("destroy", "--yes", "--skip-preview")
    assert registry.digest(REPOSITORY, str(first)) == first, "a machine may still run it"
    assert registry.digest(REPOSITORY, "1") == second


def test_what_waits_for_the_digest_is_unknown_only_while_it_will_change(project: Project, registry: Registry) -> None:
    give(project, registry)
    project.write(
        PROGRAM + "from pulumi_command import local\nlocal.Command('runs', create='cat', stdin=image.repo_digest)\n"
    )
    project.up()
    project.run("preview", "--expect-no-changes")
    (context(project) / "main").write_text("changed")
    assert "~ 2 to update" in project.run("preview")
    project.up()
    assert project.resource("runs")["outputs"]["stdout"] == project.outputs()["digest"]


def test_a_preview_works_with_what_is_not_known_yet(project: Project, registry: Registry) -> None:
    give(project, registry)
    project.write("""
        import json, pathlib, pulumi, pulumi_docker, pulumi_random
        given = json.loads(pathlib.Path("given.json").read_text())
        text = pulumi_random.RandomString("text", length=8, special=False).result
        given["build"]["args"] = {"VERSION": text}
        given["image_name"] = pulumi.Output.concat(given["image_name"], "-", text)
        pulumi.export("digest", pulumi_docker.Image("image", **given).repo_digest)
        pulumi.export("text", text)
    """)
    assert "+ 3 to create" in project.run("preview")
    project.run("up", "--yes")
    outputs = project.outputs()
    assert outputs["digest"].endswith(f"@{registry.digest(REPOSITORY, '1-' + outputs['text'])}")


def test_an_image_that_stays_here_is_known_by_its_id(project: Project, registry: Registry, daemon: str) -> None:
    give(project, registry, image_name=f"{REPOSITORY}:local", skip_push=True)
    project.up()
    with closing(docker.DockerClient(daemon)) as client:
        image = client.images.get(f"{REPOSITORY}:local")
        assert project.outputs()["digest"] == image.id
    assert registry.digest(REPOSITORY, "local") is None


def test_a_login_that_is_given_is_used_and_its_password_is_in_no_state(project: Project, guarded: Registry) -> None:
    login = {"server": guarded.host, "username": USER, "password": PASSWORD}
    give(project, guarded)
    assert "could not be pushed" in project.up(fails=True)
    give(project, guarded, registry=login | {"password": "guessed"})
    assert f"the registry {guarded.host} refused {USER}" in project.up(fails=True)
    give(project, guarded, registry=login)
    shown = project.run("up", "--yes", "--diff")
    assert project.outputs()["digest"].endswith(f"@{guarded.digest(REPOSITORY, '1')}")
    assert PASSWORD not in shown + project.state()
    give(project, guarded, registry=login | {"password": "rotated"})
    project.run("preview", "--expect-no-changes")


def test_the_login_of_this_machine_is_used_otherwise(project: Project, guarded: Registry) -> None:
    folder = project.folder / "docker"
    folder.mkdir()
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {guarded.host: {"auth": auth}}}))
    (context(project) / "main").write_text("by docker login")
    give(project, guarded, image_name=f"{guarded.host}/{REPOSITORY}:2")
    project.up()
    assert project.outputs()["digest"].endswith(f"@{guarded.digest(REPOSITORY, '2')}")


def test_a_provider_of_ones_own_names_daemon_and_logins(project: Project, guarded: Registry, daemon: str) -> None:
    give(project, guarded, image_name=f"{guarded.host}/{REPOSITORY}:3")
    project.environment["DOCKER_HOST"] = "unix:///nowhere"
    auth = {"address": f"http://{guarded.host}", "username": USER, "password": PASSWORD}
    project.write(
        PROGRAM.replace(
            "**given)",
            f"**given, opts=pulumi.ResourceOptions(provider=pulumi_docker.Provider('own', host={daemon!r}, "
            f"registry_auth=[{auth!r}])))",
        )
    )
    project.up()
    assert project.outputs()["digest"].endswith(f"@{guarded.digest(REPOSITORY, '3')}")


def test_without_a_daemon_a_preview_fails_only_when_something_is_to_be_built(
    project: Project, registry: Registry
) -> None:
    project.environment["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    give(project, registry)
    shown = project.run("preview", fails=True)
    assert "failed to connect to any docker daemon; tried unix:///nowhere/docker.sock" in shown
    assert "Traceback" not in shown
    project.write("import pulumi, pulumi_docker")
    project.run("preview")


def test_a_build_that_fails_says_why_and_pushes_nothing(project: Project, registry: Registry) -> None:
    (context(project) / "Dockerfile").write_text("FROM scratch\nCOPY missing /\n")
    give(project, registry, image_name=f"{registry.host}/{REPOSITORY}:broken")
    shown = project.up(fails=True)
    assert f"the image {registry.host}/{REPOSITORY}:broken could not be built: " in shown
    assert "missing" in shown
    assert "Traceback" not in shown
    assert registry.digest(REPOSITORY, "broken") is None
