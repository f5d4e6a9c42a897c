"""What the services of the rehearsal run is chosen once, and stays so until it is chosen anew."""

import json
import os
from pathlib import Path

import pytest

from sandbox import layout, lifecycle, stack_config
from sandbox.__main__ import main
from sandbox.images import Images


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stack_config, "IMAGES", tmp_path / "images.json")
    return tmp_path / "images.json"


def test_at_first_the_images_are_built_here(published: Path) -> None:
    assert lifecycle._services(None) == Images.BUILT.services


@pytest.mark.parametrize("before", Images)
@pytest.mark.parametrize("chosen", Images)
def test_a_choice_counts(published: Path, before: Images, chosen: Images) -> None:
    published.write_text(json.dumps(dict.fromkeys(before.services, "an image")))
    assert lifecycle._services(chosen.value) == chosen.services


@pytest.mark.parametrize("before", Images)
def test_without_a_choice_it_stays_as_it_was(published: Path, before: Images) -> None:
    published.write_text(json.dumps(dict.fromkeys(before.services, "an image")))
    assert lifecycle._services(None) == before.services


def test_what_an_older_version_published_is_built_anew(published: Path) -> None:
    published.write_text(json.dumps({"nginx": "an image"}))
    assert lifecycle._services(None) == Images.BUILT.services


def test_the_engine_alone_is_built_without_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs `make verify` may write below their cache, and neither to /var nor as root."""
    done: list[str] = []
    monkeypatch.setattr(layout, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(layout, "STATE", tmp_path / "state")
    monkeypatch.setattr(lifecycle, "LOGS", tmp_path / "state" / "logs")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(lifecycle, "_engine", lambda note: done.append("engine"))
    monkeypatch.setattr("sys.argv", ["sandbox", "engine"])
    assert main() == 0
    assert done == ["engine"]
    assert not (tmp_path / "state").exists()
