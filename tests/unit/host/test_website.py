"""A website's whole way to the machine: read, packed, and written by the script."""

from pathlib import Path

from auren_infra.files.directory import pack
from tests.unit.host.bench import Bench

NAMES = (
    ".well-known/security.txt",
    ".well-known/acme-challenge/token",
    "-rf",
    "a b .html",
    "back\\slash.js",
    "$(touch pwned).js",
    "quote'\"s.js",
    "*",
    "~",
    "#%3F?.js",
    "logo.svg",
    "Logo.svg",
    "über/中.js",
    "f" * 255,
    "/".join(["d" * 200] * 3) + "/file",
)


def test_every_file_that_is_accepted_arrives_under_its_name(bench: Bench, tmp_path: Path) -> None:
    source, target = tmp_path / "website", bench.path("/opt/auren/website")
    for name in NAMES:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    (source / "linked").symlink_to("über")
    for _ in range(2):
        done = bench.run("put_tree", str(target), data=pack(source))
        assert (done.returncode, done.stderr) == (0, "")
        there = {path.relative_to(target).as_posix(): path for path in target.rglob("*") if path.is_file()}
        assert there.keys() == {*NAMES, "linked/中.js"}
        assert all(there[name].read_text() == name for name in NAMES)
        assert not any(path.is_symlink() for path in target.rglob("*"))
