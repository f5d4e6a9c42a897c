"""The locks: exact versions and hashes of all packages, fitting the requirements files that they are made from."""

import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = {
    "requirements.lock": ("requirements.txt",),
    "sandbox/requirements.lock": ("requirements.txt", "sandbox/requirements.txt"),
    "requirements-dev.lock": ("requirements-dev.txt",),
}
REPAIR = "run `make lock`, and commit what it changes"


@dataclass(frozen=True)
class Locked:
    version: str
    extras: frozenset[str]
    marker: str
    hashes: tuple[str, ...]


def locked(name: str) -> dict[str, list[Locked]]:
    """What a lock holds by package: more than one, where systems or Pythons differ."""
    text = re.sub(r"^ *#.*\n", "", (ROOT / name).read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found: dict[str, list[Locked]] = {}
    for line in text.splitlines():
        package, *hashes = re.split(r"\s+--hash=", line)
        requirement = Requirement(package)
        (pin,) = requirement.specifier
        assert pin.operator == "=="
        entry = Locked(
            pin.version,
            frozenset(requirement.extras),
            str(requirement.marker or ""),
            tuple(each.strip() for each in hashes),
        )
        found.setdefault(canonicalize_name(requirement.name), []).append(entry)
    return found


def required(*names: str) -> list[Requirement]:
    """What requirements files name, with those that they include."""
    found: list[Requirement] = []
    for name in names:
        for line in (ROOT / name).read_text().splitlines():
            text = line.partition("#")[0].strip()
            if text.startswith("-r "):
                found += required(text.removeprefix("-r ").strip())
            elif text:
                found.append(Requirement(text))
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_locked_with_hashes(name: str) -> None:
    for package, entries in locked(name).items():
        for entry in entries:
            assert entry.hashes, package
            assert all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in entry.hashes), package


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_the_versions_of_its_requirements(name: str) -> None:
    lock = locked(name)
    for requirement in required(*LOCKS[name]):
        (entry,) = lock[canonicalize_name(requirement.name)]
        assert str(requirement.specifier) == f"=={entry.version}", f"{requirement.name}: {REPAIR}"


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_what_its_requirements_need_and_nothing_else(name: str) -> None:
    """By what the installed packages say of themselves, on this system and this Python."""
    needed: dict[str, set[str]] = {}
    left = [(requirement.name, frozenset(requirement.extras)) for requirement in required(*LOCKS[name])]
    seen: set[tuple[str, frozenset[str]]] = set()
    while left:
        package, extras = left.pop()
        if (package, extras) in seen:
            continue
        seen.add((package, extras))
        needed.setdefault(canonicalize_name(package), set()).update(extras)
        for text in metadata.requires(package) or []:
            requirement = Requirement(text)
            environments = [{**default_environment(), "extra": extra} for extra in ("", *extras)]
            marker = requirement.marker
            if marker is None or any(marker.evaluate(environment) for environment in environments):
                left.append((requirement.name, frozenset(requirement.extras)))
    here = {
        package
        for package, entries in locked(name).items()
        if any(not each.marker or Requirement(f"x; {each.marker}").marker.evaluate() for each in entries)  # type: ignore[union-attr]
    }
    assert set(needed) == here, REPAIR
    # Without its extras, pip takes the newest version of a package and then refuses it for its missing hash.
    assert {package: extras for package, extras in needed.items() if extras} == {
        package: set(entry.extras) for package, entries in locked(name).items() for entry in entries if entry.extras
    }, REPAIR


def test_all_locks_have_the_same_versions() -> None:
    largest = locked("requirements-dev.lock")
    for name in LOCKS:
        for package, entries in locked(name).items():
            assert {each.version for each in entries} <= {each.version for each in largest[package]}, (
                f"{name}: {REPAIR}"
            )


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_registry(name: str) -> None:
    assert not re.search(r"://|index-url|find-links|trusted-host", (ROOT / name).read_text())


def test_only_locked_packages_are_installed() -> None:
    """An image's own requirements are fetched by the sandbox; all other places install from a lock."""
    places = [ROOT / "Makefile", *(ROOT / ".github").rglob("*.yml"), ROOT / ".ci" / "run"]
    installed = [line for place in places for line in place.read_text().splitlines() if "pip install" in line]
    assert len(installed) >= 4
    for line in installed:
        assert re.search(r"--require-hashes -r \S*requirements\S*\.lock", line), line
