"""Which files of a directory are sent, and what is said about those that cannot be."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auren_infra import contents as module
from auren_infra.contents import contents, name_fault

NOBODY = 65534


@pytest.fixture
def website(tmp_path: Path) -> Path:
    folder = tmp_path / "website"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>AUREN</title>")
    (folder / "assets/app.js").write_text("let a;")
    return folder


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A directory of somebody who is not root, and the test as this person."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        if os.geteuid():
            yield folder
            return
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            os.seteuid(0)


def _files(folder: Path) -> dict[str, str]:
    """What is sent of a directory without a fault."""
    found = contents(folder)
    assert found.faults == ()
    assert found.size == sum(file.stat().st_size for file in found.files.values())
    return {path: file.read_text() for path, file in found.files.items()}


def _fault(folder: Path) -> str:
    faults = contents(folder).faults
    assert len(faults) == 1, faults
    return faults[0]


PLAIN = {"assets/app.js": "let a;", "index.html": "<title>AUREN</title>"}


def test_the_well_known_files_of_a_website_are_sent_and_nothing_else_that_is_hidden(website: Path) -> None:
    for path in (
        ".well-known/security.txt",
        ".well-known/acme-challenge/token",
        ".well-known/.htaccess",
        ".git/config",
        ".env",
        "assets/.DS_Store",
        "assets/.well-known/security.txt",
        ".well-known.bak/security.txt",
    ):
        (website / path).parent.mkdir(parents=True, exist_ok=True)
        (website / path).write_text("x")
    assert _files(website) == {".well-known/acme-challenge/token": "x", ".well-known/security.txt": "x", **PLAIN}


def test_a_link_inside_the_directory_is_followed(website: Path) -> None:
    (website / "app.js").symlink_to("assets/app.js")
    (website / "static").symlink_to("assets")
    (website / "absolute.js").symlink_to(website / "assets/app.js")
    (website / "twice.js").symlink_to("app.js")
    (website / "out-and-in.js").symlink_to(f"../{website.name}/assets/app.js")
    followed = ("absolute.js", "app.js", "out-and-in.js", "static/app.js", "twice.js")
    assert _files(website) == PLAIN | dict.fromkeys(followed, "let a;")


def test_a_directory_that_is_itself_reached_by_a_link_is_read(website: Path, tmp_path: Path) -> None:
    (website / "app.js").symlink_to("assets/app.js")
    (tmp_path / "current").symlink_to("website")
    assert _files(tmp_path / "current") == PLAIN | {"app.js": "let a;"}


@pytest.mark.parametrize(
    ("link", "target", "reason"),
    [
        ("host.txt", "/etc/hostname", "is a symbolic link to '/etc/hostname', which is outside of the directory"),
        ("real", "../real-assets", "is a symbolic link to '../real-assets', which is outside of the directory"),
        ("site", "../website-2", "is a symbolic link to '../website-2', which is outside of the directory"),
        ("up", "..", "is a symbolic link to '..', which is outside of the directory"),
        ("gone.js", "nowhere.js", "is a symbolic link to 'nowhere.js', which does not exist"),
        ("gone.js", "index.html/x", "is a symbolic link to 'index.html/x', which cannot be followed (Not a directory)"),
        ("self", "self", "is a symbolic link to 'self', which cannot be followed (Too many levels of symbolic links)"),
        ("all", ".", "is a symbolic link to a directory that it is in"),
        ("assets/up", "..", "is a symbolic link to a directory that it is in"),
        ("env.txt", ".env", "is a symbolic link to '.env', which is hidden, and hidden files are not sent"),
    ],
)
def test_a_link_that_cannot_be_followed_is_refused_by_its_name(
    website: Path, tmp_path: Path, link: str, target: str, reason: str
) -> None:
    for folder in ("real-assets", "website-2"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "secret.txt").write_text("x")
    (website / ".env").write_text("x")
    (website / link).symlink_to(target)
    assert _fault(website).startswith(f"{link} {reason}")


def test_directories_that_lead_to_each_other_are_refused(website: Path) -> None:
    (website / "one").mkdir()
    (website / "two").mkdir()
    (website / "one/two").symlink_to("../two")
    (website / "two/one").symlink_to("../one")
    faults = contents(website).faults
    assert [fault.split(" ")[0] for fault in faults] == ["one/two/one", "two/one/two"]


def test_links_that_multiply_come_to_an_end(website: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty directories with two links each to the next are a thousand million."""
    monkeypatch.setattr(module, "MOST_ENTRIES", 500)
    for level in range(30):
        (website / f"level-{level}").mkdir()
        for name in ("a", "b"):
            (website / f"level-{level}" / name).symlink_to(f"../level-{level + 1}")
    (website / "level-30").mkdir()
    assert "it holds more than 500 files and directories" in _fault(website)


