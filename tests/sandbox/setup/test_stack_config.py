"""The configuration in use: the project's file, this machine's images, and what somebody set by hand."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from auren_infra.blueprint import describe
from auren_infra.settings import load
from sandbox.images import Images
from sandbox.pulumi_stack import StackError, named
from sandbox.stack_config import StackConfigError, copy_salt, merge, refresh
from tests.unit.configuration import PINS


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


def write(project: Path, **config: Any) -> None:
    (project / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": {f"auren:{k}": v for k, v in config.items()}}))


def in_use(project: Path, state: Path) -> dict[str, Any]:
    content = yaml.safe_load(refresh("local", project, state).read_text())
    return {key.removeprefix("auren:"): value for key, value in content["config"].items()}


def by_hand(state: Path, key: str, value: Any) -> None:
    """As `pulumi config set` does."""
    file = state / "Pulumi.local.yaml"
    content = yaml.safe_load(file.read_text())
    content["encryptionsalt"] = "v1:salt"
    content["config"][f"auren:{key}"] = value
    file.write_text(yaml.safe_dump(content))


def test_a_change_in_the_projects_file_counts(project: Path, state: Path) -> None:
    write(project, size=1, region="nyc3")
    assert in_use(project, state) == {"size": 1, "region": "nyc3"}
    write(project, size=2)
    assert in_use(project, state) == {"size": 2}


def test_what_was_set_by_hand_stays(project: Path, state: Path) -> None:
    write(project, size=1)
    in_use(project, state)
    by_hand(state, "password", {"secure": "v1:cipher"})
    by_hand(state, "size", 3)
    assert in_use(project, state) == {"size": 3, "password": {"secure": "v1:cipher"}}
    assert yaml.safe_load((state / "Pulumi.local.yaml").read_text())["encryptionsalt"] == "v1:salt"


def test_a_later_change_in_the_projects_file_wins_over_a_hand(project: Path, state: Path) -> None:
    write(project, size=1)
    in_use(project, state)
    by_hand(state, "size", 3)
    write(project, size=2)
    assert in_use(project, state) == {"size": 2}


def test_images_built_here_are_added(project: Path, state: Path) -> None:
    write(project, size=1)
    (state / "images.json").write_text(json.dumps({"nginx": "r/nginx@sha256:1", "redis": "r/redis@sha256:2"}))
    assert in_use(project, state)["images"] == ["nginx=r/nginx@sha256:1", "redis=r/redis@sha256:2"]


def test_an_image_named_in_the_projects_file_is_the_one(project: Path, state: Path) -> None:
    write(project, images=["redis=mine:7"])
    (state / "images.json").write_text(json.dumps({"nginx": "r/nginx@sha256:1", "redis": "r/redis@sha256:2"}))
    assert in_use(project, state)["images"] == ["nginx=r/nginx@sha256:1", "redis=mine:7"]


def test_other_stacks_get_no_images_of_this_machine(project: Path, state: Path) -> None:
    (project / "Pulumi.prod.yaml").write_text("config:\n  auren:region: nyc3\n")
    (state / "images.json").write_text(json.dumps({"nginx": "r/nginx@sha256:1"}))
    assert yaml.safe_load(refresh("prod", project, state).read_text()) == {"config": {"auren:region": "nyc3"}}


def test_a_lost_file_in_use_is_written_whole_again(project: Path, state: Path) -> None:
    write(project, size=1)
    refresh("local", project, state).unlink()
    assert in_use(project, state) == {"size": 1}


def test_it_is_readable_by_its_owner_only_and_not_rewritten_for_nothing(project: Path, state: Path) -> None:
    write(project, size=1)
    file = refresh("local", project, state)
    before = file.stat()
    assert stat.S_IMODE(before.st_mode) == 0o600
    assert refresh("local", project, state).stat().st_mtime_ns == before.st_mtime_ns


def test_the_projects_file_is_never_touched(project: Path, state: Path) -> None:
    write(project, size=1)
    text = (project / "Pulumi.local.yaml").read_text()
    (state / "images.json").write_text(json.dumps({"nginx": "r/nginx@sha256:1"}))
    refresh("local", project, state)
    assert (project / "Pulumi.local.yaml").read_text() == text


@pytest.mark.parametrize("text", ["config: [", "- a", "config: 3"])
def test_a_file_that_is_no_configuration_is_named(project: Path, state: Path, text: str) -> None:
    (project / "Pulumi.local.yaml").write_text(text)
    with pytest.raises(StackConfigError, match=r"Pulumi\.local\.yaml"):
        refresh("local", project, state)


def test_a_stack_without_a_file_is_named(project: Path, state: Path) -> None:
    with pytest.raises(StackConfigError, match="There is no stack staging"):
        refresh("staging", project, state)


def test_what_was_removed_by_hand_stays_removed_until_the_project_changes_it() -> None:
    laid = {"config": {"a": 1, "b": 1}}
    assert merge({"config": {"b": 1}}, laid, laid)["config"] == {"b": 1}
    assert merge({"config": {"b": 1}}, laid, {"config": {"a": 2, "b": 1}})["config"] == {"a": 2, "b": 1}


def test_the_projects_own_secrets_are_somebody_elses(project: Path, state: Path) -> None:
    """With its salt, this machine's passphrase would be called wrong."""
    write(project, size=1, token={"secure": "v1:theirs"})
    with (project / "Pulumi.local.yaml").open("a") as file:
        file.write("encryptionsalt: v1:theirs\nsecretsprovider: awskms://key\n")
    assert yaml.safe_load(refresh("local", project, state).read_text()) == {"config": {"auren:size": 1}}


