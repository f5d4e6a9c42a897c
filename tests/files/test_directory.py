"""A directory packed into lines."""

import os
from base64 import b64decode
from pathlib import Path

import pytest

from auren_infra.files.directory import pack


def _write(directory: Path, **files: bytes) -> None:
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _unpacked(text: str) -> dict[str, bytes]:
    return {path: b64decode(content) for path, content in (line.split("\t") for line in text.splitlines())}


def test_every_file_is_a_line_in_an_order_that_does_not_change(tmp_path: Path) -> None:
    """The order in which the file system lists them differs between machines: each would preview a change."""
    files = {"index.html": b"<html>", "z.js": b"", "assets/a.css": b"a{}", "assets/img/logo.svg": bytes(range(256))}
    _write(tmp_path, **files)
    packed = pack(tmp_path)
    assert [line.split("\t")[0] for line in packed.splitlines()] == sorted(files)
    assert _unpacked(packed) == files


def test_a_text_ends_with_a_line(tmp_path: Path) -> None:
    """`read` of the script drops a last line without an end."""
    _write(tmp_path, **{"index.html": b"x"})
    assert pack(tmp_path) == "index.html\teA==\n"


@pytest.mark.parametrize("hidden", [".env", ".git/config", "assets/.cache/secret", ".well-known/file"])
def test_hidden_files_are_not_served(tmp_path: Path, hidden: str) -> None:
    _write(tmp_path, **{"index.html": b"x", hidden: b"secret"})
    assert _unpacked(pack(tmp_path)) == {"index.html": b"x"}


def test_a_project_below_a_hidden_directory_has_a_website(tmp_path: Path) -> None:
    _write(tmp_path / ".worktree" / "site", **{"index.html": b"x"})
    assert _unpacked(pack(tmp_path / ".worktree" / "site")) == {"index.html": b"x"}


def test_times_and_modes_are_no_change(tmp_path: Path) -> None:
    _write(tmp_path, **{"index.html": b"x"})
    before = pack(tmp_path)
    (tmp_path / "index.html").chmod(0o600)
    os.utime(tmp_path / "index.html", (1, 1))
    assert pack(tmp_path) == before
