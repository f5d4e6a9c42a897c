"""Building: an unchanged tree builds nothing, and any change of a recipe is a new image."""

from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound
from docker.models.images import ImageCollection

from sandbox import registry
from sandbox.images import build_images
from sandbox.images.recipe import SERVICES, digest_of


def test_a_digest_changes_with_a_name_a_mode_a_content_and_a_word(tmp_path: Path) -> None:
    file = tmp_path / "a.sh"
    file.write_text("one")
    seen = {digest_of(tmp_path), digest_of(tmp_path, "word")}
    file.chmod(0o755)
    seen.add(digest_of(tmp_path))
    file.write_text("two")
    seen.add(digest_of(tmp_path))
    file.rename(tmp_path / "b.sh")
    seen.add(digest_of(tmp_path))
    assert len(seen) == 5
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/b.pyc").write_text("compiled")
    assert digest_of(tmp_path) in seen


@pytest.mark.machine
def test_an_unchanged_tree_builds_nothing(images: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(images) == set(SERVICES)
    monkeypatch.setattr(registry, "published_digest", lambda _name, _tag: None)
    said: list[str] = []
    assert build_images(said.append) == images
    assert said == []


@pytest.mark.machine
def test_an_image_that_the_registry_holds_is_not_built(images: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """After `make down` the daemon may be a new one; the registry's storage is in the cache."""

    def unknown(_: ImageCollection, name: str) -> None:
        raise ImageNotFound(name)

    monkeypatch.setattr(ImageCollection, "get", unknown)
    monkeypatch.setattr(registry, "published_digest", lambda _name, _tag: "sha256:" + "0" * 64)
    said: list[str] = []
    assert build_images(said.append) == images
    assert said == []


@pytest.mark.machine
def test_images_have_no_setuid_program(client: docker.DockerClient, images: dict[str, str]) -> None:
    search = ["find", "/", "-xdev", "-type", "f", "-perm", "/6000"]
    for service, image in images.items():
        found = client.containers.run(image, search, entrypoint="", remove=True, network_mode="none", user="0:0")
        assert found == b"", service
