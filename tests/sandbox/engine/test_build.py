"""Which engine is used, and how it is put beside its language host."""

import os
from pathlib import Path

import pytest

from sandbox import layout
from sandbox.engine import ENGINE_VERSION, EngineError, build, ensure_engine, install


def _executable(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of our own and a PATH on which there is no pulumi."""
    monkeypatch.setattr(layout, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(layout, "STATE", tmp_path / "state")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return tmp_path


def test_the_version_is_the_sdks() -> None:
    pins = (Path(__file__).parents[3] / "requirements.txt").read_text()
    assert f"pulumi=={ENGINE_VERSION.removeprefix('v')}" in pins


def test_an_installed_engine_wins(nothing_installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = _executable(nothing_installed / "theirs" / "pulumi")
    monkeypatch.setenv("PATH", f"{theirs.parent}:/usr/bin")
    assert ensure_engine(lambda _: None) == theirs


def test_the_sandboxs_own_folder_on_path_is_not_an_installed_engine(
    nothing_installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = _executable(layout.STATE / "bin" / "pulumi")
    cached = _executable(layout.CACHE / "engine" / ENGINE_VERSION / "pulumi")
    monkeypatch.setenv("PATH", f"{own.parent}:/usr/bin")
    assert ensure_engine(lambda _: None) == cached


def test_an_installed_engine_with_its_language_host_needs_nothing_of_ours(
    nothing_installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = _executable(nothing_installed / "theirs" / "pulumi")
    _executable(theirs.with_name("pulumi-language-python"))
    monkeypatch.setenv("PATH", f"{theirs.parent}:/usr/bin")
    bin_dir = nothing_installed / "bin"
    _executable(bin_dir / "pulumi-language-python")
    install(bin_dir, Path("/usr/bin/python3"))
    assert list(bin_dir.iterdir()) == []


def test_the_engine_is_placed_as_a_file_beside_the_language_host(nothing_installed: Path) -> None:
    cached = _executable(layout.CACHE / "engine" / ENGINE_VERSION / "pulumi", "the engine")
    bin_dir = nothing_installed / "bin"
    for _ in range(2):
        install(bin_dir, Path("/usr/bin/env"))
        placed = bin_dir / "pulumi"
        assert not placed.is_symlink()
        assert placed.read_text() == cached.read_text()
        assert os.access(bin_dir / "pulumi-language-python", os.X_OK)


def test_a_missing_interpreter_is_named(nothing_installed: Path) -> None:
    _executable(layout.CACHE / "engine" / ENGINE_VERSION / "pulumi")
    with pytest.raises(EngineError, match="/nowhere/python does not exist"):
        install(nothing_installed / "bin", Path("/nowhere/python"))


def test_a_failed_build_leaves_nothing_and_tells_its_last_lines(
    nothing_installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = _executable(
        nothing_installed / "go" / "go", "#!/bin/sh\n[ $1 = env ] && echo go1.30 || { echo boom; exit 2; }\n"
    )
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    said: list[str] = []
    with pytest.raises(EngineError, match=r"exit 2.*\nboom"):
        ensure_engine(said.append)
    assert said == ["building pulumi (minutes, once)"]
    assert list((layout.CACHE / "engine" / ENGINE_VERSION).iterdir()) == []


def test_a_build_appears_whole(nothing_installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = """#!/bin/sh
    [ "$1" = env ] && { echo go1.30; exit; }
    while [ "$1" != -o ]; do shift; done
    echo "$GOTOOLCHAIN" > "$2"
    """
    go = _executable(nothing_installed / "go" / "go", script)
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    said: list[str] = []
    built = ensure_engine(said.append)
    assert built.read_text() == "auto\n"
    assert said == ["building pulumi (minutes, once)"]
    assert [each.name for each in built.parent.iterdir()] == ["pulumi"]


def test_a_go_that_is_too_old_is_passed_over(nothing_installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = _executable(nothing_installed / "old" / "go", "#!/bin/sh\necho go1.19.8\n")
    monkeypatch.setattr(build.shutil, "which", lambda _: str(old))
    monkeypatch.setattr(build, "GO_PLACES", ())
    assert build._find_go() is None
