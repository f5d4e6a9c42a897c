"""What holds the repository together: links between pages, lists of commands, versions, the form of its files."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from auren_infra import __version__
from auren_infra.__main__ import COMMANDS
from tests.tree import ROOT, files

BIN = ROOT / ".venv" / "bin"
RECORDS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "decisions").glob("*.md")]
LOCKS = ["requirements-dev.lock", "requirements.lock", "sandbox/requirements.lock"]
NOT_OURS = (".svg", "schema-cloud-config-v1.json")
RENOVATE: dict[str, Any] = json.loads((ROOT / ".github/renovate.json").read_text())


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in _anchors(target), f"{page.name}: {link}"


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs/README.md").read_text()
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert set(re.findall(r"^\| \[([a-z-]+\.md)\]\(", index, re.MULTILINE)) == pages


def test_the_index_of_decisions_lists_every_record_with_its_title_and_date() -> None:
    rows: list[str] = []
    for record in RECORDS:
        head = re.match(r"# (\d{4}\. .+)\n\nDate: (\d{4}-\d\d-\d\d)", record.read_text())
        assert head, record.name
        assert head[1][:4] == record.name[:4]
        rows.append(f"| [{head[1]}]({record.name}) | {head[2]} |")
    index = (ROOT / "docs/decisions/README.md").read_text().splitlines()
    assert [line for line in index if line.startswith("| [")] == rows
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))


def test_the_design_links_to_every_decision() -> None:
    design = (ROOT / "docs/design.md").read_text()
    assert [record.name for record in RECORDS if f"(decisions/{record.name})" not in design] == []


def test_the_design_and_the_decisions_name_files_that_exist() -> None:
    tracked = [f"/{name}" for name in files()]
    for page in [ROOT / "docs/design.md", *RECORDS]:
        text = page.read_text()
        named = re.findall(r"`([\w./-]+\.(?:py|sh))`", text)
        # A script of a service is rendered from a template; the last one is the image's own.
        known = [*tracked, *(name.removesuffix(".j2") for name in tracked), "/docker-ensure-initdb.sh"]
        assert [name for name in named if not any(path.endswith(f"/{name}") for path in known)] == [], page.name


def _rows(first: str) -> set[str]:
    """The words behind `first` in the first column of the tables of commands."""
    cells = re.findall(r"^\| (`.+?) \|", (ROOT / "docs/commands.md").read_text(), re.MULTILINE)
    return {word for cell in cells if cell.startswith(f"`{first}") for word in re.findall(r"`([^`]+)`", cell)}


def test_every_fault_names_a_test_that_causes_it() -> None:
    rows = [line for line in (ROOT / "docs/operations.md").read_text().splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    for row in rows:
        named = re.findall(r"`([^`]+\.py)`", row.split("|")[5])
        assert named, row
        assert [name for name in named if not (ROOT / "tests" / name).exists()] == []


def test_the_page_of_commands_lists_all_of_them() -> None:
    page = (ROOT / "docs/commands.md").read_text()
    program = page.partition("## The program\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", program, re.MULTILINE) == sorted(COMMANDS)
    goals = re.findall(r"^([a-z]+):[^=\n]*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert _rows("make ") == {f"make {goal}" for goal in goals if goal != "help"}


def test_the_page_of_commands_lists_the_sandboxs_commands() -> None:
    from sandbox import __main__ as sandbox

    assert sandbox.__doc__
    listed = re.findall(r"^([a-z]+)  +\S", sandbox.__doc__, re.MULTILINE)
    page = (ROOT / "docs/commands.md").read_text()
    cloud = page.partition("## The cloud on this machine\n")[2]
    for name in set(listed) - {"down", "preview"}:  # `make down`, `make preview`
        assert re.search(rf"`(python -m sandbox )?{name}\b|sandbox {name}\b", cloud), name


def test_the_changes_begin_with_the_version_of_the_program() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == __version__
    numbers = [tuple(map(int, heading.split("."))) for heading in headings]
    assert numbers == sorted(numbers, reverse=True)


def test_files_have_the_form_that_editorconfig_gives_them() -> None:
    wrong: list[str] = []
    for name in files():
        content = (ROOT / name).read_bytes()
        if name.endswith(NOT_OURS) or name.startswith(("website/", "sql/")) or b"\0" in content:
            continue
        if b"\r" in content:
            wrong.append(f"{name}: a carriage return")
        if content and not content.endswith(b"\n"):
            wrong.append(f"{name}: no line end at the end")
        if re.search(rb"[ \t]$", content, re.MULTILINE):
            wrong.append(f"{name}: a space at the end of a line")
        if name.endswith((".py", ".md", ".json", ".toml", ".yaml", ".yml")) and re.search(rb"(?m)^ *\t", content):
            wrong.append(f"{name}: indented by a tab")
    assert wrong == []


def test_the_hooks_of_commits_are_valid_and_have_no_versions_of_their_own() -> None:
    file = ROOT / ".pre-commit-config.yaml"
    subprocess.run([BIN / "pre-commit", "validate-config", file], cwd=ROOT, check=True, timeout=60)
    (local,) = yaml.safe_load(file.read_text())["repos"]
    assert local["repo"] == "local"
    for hook in local["hooks"]:
        assert hook["language"] == "system"
        program = hook["entry"].split()[0]
        assert program == "make" or (ROOT / program).exists(), program


def _managed(number: int) -> Iterator[tuple[str, dict[str, str]]]:
    """What a custom manager of Renovate finds: the file, and the parts of a pin."""
    manager = RENOVATE["customManagers"][number]
    (pattern,) = (text.replace("(?<", "(?P<") for text in manager["matchStrings"])
    for name in files():
        if any(re.search(text.strip("/"), name) for text in manager["managerFilePatterns"]):
            for match in re.finditer(pattern, (ROOT / name).read_text()):
                yield name, match.groupdict()


def test_renovate_finds_every_image_that_production_runs() -> None:
    pattern = r"[\"=]((?:docker\.io|ghcr\.io|quay\.io)/[^\"\s]+:[^\"\s]+)"
    places = [name for name in files() if re.fullmatch(r"Pulumi\.prod\.yaml|auren_infra/services/.+\.py", name)]
    pinned = {reference for name in places for reference in re.findall(pattern, (ROOT / name).read_text())}
    assert len(pinned) >= 9
    found = {
        f"{pin['depName']}:{pin['currentValue']}" + (f"@{pin['currentDigest']}" if pin["currentDigest"] else "")
        for _, pin in _managed(0)
    }
    assert found == pinned


def test_renovate_finds_the_go_programs_of_the_tests() -> None:
    assert {pin["depName"] for _, pin in _managed(1)} == {"github.com/rhysd/actionlint", "github.com/itchyny/gojq"}


def test_renovate_reads_the_command_of_every_lock() -> None:
    """It takes `uv pip compile` with the options that it knows, and with a `=` before their value."""
    patterns = [text.strip("/") for text in RENOVATE["pip-compile"]["managerFilePatterns"]]
    assert [name for name in files() if any(re.search(text, name) for text in patterns)] == LOCKS
    for name in LOCKS:
        command = re.match(r"(?:#.*?\n)+?# {4}(\S.*)\n", (ROOT / name).read_text())
        assert command
        program, *options = command[1].split()
        assert (program, options[:2]) == ("uv", ["pip", "compile"])
        option = r"--(universal|generate-hashes|no-strip-extras|(python-version|constraint|output-file)=\S+)"
        known = rf"{option}|[a-z-]+(/[a-z-]+)?\.txt"
        assert all(re.fullmatch(known, each) for each in options[2:])
        assert f"--output-file={name}" in options


def test_every_action_is_pinned_by_its_commit() -> None:
    used = [
        (path.name, line.strip())
        for path in (ROOT / ".github").rglob("*.yml")
        for line in path.read_text().splitlines()
        if re.match(r"\s*(- )?uses: (?!\./)", line)
    ]
    assert used
    for name, line in used:
        assert re.search(r"@[0-9a-f]{40} # v\d", line), f"{name}: {line}"