def test_the_projects_own_secrets_are_left_out_wherever_they_are(project: Path, state: Path) -> None:
    theirs = {"secure": "v1:theirs"}
    write(project, size=1, secrets={"model_key": theirs}, mixed={"a": theirs, "b": {"c": theirs, "d": 2}})
    assert in_use(project, state) == {"size": 1, "mixed": {"b": {"d": 2}}}


def test_the_salt_goes_where_the_secrets_are(state: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "Pulumi.local.yaml", state / "Pulumi.local.yaml"
    source.write_text("encryptionsalt: v1:new\n")
    target.write_text("config:\n  auren:size: 1\n")
    copy_salt(source, target)
    assert yaml.safe_load(target.read_text()) == {"config": {"auren:size": 1}, "encryptionsalt": "v1:new"}
    copy_salt(tmp_path / "none", target)
    assert yaml.safe_load(target.read_text())["encryptionsalt"] == "v1:new"


@pytest.mark.parametrize("name", ["local", "auren/local", "organization/local", "organization/auren/local"])
def test_a_stack_is_known_by_any_name_that_the_engine_prints(name: str) -> None:
    assert named(name) == "local"


@pytest.mark.parametrize("name", ["organization/other/local", "other/local", "auren/organization/local"])
def test_a_stack_of_another_project_is_refused(name: str) -> None:
    with pytest.raises(StackError, match="no stack of this project, which is auren"):
        named(name)


def test_with_productions_images_only_auren_s_own_are_named(project: Path, state: Path) -> None:
    """The program's own pins hold for the others, as they do in production."""
    required = {"sshAllowed": ["198.51.100.1/32"], "kafkaUiAllowed": []}
    write(project, **required)
    for images in (Images.BUILT, Images.PRODUCTION):
        built = {name: f"registry.sandbox.test/auren/{name}:0123456789ab" for name in images.services}
        (state / "images.json").write_text(json.dumps(built))
        values = in_use(project, state)
        blueprint = describe(load({f"auren:{key}": json.dumps(value) for key, value in values.items()}))
        assert {service.name: service.image for service in blueprint.services} == PINS | built
        assert built.keys() == set(images.services)


def test_auren_s_own_images_are_those_without_a_pin() -> None:
    assert set(Images.PRODUCTION.services) == {service for service, image in PINS.items() if not image}
    assert set(Images.BUILT.services) == PINS.keys()
