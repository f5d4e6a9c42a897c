"""`python -m auren_infra release`: one line of the stack's configuration file changes, or nothing."""

import difflib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from auren_infra.__main__ import main
from auren_infra.release.entry import EntryError, current, with_image
from auren_infra.stack_file import CHOSEN
from tests.unit.configuration import DIGEST, ROOT

OLD = "api=ghcr.io/auren-ai/auren-api:1.0.0"
NEW = f"ghcr.io/auren-ai/auren-api:1.1.0@{DIGEST}"
STACK = (ROOT / "Pulumi.prod.yaml").read_text()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "Pulumi.prod.yaml"
    path.write_text(STACK)
    monkeypatch.setenv(CHOSEN, str(path))
    return path


def _changed_lines(before: str, after: str) -> list[str]:
    return [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]


def test_one_line_changes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", "--stack", "prod", f"api={NEW}"]) == 0
    assert _changed_lines(STACK, file.read_text()) == [f"-     - {OLD}", f"+     - api={NEW}"]
    assert capsys.readouterr().out == f"api: ghcr.io/auren-ai/auren-api:1.0.0 -> {NEW}\n"


def test_the_same_image_again_changes_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["release", "--stack", "prod", f"api={NEW}"])
    written = file.stat().st_mtime_ns
    capsys.readouterr()
    assert main(["release", "--stack", "prod", f"api={NEW}"]) == 0
    assert capsys.readouterr().out == "api: no change\n"
    assert file.stat().st_mtime_ns == written


def test_a_service_with_the_pin_of_the_program_gets_a_line(file: Path) -> None:
    redis = f"redis=docker.io/library/redis:8.0.5@{DIGEST}"
    assert main(["release", "--stack", "prod", redis]) == 0
    assert _changed_lines(STACK, file.read_text()) == [f"+     - {redis}"]


def test_the_website_gets_a_line_and_the_next_image_changes_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (f"ghcr.io/auren-ai/auren-dashboard:{version}@{DIGEST}" for version in ("1.0.0", "1.1.0"))
    assert main(["release", "--stack", "prod", f"website={first}"]) == 0
    before = file.read_text()
    assert _changed_lines(STACK, before) == [f"+     - website={first}"]
    capsys.readouterr()
    assert main(["release", "--stack", "prod", f"website={second}"]) == 0
    assert _changed_lines(before, file.read_text()) == [f"-     - website={first}", f"+     - website={second}"]
    assert capsys.readouterr().out == f"website: {first} -> {second}\n"


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("websites=ghcr.io/auren-ai/auren-dashboard:1", "; website may be named as well"),
        ("website=ghcr.io/auren-ai/auren-dashboard:1", "has no digest, and a tag can be moved to another image"),
        ("ap=ghcr.io/auren-ai/auren-api:1.1.0", "there is no service 'ap'; the services are api, bridge,"),
        ("api", "api: '' is not REGISTRY/REPOSITORY:TAG[@sha256:DIGEST]"),
        ("api=ghcr.io/auren-ai/auren-api:1.1.0", "has no digest, and a tag can be moved to another image"),
        (f"api=registry.local/api:1@{DIGEST}", "api: no droplet reaches registry.local"),
        (f"postgres=docker.io/library/postgres:18.1@{DIGEST}", "postgres: "),
    ],
)
def test_what_no_container_may_run_is_refused_and_nothing_changes(
    image: str, said: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["release", "--stack", "prod", image, f"bridge=ghcr.io/auren-ai/bridge:2@{DIGEST}"]) == 1
    assert said in capsys.readouterr().err
    assert file.read_text() == STACK


