"""put_image_tree.sh: the files of an image are published as a website's release, or what was there is served on."""

import hashlib
import os
import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from auren_infra.host.expected import TreeOfImage
from auren_infra.host.orders import PutImageTree
from tests.unit.host.bench import Bench
from tests.unit.host.test_website import NAMES, WEBSITE

DOCKER = r"""
case "$*" in
"image inspect --format {{.Id}} "*)
    status=0
    for name in "${@:5}"; do
        if [ -d "$state/here/${name##*:}" ]; then echo "sha256:${name##*:}"; else status=1; fi
    done
    exit "$status" ;;
"pull --quiet "*)
    echo "$DOCKER_CONFIG" >"$state/logins"
    [ -d "$state/registry/${3##*:}" ] || { echo "manifest unknown" >&2; exit 1; }
    mkdir -p "$state/here"
    cp -a "$state/registry/${3##*:}" "$state/here/" ;;
"create --pull never --network none --name auren-image-of-website "*" none")
    [ ! -e "$state/container" ] || { echo "the name is in use" >&2; exit 1; }
    echo "${8##*:}" >"$state/container" ;;
"cp auren-image-of-website:/website/. "*)
    files=$state/here/$(cat "$state/container")/website
    [ -d "$files" ] || { echo "Could not find the file /website in container" >&2; exit 1; }
    cp -a "$files/." "$3" ;;
"rm --force --volumes auren-image-of-website") rm -f "$state/container" ;;
"image inspect --format {{with .Config.Labels}}"*) echo "commit-of-${5: -1}" ;;
"image rm "*) rm -r "$state/here/${3##*:}" ;;
*) echo "not expected: docker $*" >&2; exit 98 ;;
esac
"""
"""An image is a directory, by its digest: in the registry, and here once it was pulled."""


@pytest.fixture
def engine(bench: Bench) -> Bench:
    bench.stub("docker", DOCKER)
    bench.path("/mnt/auren-data").mkdir()
    return bench


