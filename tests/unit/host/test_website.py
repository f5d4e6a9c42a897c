"""A website's whole way to the machine: read, packed, and written by the script."""

from base64 import b64encode
from pathlib import Path

from auren_infra.files.directory import pack
from tests.unit.host.bench import Bench

WEBSITE = "/opt/auren/website"

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


def _put(bench: Bench, **files: str) -> str:
    """The website's release with these files; its id."""
    packed = "".join(f"{name}\t{b64encode(text.encode()).decode()}\n" for name, text in sorted(files.items()))
    done = bench.run("put_tree", str(bench.path(WEBSITE)), "release", data=packed)
    assert (done.returncode, done.stderr) == (0, "")
    return bench.path(f"{WEBSITE}/current").readlink().name


def _served(bench: Bench, name: str = "current") -> dict[str, str]:
    return {path.name: path.read_text() for path in bench.path(f"{WEBSITE}/{name}").iterdir()}


def test_a_website_is_replaced_in_one_step_and_the_one_before_stays_at_hand(bench: Bench) -> None:
    _put(bench, index="1", app_1="1")
    assert not bench.path(f"{WEBSITE}/previous").exists()
    _put(bench, index="2", app_2="2")
    assert (_served(bench), _served(bench, "previous")) == ({"index": "2", "app_2": "2"}, {"index": "1", "app_1": "1"})
    third = _put(bench, index="3")
    assert (_served(bench), _served(bench, "previous")) == ({"index": "3"}, {"index": "2", "app_2": "2"})
    assert len(list(bench.path(f"{WEBSITE}/releases").iterdir())) == 2, "what is older goes"
    assert _put(bench, index="3") == third
    assert _served(bench, "previous") == {"index": "2", "app_2": "2"}, "the same once more is no release"


def test_a_website_that_is_not_whole_is_not_served(bench: Bench) -> None:
    _put(bench, index="1")
    bench.stub("base64", "exit 1")
    done = bench.run("put_tree", str(bench.path(WEBSITE)), "release", data="index\tMg==\n")
    assert done.returncode != 0
    assert _served(bench) == {"index": "1"}


def test_what_a_hand_has_done_to_a_website_is_put_right(bench: Bench) -> None:
    _put(bench, index="0")
    _put(bench, index="1")
    current = bench.path(f"{WEBSITE}/current")
    (current / "index").write_text("other")
    (current / "more").write_text("x")
    _put(bench, index="1")
    assert _served(bench) == {"index": "1"}
    current.unlink()
    current.symlink_to("nowhere")
    _put(bench, index="1")
    assert _served(bench) == {"index": "1"}