def test_all_faults_are_told_at_once(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", "--stack", "prod", "ap=x", f"api={NEW}", f"api={NEW}", "bridge=x"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(" ")[0] for line in said] == ["error:", "api", "there", "bridge:"]


def test_a_stack_without_a_file_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.unlink()
    assert main(["release", "--stack", "prod", f"api={NEW}"]) == 1
    assert f"nothing was changed: {file}: No such file" in capsys.readouterr().err


def test_the_file_keeps_its_mode_its_line_ends_and_the_link_to_it(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.yaml"
    target.write_bytes(STACK.replace("\n", "\r\n").encode())
    target.chmod(0o600)
    file.unlink()
    file.symlink_to(target)
    assert main(["release", "--stack", "prod", f"api={NEW}", f"redis=docker.io/library/redis:8.0.5@{DIGEST}"]) == 0
    assert file.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o600
    text = target.read_bytes().decode()
    assert text.count("\n") == text.count("\r\n") == STACK.count("\n") + 1


def test_a_website_from_a_directory_gets_no_image(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = f"{STACK}  auren:website: website\n"
    file.write_text(before)
    assert main(["release", "--stack", "prod", f"website=ghcr.io/auren-ai/auren-dashboard:1.4.0@{DIGEST}"]) == 1
    assert "auren:website takes the website from a directory. Take that line out first" in capsys.readouterr().err
    assert file.read_text() == before


def test_an_image_that_is_built_gets_no_digest(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(f"{STACK}  auren:builds:\n    - api=../api\n")
    assert main(["release", "--stack", "prod", f"api={NEW}"]) == 1
    assert "auren:builds has the image of api built" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["2026-02-30", "0x_", "!!int foo", "[" * 1500 + "]" * 1500])
def test_a_value_of_somebody_else_is_no_obstacle_and_no_traceback(
    value: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(f"{STACK}  other:note: {value}\n")
    status = main(["release", "--stack", "prod", f"api={NEW}"])
    assert status == (1 if "[" in value else 0), capsys.readouterr().err


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"config:\n  auren:images:\n  - {OLD} # why\n", f"config:\n  auren:images:\n  - api={NEW} # why\n"),
        (f'config:\n  auren:images: ["{OLD}"]\n', f'config:\n  auren:images: ["api={NEW}"]\n'),
        ("config:\n  auren:images: []\n", f"config:\n  auren:images: [api={NEW}]\n"),
        ("config:\n  auren:images:\n    - redis=a\n", f"config:\n  auren:images:\n    - redis=a\n    - api={NEW}\n"),
        (
            "config:\n  auren:images:\n  - redis=a # why",
            f"config:\n  auren:images:\n  - redis=a # why\n  - api={NEW}\n",
        ),
        (
            "config:\n  auren:images: [redis=a]\n  a:b: c\n",
            f"config:\n  auren:images: [redis=a, api={NEW}]\n  a:b: c\n",
        ),
        ("config:\n  # why\n  a:b: c\n", f"config:\n  # why\n  auren:images:\n    - api={NEW}\n  a:b: c\n"),
    ],
)
def test_every_way_to_write_the_list(before: str, after: str) -> None:
    assert with_image(before, "api", NEW) == after
    assert current(after, "api") == NEW


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("config: [", "it is not YAML"),
        ("encryptionsalt: x\n", "it has no configuration"),
        ("config: {}\n", "it has no configuration"),
        ("config: {a:b: c}\n", "in one line"),
        ("""config:\n  auren:images: '["api=a"]'\n""", "is no list"),
        ("config:\n  auren:images:\n    - api=a\n    - api=b\n", "names api twice"),
        ("config:\n  auren:images:\n    - secure: v1:x\n", "has an entry that is no text"),
        ("config:\n  auren:images: &a\n    - redis=a\n  x:y: *a\n", "cannot be changed here"),
    ],
)
def test_a_file_that_cannot_be_changed_is_told(text: str, said: str) -> None:
    with pytest.raises(EntryError, match=said):
        with_image(text, "api", NEW)


ENTRIES = st.lists(st.sampled_from(["api", "bridge", "redis", "nginx"]), unique=True)


@given(ENTRIES, st.sampled_from(["api", "redis"]), st.booleans(), st.sampled_from(["", "\n", "\n  # more\n  x:y: z\n"]))
def test_the_other_images_stay(names: list[str], service: str, flow: bool, behind: str) -> None:
    lines = f" [{', '.join(f'{name}=x' for name in names)}]" if flow or not names else ""
    lines = lines or "".join(f"\n    - {name}=x  # {name}" for name in names)
    found = yaml.safe_load(with_image(f"config:\n  auren:images:{lines}{behind}", service, NEW))["config"]
    images = dict(entry.split("=", 1) for entry in found["auren:images"])
    assert images == {**dict.fromkeys(names, "x"), service: NEW}
    assert ("x:y" in found) == ("x:y" in behind)
