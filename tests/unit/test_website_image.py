"""`website=IMAGE` in `auren:images`: the website's files come from the image, and from no directory of the project."""

import json
import shlex

import pytest

from auren_infra.admission import admit
from auren_infra.contents import MOST_ENTRIES, MOST_MEGABYTES_OF_IMAGE
from auren_infra.services.model import IMAGE_FILES
from auren_infra.settings import SettingsError
from tests.unit.configuration import COMPLETE, DASHBOARD, DIGEST, WITH_WEBSITE, blueprint, engine_values
from tests.unit.rehearsal import NAME, Registration, Rehearsal, deploy

OF_IMAGE = {"website": "website", "images": WITH_WEBSITE}


def _arguments(command: Registration) -> list[str]:
    words = shlex.split(command.inputs["create"])
    return words[words.index("--") + 1 :]


@pytest.fixture(scope="module")
def of_image() -> Rehearsal:
    return deploy(website="website", images=WITH_WEBSITE)


def test_only_the_reference_of_the_image_is_sent(of_image: Rehearsal) -> None:
    website = of_image.command("website")
    limits = [str(MOST_ENTRIES), str(MOST_MEGABYTES_OF_IMAGE)]
    assert _arguments(website) == ["/opt/auren/website", DASHBOARD, IMAGE_FILES, *limits]
    assert website.inputs["stdin"].endswith('main "$@"; exit\n'), "no file goes through the state"


def test_it_is_pulled_when_docker_and_the_logins_are_there_and_before_nginx_starts(of_image: Rehearsal) -> None:
    names = {each.urn: each.name.removeprefix(f"{NAME}-") for each in of_image.resources}
    before = {names[urn] for urn in of_image.command("website").dependencies}
    assert before >= {"data-disk", "network", "registries"}
    assert "website" in {names[urn] for urn in of_image.command("nginx").dependencies}


def test_no_service_has_another_release_for_it(of_image: Rehearsal, update: Rehearsal) -> None:
    """So no container restarts or reloads."""
    for service in blueprint().by_name:
        one, other = (each.command(f"{service}-release").inputs["stdin"] for each in (of_image, update))
        assert one == other


def test_without_it_the_directory_is_sent(update: Rehearsal) -> None:
    assert _arguments(update.command("website")) == ["/opt/auren/website", "release"]
    assert "index.html\t" in update.command("website").inputs["stdin"]


def test_the_directory_need_not_be_there(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("project"))
    (mount,) = admit("prod", engine_values({**COMPLETE, **OF_IMAGE})).by_name["nginx"].directories
    assert mount.image == DASHBOARD


def test_a_website_of_two_places_is_refused() -> None:
    with pytest.raises(SettingsError) as refused:
        admit("prod", engine_values({**COMPLETE, "images": WITH_WEBSITE}))
    said = "auren:website: the website comes from the image in auren:images; remove this setting, or that entry"
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("registry.auren.test/d:1.0", "website: registry.auren.test/d:1.0 has no digest, and a tag can be moved"),
        ("registry.auren.test/d", "website: name a tag other than latest, or a digest"),
        (f"registry.local/d@{DIGEST}", "website: no droplet reaches registry.local"),
        (f"d@{DIGEST}", f"website: 'd@{DIGEST}' is not REGISTRY/REPOSITORY:TAG[@sha256:DIGEST]"),
    ],
)
def test_an_image_that_could_change_or_that_no_machine_reaches_is_refused(image: str, said: str) -> None:
    images = json.dumps([*json.loads(COMPLETE["images"]), f"website={image}"])
    with pytest.raises(SettingsError) as refused:
        admit("prod", engine_values({**COMPLETE, "website": "website", "images": images}))
    assert f"The configuration has 1 fault; nothing was touched.\n  auren:images: {said}" in str(refused.value)


def test_only_a_directory_that_is_released_comes_from_an_image() -> None:
    images = json.loads(WITH_WEBSITE)
    with pytest.raises(SettingsError, match="there is no service 'sql/init'"):
        admit("prod", engine_values({**COMPLETE, "images": json.dumps([*images, f"sql/init={DASHBOARD}"])}))
    assert [each.image for each in blueprint(**OF_IMAGE).by_name["postgres"].directories] == [""]