def _image(bench: Bench, name: str, **files: str) -> str:
    """An image in the registry, with these files in its directory."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    for path, text in files.items():
        file = _files(bench, name) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return f"ghcr.io/auren-ai/auren-dashboard@sha256:{digest}"


def _files(bench: Bench, name: str) -> Path:
    return bench.root / "state/registry" / hashlib.sha256(name.encode()).hexdigest() / "website"


def _try(bench: Bench, image: str, *, entries: int = 100, megabytes: int = 1) -> tuple[int, str, str]:
    order = PutImageTree(str(bench.path(WEBSITE)), image, "/website", entries, megabytes)
    done = bench.run("put_image_tree", *order.arguments())
    assert not (bench.root / "state/container").exists(), "no container is left, whatever happened"
    assert list(bench.path("/tmp").iterdir()) == []
    assert not bench.path(f"{WEBSITE}/releases/.new").exists()
    return done.returncode, done.stdout, done.stderr


def _put(bench: Bench, image: str) -> str:
    """What is printed."""
    status, said, errors = _try(bench, image)
    assert (status, errors) == (0, "")
    return said


def _served(bench: Bench, link: str = "current") -> dict[str, str]:
    root = bench.path(f"{WEBSITE}/{link}")
    return {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*") if path.is_file()}


def _here(bench: Bench) -> set[str]:
    """The images on the machine."""
    return {f"ghcr.io/auren-ai/auren-dashboard@sha256:{path.name}" for path in (bench.root / "state/here").iterdir()}


def _manifest(bench: Bench) -> str:
    release = bench.path(f"{WEBSITE}/current").readlink().name
    return bench.path(f"{WEBSITE}/releases/{release}.manifest").read_text()


def test_the_files_of_an_image_are_served_and_those_before_stay_at_hand(engine: Bench) -> None:
    _put(engine, _image(engine, "1", **{"index.html": "1", "assets/app-1a2b3c4d.js": "1"}))
    _put(engine, _image(engine, "2", **{"index.html": "2", "assets/app-5e6f7a8b.js": "2"}))
    assert _served(engine) == {"index.html": "2", "assets/app-5e6f7a8b.js": "2"}
    assert _served(engine, "previous") == {"index.html": "1", "assets/app-1a2b3c4d.js": "1"}
    _put(engine, _image(engine, "3", **{"index.html": "3"}))
    releases = {path.name.partition(".")[0] for path in engine.path(f"{WEBSITE}/releases").iterdir()}
    assert len(releases) == 2, "what is older goes"


def test_an_image_is_pulled_once_with_the_logins_of_the_registries(engine: Bench) -> None:
    image = _image(engine, "1", **{"index.html": "1"})
    for _ in range(2):
        _put(engine, image)
    assert engine.calls("docker pull") == [f"docker pull --quiet {image}"]
    assert (engine.root / "state/logins").read_text() == f"{engine.path('/etc/auren/registries')}\n"


def test_the_images_of_both_releases_stay_and_an_older_one_goes(engine: Bench) -> None:
    """So the way back to the release before needs no registry."""
    first, second, third = (_image(engine, name, **{"index.html": name}) for name in "123")
    for image in (first, second, third):
        _put(engine, image)
    assert _here(engine) == {second, third}
    engine.forget_calls()
    _put(engine, second)
    assert engine.calls("docker pull") == []
    assert (_served(engine), _served(engine, "previous")) == ({"index.html": "2"}, {"index.html": "3"})


def test_an_image_that_a_service_runs_stays(engine: Bench) -> None:
    first, second, third = (_image(engine, name, **{"index.html": name}) for name in "123")
    compose = engine.path("/opt/auren/services/nginx/releases/0815/compose.yml")
    compose.parent.mkdir(parents=True)
    compose.write_text(f"services:\n  nginx:\n    image: {first}\n")
    for image in (first, second, third):
        _put(engine, image)
    assert _here(engine) == {first, second, third}


def test_another_image_of_the_same_files_is_no_other_release(engine: Bench) -> None:
    before = _image(engine, "before", **{"index.html": "0"})
    _put(engine, before)
    first, same = (_image(engine, name, **{"index.html": "1"}) for name in ("first", "same"))
    _put(engine, first)
    _put(engine, same)
    assert _served(engine, "previous") == {"index.html": "0"}
    assert _manifest(engine).startswith(f"image {same}\n")
    assert _here(engine) == {before, same}


def test_the_manifest_has_each_file_and_its_digest_is_printed(engine: Bench) -> None:
    names = {*NAMES, "index.html"}
    image = _image(engine, "1", **{name: name for name in names})
    said = _put(engine, image)
    assert said.startswith(f"{len(names)} files of {image}, manifest ")
    manifest = _manifest(engine)
    assert PutImageTree.manifest(said) == hashlib.sha256(manifest.encode()).hexdigest()
    directory = str(engine.path(WEBSITE))
    tree = TreeOfImage("", directory, image, None)
    assert {one.path: one.digest for one in tree.files(manifest)} == {
        f"{directory}/current/{name}": hashlib.sha256(name.encode()).hexdigest() for name in names
    }
    assert _served(engine) == {name: name for name in names}


def _history(bench: Bench) -> list[tuple[str, ...]]:
    """Without the times and the addresses."""
    lines = bench.path("/mnt/auren-data/history").read_text().splitlines()
    return [tuple(line.split("\t")[1:-1]) for line in lines]


def test_each_release_and_each_refusal_has_a_line_in_the_history(engine: Bench) -> None:
    good, bad = _image(engine, "1", **{"index.html": "1"}), _image(engine, "2", **{"start.html": "2"})
    for image in (good, good, bad, good):
        _try(engine, image)
    release = engine.path(f"{WEBSITE}/current").readlink().name
    commit = f"commit-of-{good[-1]}"
    accepted = ("website", release, "accepted", good, commit)
    assert _history(engine) == [accepted, ("website", "-", "refused", bad, "-")]
    packed = f"index.html\t{b64encode(b'0').decode()}\n"
    engine.run("put_tree", str(engine.path(WEBSITE)), "release", data=packed)
    _put(engine, good)
    assert _history(engine)[2:] == [accepted]


def test_a_line_that_a_cut_has_left_out_is_written_by_the_next_run(engine: Bench) -> None:
    image = _image(engine, "1", **{"index.html": "1"})
    _put(engine, image)
    engine.path("/mnt/auren-data/history").write_text("")
    _put(engine, image)
    assert [line[2] for line in _history(engine)] == ["accepted"]


@pytest.mark.parametrize("said", ["", "3 files", "manifest unknown\n", f", manifest {'0' * 63}\n"])
def test_what_was_printed_by_a_run_that_failed_has_no_digest(said: str) -> None:
    assert PutImageTree.manifest(said) is None


def test_a_build_that_gives_all_files_one_time_is_told_apart_by_browsers(engine: Bench) -> None:
    """nginx makes an ETag of a file's time and length: with the same of both, a browser keeps the page before."""
    image = _image(engine, "1", **{"index.html": "1"})
    os.utime(_files(engine, "1") / "index.html", (0, 0))
    _put(engine, image)
    assert engine.path(f"{WEBSITE}/current/index.html").stat().st_mtime > 1_700_000_000


