"""A website that came from an image: the state does not know its files, and a changed one is found all the same."""

import json
from collections.abc import Callable
from hashlib import sha256

import pytest

from auren_infra import exported
from auren_infra.drift import compare
from auren_infra.drift.look import questions
from auren_infra.host.expected import Expected, expected
from tests.unit.configuration import DASHBOARD, ROOT, WITH_WEBSITE
from tests.unit.drift.case import OTHER
from tests.unit.drift.machine import KEY, NOW, Machine, as_deployed, export
from tests.unit.rehearsal import NAME, Rehearsal, deploy

WEBSITE = "/opt/auren/website"
CURRENT = f"{WEBSITE}/current"
INDEX = f"{CURRENT}/index.html"
OTHER_FILE = ("644", "0:0", "root:root", OTHER)
FILES = "".join(
    f"{sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted((ROOT / "website").iterdir())
)
MANIFEST = f"image {DASHBOARD}\n{FILES}"


@pytest.fixture(scope="module")
def of_image() -> Rehearsal:
    return deploy(website="website", images=WITH_WEBSITE)


def _expected(update: Rehearsal, printed: str) -> Expected:
    document = json.loads(export(update))
    (website,) = [each for each in document["deployment"]["resources"] if each["urn"].endswith(f"::{NAME}-website")]
    website["outputs"] = {"stdout": printed}
    return expected(exported.commands(exported.parse(json.dumps(document))))


@pytest.fixture
def wanted(of_image: Rehearsal) -> Expected:
    return _expected(of_image, f"3 files of {DASHBOARD}, manifest {sha256(MANIFEST.encode()).hexdigest()}\n")


@pytest.fixture
def machine(of_image: Rehearsal) -> Machine:
    machine = as_deployed(of_image)
    _list(machine, MANIFEST)
    return machine


def _list(machine: Machine, manifest: str) -> None:
    machine.texts["manifests"] = "".join(f"{WEBSITE}\t{line}\n" for line in manifest.splitlines())


def test_a_website_that_is_as_its_image_has_it_is_right(wanted: Expected, machine: Machine) -> None:
    assert compare.findings(wanted, machine.facts, KEY, NOW) == []
    assert f"\ntree {CURRENT}\nmanifest {WEBSITE}\n" in f"\n{questions(wanted, KEY)}"


def _edit_with_its_line(machine: Machine) -> None:
    """Whoever edits a page can edit the list as well."""
    machine.files[INDEX] = OTHER_FILE
    lines = [f"{OTHER}  index.html" if line.endswith("  index.html") else line for line in MANIFEST.splitlines()]
    _list(machine, "\n".join(lines))


OLD = DASHBOARD.replace("1.0@", "0.9@")
CASES: dict[str, tuple[Callable[[Machine], object], str, str]] = {
    "an edited page": (lambda m: m.files.update({INDEX: OTHER_FILE}), INDEX, "has another content than was deployed"),
    "a page that is gone": (lambda m: m.files.pop(INDEX), INDEX, "is gone"),
    "a page that all can write": (
        lambda m: m.files.update({INDEX: ("666", *m.files[INDEX][1:])}),
        INDEX,
        "has the mode 0666, not 0644",
    ),
    "a page that was added": (
        lambda m: m.files.update({f"{CURRENT}/phish/a b.html": OTHER_FILE}),
        f"{CURRENT}/phish/a b.html",
        "was not deployed",
    ),
    "a page that was edited with its line": (
        _edit_with_its_line,
        CURRENT,
        f"has another list of its files than came with {DASHBOARD}",
    ),
    "another image": (
        lambda m: _list(m, MANIFEST.replace(DASHBOARD, OLD)),
        CURRENT,
        f"has the files of {OLD}, not those of {DASHBOARD}",
    ),
    "a directory's release": (lambda m: _list(m, ""), CURRENT, f"has no files of an image, not those of {DASHBOARD}"),
}


@pytest.mark.parametrize("name", CASES)
def test_one_change_is_one_line_with_its_repair(wanted: Expected, machine: Machine, name: str) -> None:
    change, where, what = CASES[name]
    change(machine)
    (found,) = compare.findings(wanted, machine.facts, KEY, NOW)
    assert (found.where, found.what.partition(":")[0]) == (where, what.partition(":")[0])
    assert found.what.startswith(what)
    assert found.urn.endswith(f"::{NAME}-website")


def test_an_image_that_was_refused_is_not_on_the_machine(of_image: Rehearsal, machine: Machine) -> None:
    """The state has it after the update that failed, and its script has printed nothing."""
    _list(machine, MANIFEST.replace(DASHBOARD, OLD))
    (found,) = compare.findings(_expected(of_image, ""), machine.facts, KEY, NOW)
    assert found.what == f"has the files of {OLD}, not those of {DASHBOARD}"
