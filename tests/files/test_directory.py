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
    files = {
        "index.html": b"<html>",
        "z.js": b"",
        "assets-old/a.css": b"a{}",
        "assets/a.css": b"a{}",
        "assets/img/logo.svg": bytes(range(256)),
    }
    _write(tmp_path, **files)
    packed = pack(tmp_path)
    assert [line.split("\t")[0] for line in packed.splitlines()] == [
        "assets/a.css",
        "assets/img/logo.svg",
        "assets-old/a.css",
        "index.html",
        "z.js",
    ]
    assert _unpacked(packed) == files


def test_a_text_ends_with_a_line(tmp_path: Path) -> None:
    """`read` of the script drops a last line without an end."""
    _write(tmp_path, **{"index.html": b"x"})
    assert pack(tmp_path) == "index.html\teA==\n"


@pytest.mark.parametrize("hidden", [".env", ".git/config", "assets/.cache/secret"])
def test_hidden_files_are_not_packed(tmp_path: Path, hidden: str) -> None:
    _write(tmp_path, **{"index.html": b"x", hidden: b"secret"})
    assert _unpacked(pack(tmp_path)) == {"index.html": b"x"}


def test_a_directory_that_changed_after_its_validation_is_not_packed(tmp_path: Path) -> None:
    """A file that is left out in silence would be deleted on the machine."""
    _write(tmp_path, **{"index.html": b"x"})
    (tmp_path / "gone.js").symlink_to("nowhere")
    with pytest.raises(ValueError, match=r"changed since it was looked at: gone\.js is a symbolic link"):
        pack(tmp_path)


def test_a_project_below_a_hidden_directory_has_a_website(tmp_path: Path) -> None:
    _write(tmp_path / ".worktree" / "site", **{"index.html": b"x"})
    assert _unpacked(pack(tmp_path / ".worktree" / "site")) == {"index.html": b"x"}


def test_times_and_modes_are_no_change(tmp_path: Path) -> None:
    _write(tmp_path, **{"index.html": b"x"})
    before = pack(tmp_path)
    (tmp_path / "index.html").chmod(0o600)
    os.utime(tmp_path / "index.html", (1, 1))
    assert pack(tmp_path) == before