def test_all_can_read_what_is_served_and_nobody_can_run_it(engine: Bench) -> None:
    image = _image(engine, "1", **{"index.html": "1", "assets/a.js": "1"})
    (_files(engine, "1") / "index.html").chmod(0o4700)
    (_files(engine, "1") / "assets").chmod(0o700)
    _put(engine, image)
    current = engine.path(f"{WEBSITE}/current")
    assert (current / "index.html").stat().st_mode & 0o7777 == 0o644
    assert (current / "assets").stat().st_mode & 0o7777 == 0o755


def test_nothing_hidden_is_served_but_the_well_known(engine: Bench) -> None:
    hidden = (".git/config", ".env", "assets/.map", "assets/.well-known/x", ".well-known/.hidden")
    shown = {"index.html": "1", ".well-known/security.txt": "1"}
    _put(engine, _image(engine, "1", **shown, **dict.fromkeys(hidden, "no")))
    assert _served(engine) == shown


def _without_index(files: Path) -> None:
    (files / "index.html").rename(files / "start.html")


def _with_names(*names: str) -> Callable[[Path], object]:
    def add(files: Path) -> None:
        for name in names:
            (files / name).parent.mkdir(parents=True, exist_ok=True)
            (files / name).write_text("x")

    return add


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no directory": (lambda files: files.rename(files.parent / "html"), "Its directory /website could not be copied."),
    "no index": (_without_index, "Its directory /website has no index.html."),
    "index is a directory": (
        lambda files: (_without_index(files), (files / "index.html").mkdir()),
        "Its directory /website has no index.html.",
    ),
    "a link that leads outside": (lambda files: (files / "etc").symlink_to("/etc"), "  etc\n"),
    "a link within": (lambda files: (files / "main.html").symlink_to("index.html"), "neither a file nor a directory"),
    "a pipe": (lambda files: os.mkfifo(files / "pipe"), "neither a file nor a directory"),
    "a line break": (_with_names("a\nb.js"), "  a?b.js\n"),
    "a tab": (_with_names("a\tb.js"), "too long or cannot be printed"),
    "a separator of lines": (_with_names("a\u2028b.js"), "too long or cannot be printed"),
    "a next line": (_with_names("a\x85b.js"), "too long or cannot be printed"),
    "no UTF-8": (_with_names("a\udcffb.js"), "  a?b.js\n"),
    "a long path": (_with_names("/".join(["d" * 200] * 5) + "/x"), "too long or cannot be printed"),
    "many files": (
        _with_names(*(f"{n}.js" for n in range(100))),
        "has 101 files and directories, and 100 is the most.",
    ),
    "much": (lambda files: (files / "film").write_bytes(b"x" * 2_000_000), "have 2 MB, and 1 MB is the most."),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_a_website_is_refused_and_the_one_before_is_served_on(engine: Bench, name: str) -> None:
    change, said = REFUSED[name]
    _put(engine, _image(engine, "1", **{"index.html": "1"}))
    releases = set(engine.path(f"{WEBSITE}/releases").iterdir())
    image = _image(engine, "2", **{"index.html": "2"})
    change(_files(engine, "2"))
    status, printed, errors = _try(engine, image)
    assert status == 1
    assert said in errors
    assert f"{image}: " in errors
    assert errors.endswith("What was published before is still served.\n")
    assert PutImageTree.manifest(printed) is None
    assert _served(engine) == {"index.html": "1"}
    assert set(engine.path(f"{WEBSITE}/releases").iterdir()) == releases
    assert image not in _here(engine)