def test_as_many_entries_as_are_allowed_are_sent(website: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ENTRIES", 3)  # index.html, assets, assets/app.js
    assert _files(website) == PLAIN
    (website / "one-more.js").touch()
    assert _fault(website).startswith("it holds more than 3 files and directories; name a directory that holds only")


def test_what_is_neither_file_nor_directory_is_refused_by_its_name(website: Path) -> None:
    os.mkfifo(website / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(website / "assets/socket"))
    (website / "null").symlink_to("pipe")
    reason = "is a socket, a pipe or a device; remove it"
    assert contents(website).faults == tuple(f"{name} {reason}" for name in ("assets/socket", "null", "pipe"))


def test_what_cannot_be_read_is_refused_by_its_name(unprivileged: Path) -> None:
    (unprivileged / "closed").mkdir()
    (unprivileged / "index.html").touch()
    (unprivileged / "secret.js").touch(mode=0o200)
    (unprivileged / "unlisted").mkdir(mode=0o711)
    (unprivileged / "unlisted").chmod(0o311)
    (unprivileged / "closed").chmod(0o000)
    found = contents(unprivileged)
    (unprivileged / "closed").chmod(0o700)
    assert list(found.files) == ["index.html"]
    reason = "cannot be read (Permission denied); let whoever runs `pulumi up` read it"
    assert found.faults == tuple(f"{name} {reason}" for name in ("closed", "secret.js", "unlisted"))


def test_names_that_differ_in_case_alone_are_two_files(website: Path) -> None:
    """As they are on the machine, whose file system is ext4."""
    for name in ("Logo.svg", "logo.svg"):
        (website / name).write_text(name)
    assert _files(website) == PLAIN | {"Logo.svg": "Logo.svg", "logo.svg": "logo.svg"}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("a\tb", "has a character in its name that cannot be printed"),
        ("a\nb", "has a character in its name that cannot be printed"),
        ("a\rb", "has a character in its name that cannot be printed"),
        ("a/b\x7f/c", "has a character in its name that cannot be printed"),
        ("a\udc80b", "has a character in its name that cannot be printed"),
        ("a\u2028b", "has a character in its name that cannot be printed"),
        ("b" * 255, ""),
        ("b" * 256, "has a name of more than 255 bytes; rename it"),
        ("\u4e2d" * 86, "has a name of more than 255 bytes; rename it"),
        ("/".join(["d" * 200] * 4) + "/" + "f" * 196, ""),
        ("/".join(["d" * 200] * 4) + "/" + "f" * 197, "has a path of more than 1,000 bytes; rename it, or a directory"),
        ("a b", ""),
        ("back\\slash", ""),
        ("-rf", ""),
        ("\u00e4\u4e2d.js", ""),
    ],
)
def test_a_name_that_no_machine_or_script_could_take_is_refused(path: str, reason: str) -> None:
    assert name_fault(path).startswith(reason)
    assert bool(name_fault(path)) == bool(reason)


@given(st.text())
def test_a_name_that_is_taken_is_one_field_of_one_line(name: str) -> None:
    if not name_fault(name):
        assert f"{name}\tx\n".splitlines() == [f"{name}\tx"]
        assert name.split("\t") == [name]
        name.encode()


def test_a_name_that_cannot_be_printed_is_shown_as_python_writes_it(website: Path) -> None:
    (website / "a\udc80\nb").mkdir()
    (website / "a\udc80\nb/file").touch()
    assert _fault(website) == "'a\\udc80\\nb' has a character in its name that cannot be printed; rename it"
