"""Jars: from the mirror that this machine's Maven would take, each the one that was pinned, each fetched once."""

import hashlib
from pathlib import Path

import httpx
import pytest

from sandbox.images import jars
from sandbox.images.jars import CENTRAL, fetch_jars, read_listing, repository_url
from sandbox.images.recipe import HERE, ImageBuildError

SETTINGS = """<settings{namespace}><mirrors>
  <mirror><id>blocker</id><mirrorOf>*</mirrorOf><url>http://0.0.0.0/</url><blocked>true</blocked></mirror>
  <mirror><id>other</id><mirrorOf>jcenter,*,!central</mirrorOf><url>https://other.test/</url></mirror>
  <mirror><id>own</id><mirrorOf>{of}</mirrorOf><url> https://own.test/maven/ </url></mirror>
</mirrors></settings>"""


@pytest.fixture(autouse=True)
def own_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(jars, "CACHE", tmp_path / "cache")
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setenv("MAVEN_MIRROR_URL", "https://mirror.test/maven2")


class Repository:
    """Answers as a Maven repository would; `answers` by path, a status for what has no body."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: dict[str, list[bytes | int]]) -> None:
        self.asked: list[str] = []
        self._answers = answers
        transport, client = httpx.MockTransport(self._answer), httpx.Client
        monkeypatch.setattr(httpx, "Client", lambda **_: client(transport=transport))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        answer = self._answers[request.url.path].pop(0)
        return httpx.Response(answer) if isinstance(answer, int) else httpx.Response(200, content=answer)


def listing(folder: Path, content: bytes = b"classes") -> Path:
    file = folder / "jars.txt"
    file.write_text(f"# why\norg.example.own:thing:1.0 {hashlib.sha256(content).hexdigest()}\n")
    return file


PATH = "/maven2/org/example/own/thing/1.0/thing-1.0.jar"


def test_a_jar_is_fetched_once_and_after_a_fault_that_passes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    repository = Repository(monkeypatch, {PATH: [503, 429, b"classes"]})
    for target in (tmp_path / "one", tmp_path / "two"):
        fetch_jars(listing(tmp_path), target)
        assert [(file.name, file.read_bytes()) for file in target.iterdir()] == [("thing-1.0.jar", b"classes")]
    assert repository.asked == [f"https://mirror.test{PATH}"] * 3


def test_a_jar_that_was_cut_in_the_cache_is_fetched_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Repository(monkeypatch, {PATH: [b"classes", b"classes"]})
    fetch_jars(listing(tmp_path), tmp_path / "one")
    (cached,) = jars.CACHE.iterdir()
    cached.write_bytes(b"cla")
    fetch_jars(listing(tmp_path), tmp_path / "two")
    assert (tmp_path / "two/thing-1.0.jar").read_bytes() == b"classes"


@pytest.mark.parametrize(("answer", "told"), [(b"other classes", "do not use it"), (404, "404 Not Found")])
def test_another_jar_or_none_ends_the_build(
    answer: bytes | int, told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Repository(monkeypatch, {PATH: [answer]})
    with pytest.raises(ImageBuildError, match=told):
        fetch_jars(listing(tmp_path), tmp_path / "one")
    assert not (tmp_path / "one").exists()
    assert list(jars.CACHE.iterdir()) == []


@pytest.mark.parametrize("namespace", ["", ' xmlns="http://maven.apache.org/SETTINGS/1.2.0"'])
@pytest.mark.parametrize("of", ["*", "external:*", "central", "jcenter, central"])
def test_mavens_settings_name_the_mirror(
    namespace: str, of: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = tmp_path / "settings.xml"
    settings.write_text(SETTINGS.format(namespace=namespace, of=of))
    assert repository_url(settings) == "https://mirror.test/maven2"
    monkeypatch.delenv("MAVEN_MIRROR_URL")
    assert repository_url(settings) == "https://own.test/maven"


def test_without_a_mirror_it_is_central_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MAVEN_MIRROR_URL")
    settings = tmp_path / "settings.xml"
    assert repository_url(settings) == CENTRAL
    settings.write_text(SETTINGS.format(namespace="", of="jcenter"))
    assert repository_url(settings) == CENTRAL
    settings.write_text("<settings>")
    with pytest.raises(ImageBuildError, match=r"settings\.xml cannot be read.*MAVEN_MIRROR_URL"):
        repository_url(settings)


def test_kafkas_listing_has_no_two_jars_of_one_name() -> None:
    """They end in one directory."""
    kafkas = read_listing((HERE / "kafka/jars.txt").read_text())
    assert len({jar.name for jar in kafkas}) == len(kafkas) > 50
    assert all(len(jar.sha256) == 64 for jar in kafkas)