def test_an_image_that_is_nowhere_is_refused_with_what_the_registry_said(engine: Bench) -> None:
    status, _, errors = _try(engine, _image(engine, "1"))
    assert status == 1
    assert errors.startswith("manifest unknown\n")
    assert "The image could not be pulled." in errors


def test_a_run_after_one_that_was_cut_starts_over(engine: Bench) -> None:
    image = _image(engine, "1", **{"index.html": "1"})
    left = engine.path(f"{WEBSITE}/releases/.new/left.html")
    left.parent.mkdir(parents=True)
    left.write_text("half")
    engine.state("container", "of another image")
    _put(engine, image)
    assert _served(engine) == {"index.html": "1"}


def test_a_website_that_was_not_whole_when_the_run_was_cut_is_made_whole(engine: Bench) -> None:
    _put(engine, _image(engine, "1", **{"index.html": "1"}))
    image = _image(engine, "2", **{"index.html": "2", "a.js": "2", "b.js": "2"})
    engine.stub("mv", 'case "$*" in *"/b.js") exit 1 ;; esac; PATH=${PATH#*:} mv "$@"')
    assert _try(engine, image)[0] == 1
    assert _served(engine) == {"index.html": "1"}
    (engine.root / "bin/mv").unlink()
    _put(engine, image)
    assert _served(engine) == {"index.html": "2", "a.js": "2", "b.js": "2"}


def test_what_a_hand_has_done_is_put_right_without_the_registry(engine: Bench) -> None:
    image = _image(engine, "1", **{"index.html": "1", "assets/a.js": "1", "b.js": "1"})
    said = _put(engine, image)
    current = engine.path(f"{WEBSITE}/current")
    (current / "index.html").write_text("other")
    (current / "assets/a.js").unlink()
    (current / "more.html").write_text("more")
    (current / "b.js").unlink()
    (current / "b.js").symlink_to("/etc/passwd")
    release = current.readlink().name
    engine.path(f"{WEBSITE}/releases/{release}.manifest").write_text("")
    engine.forget_calls()
    assert _put(engine, image) == said
    assert _served(engine) == {"index.html": "1", "assets/a.js": "1", "b.js": "1"}
    assert not (current / "b.js").is_symlink()
    assert hashlib.sha256(_manifest(engine).encode()).hexdigest() == PutImageTree.manifest(said)
    assert engine.calls("docker pull") == []


def test_a_website_comes_from_a_directory_then_from_an_image_and_back(engine: Bench) -> None:
    def put_directory(text: str) -> None:
        packed = f"index.html\t{b64encode(text.encode()).decode()}\n"
        done = engine.run("put_tree", str(engine.path(WEBSITE)), "release", data=packed)
        assert (done.returncode, done.stderr) == (0, "")

    put_directory("1")
    image = _image(engine, "2", **{"index.html": "2"})
    _put(engine, image)
    assert (_served(engine), _served(engine, "previous")) == ({"index.html": "2"}, {"index.html": "1"})
    put_directory("3")
    assert (_served(engine), _served(engine, "previous")) == ({"index.html": "3"}, {"index.html": "2"})
    assert _here(engine) == {image}
    put_directory("4")
    assert _here(engine) == set(), "no release came from it any more"
    kept = engine.path(f"{WEBSITE}/releases").iterdir()
    assert all(re.fullmatch("[0-9a-f]{16}", path.name) for path in kept)
