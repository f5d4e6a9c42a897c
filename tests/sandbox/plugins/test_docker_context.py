"""Build contexts: what is sent, and when two of them are the same."""

import tarfile
from pathlib import Path

import pytest

from sandbox.plugins.docker.context import Context


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a plugin runs in, with a context in `app`."""
    (tmp_path / "app/code").mkdir(parents=True)
    (tmp_path / "app/Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (tmp_path / "app/code/main.py").write_text("print()\n")
    (tmp_path / "app/notes.md").write_text("to do\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sent(context: Context) -> set[str]:
    with context.archive() as (file, dockerfile), tarfile.open(fileobj=file) as archive:
        assert archive.getmember(dockerfile).isfile()
        return {member.name for member in archive if not member.isdir()}


def test_the_dockerfile_is_the_contexts_own_unless_named(project: Path) -> None:
    assert Context.of({"context": "app"}) == Context("app", "app/Dockerfile")
    assert Context.of({"context": "app/", "dockerfile": "Other"}) == Context("app/", "Other")
    assert Context.of({}) == Context(".", "Dockerfile")


def test_what_dockerignore_names_is_neither_sent_nor_counted(project: Path) -> None:
    (project / "app/.dockerignore").write_text("# notes\n\n*.md\ncode/*.pyc\nDockerfile\n")
    context = Context.of({"context": "app"})
    before = context.digest()
    (project / "app/notes.md").write_text("done\n")
    (project / "app/code/main.pyc").write_text("compiled")
    assert context.digest() == before
    assert sent(context) == {"Dockerfile", ".dockerignore", "code/main.py"}


@pytest.mark.parametrize("change", ["content", "name", "mode", "link", "dockerfile", "ignored"])
def test_whatever_could_change_the_image_changes_the_digest(project: Path, change: str) -> None:
    context = Context.of({"context": "app"})
    link = project / "app/link"
    link.symlink_to("notes.md")
    before = context.digest()
    main = project / "app/code/main.py"
    match change:
        case "content":
            main.write_text("exit()\n")
        case "name":
            main.rename(main.with_name("start.py"))
        case "mode":
            main.chmod(0o755)
        case "link":
            link.unlink()
            link.symlink_to("code")
        case "dockerfile":
            (project / "app/Dockerfile").write_text("FROM scratch\n")
        case "ignored":
            (project / "app/.dockerignore").write_text("notes.md\n")
    assert context.digest() != before


def test_where_the_project_lies_and_when_it_was_written_does_not_count(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Context.of({"context": "app"}).digest()
    (project / "elsewhere").mkdir()
    (project / "app").rename(project / "elsewhere/app")
    (project / "elsewhere/app/notes.md").touch()
    monkeypatch.chdir(project / "elsewhere")
    assert Context.of({"context": "app"}).digest() == before


def test_a_dockerfile_outside_of_the_context_is_sent_with_it_and_brings_its_own_patterns(project: Path) -> None:
    (project / "release.Dockerfile").write_text("FROM scratch\nCOPY notes.md /\n")
    (project / "release.Dockerfile.dockerignore").write_text("code\nDockerfile\n")
    context = Context.of({"context": "app", "dockerfile": "release.Dockerfile"})
    before = context.digest()
    names = sent(context)
    assert "notes.md" in names
    assert not {name for name in names if name.startswith("code")}
    (project / "release.Dockerfile").write_text("FROM scratch\n")
    assert context.digest() != before
