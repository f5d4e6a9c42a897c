"""The same bytes from every checkout: what one operator deploys is no change for the next."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from auren_infra.files.directory import pack
from tests.tree import NOT_COMMITTED, ROOT

WINDOWS = ("-c", "core.autocrlf=true", "-c", "core.eol=crlf")
"""Git's own settings where it is installed on Windows, and the worst that somebody may have chosen."""


def _git(directory: Path, *arguments: str, data: str = "") -> str:
    # Nothing of whoever runs the tests: neither their settings nor their attributes.
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1"}
    environment["XDG_CONFIG_HOME"] = os.devnull
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        environment.pop(name, None)
    command = ["git", "-C", str(directory), *arguments]
    return subprocess.run(
        command, input=data, check=True, capture_output=True, text=True, timeout=60, env=environment
    ).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """This tree as it is now, with some website and SQL in it, committed by somebody whose git converts nothing."""
    made = tmp_path / "repository"
    shutil.copytree(ROOT, made, symlinks=True, ignore=shutil.ignore_patterns(*NOT_COMMITTED))
    for folder in ("website", "website/.well-known", "sql/init"):
        (made / folder).mkdir(parents=True, exist_ok=True)
        (made / folder / "unix.txt").write_bytes(b"one\ntwo\n")
        (made / folder / "windows.txt").write_bytes(b"one\r\ntwo\r\n")
        (made / folder / "mixed.js").write_bytes(b"one\r\ntwo\nthree")
        (made / folder / "image.png").write_bytes(bytes(range(256)))
        (made / folder / "page.svg").write_bytes(b"<svg>\n</svg>\n")
    _git(made, "init", "--quiet")
    _git(made, "-c", "core.autocrlf=false", "add", "--all")
    _git(made, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "--quiet", "--message=All")
    return made


def _files(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(directory).parts
    }


@pytest.mark.parametrize("settings", [(), WINDOWS], ids=["unix", "windows"])
def test_a_clone_has_the_bytes_that_were_committed(repository: Path, tmp_path: Path, settings: tuple[str, ...]) -> None:
    _git(tmp_path, *settings, "clone", "--quiet", str(repository), "clone")
    clone = tmp_path / "clone"
    committed, cloned = _files(repository), _files(clone)
    assert len(committed) > 300
    assert sorted(cloned) == sorted(committed)
    assert [name for name in committed if cloned[name] != committed[name]] == []
    for directory in ("website", "sql/init"):
        assert pack(clone / directory) == pack(repository / directory)


def test_a_commit_from_windows_changes_nothing(repository: Path, tmp_path: Path) -> None:
    _git(tmp_path, *WINDOWS, "clone", "--quiet", str(repository), "clone")
    clone = tmp_path / "clone"
    for name in ("website/unix.txt", "website/windows.txt", "sql/init/mixed.js", "README.md"):
        (clone / name).touch()
    _git(clone, *WINDOWS, "add", "--all", "--renormalize")
    assert _git(clone, *WINDOWS, "status", "--porcelain") == ""
