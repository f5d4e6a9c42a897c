"""A release as text: what is written is read back as it was, and its id tells any two of them apart."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auren_infra.files.releases import release
from auren_infra.release_text import Release, argument, parse
from auren_infra.services.model import Service
from tests.unit.configuration import blueprint, planned

AUREN = blueprint()
HOSTILE = (
    "",
    " ",
    "\t",
    "compose",
    "file other",
    "owner 0:0",
    "preflight other",
    "migration 300 other",
    "a\u2028b",
    "a\u2029b",
    "a\x85b",
    "a\x0bb\x0cc\x1cd\x1de\x1ef",
    "a\rb",
    "c\r",
    "\0",
    'main "$@"; exit',
    "@RELEASE@",
    "\ufeffx",
    "🌈",
)
"""Lines that a reader could take for something else."""

lines = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"))
texts = st.lists(lines, max_size=6).map(lambda found: "".join(f"{line}\n" for line in found))
names = st.from_regex(r"[a-z][a-z0-9._-]{0,20}", fullmatch=True)
releases = st.builds(
    Release,
    owner=st.builds("{}:{}".format, st.integers(0, 65535), st.integers(0, 65535)),
    compose=texts,
    files=st.dictionaries(names, texts, max_size=4),
    preflight=st.just("") | names,
    migration=st.just("") | st.from_regex(r"[1-9][0-9]{0,3} [ -~]{1,30}", fullmatch=True),
    secrets=st.dictionaries(names, st.from_regex(r"[0-9a-f]{12}", fullmatch=True), max_size=3),
)
SMALL = Release("999:999", "services: {}\n", {"a.conf": "one\n"}, "judge", {"password": "0123456789ab"})


def _arguments(sent: Release) -> tuple[str, ...]:
    return tuple(argument(name, digest) for name, digest in sent.secrets.items())


@example(replace(SMALL, files={str(number): f"{line}\n" for number, line in enumerate(HOSTILE)}))
@given(releases)
def test_what_is_sent_is_read_back_as_it_was(sent: Release) -> None:
    read = parse(sent.text, _arguments(sent))
    assert read == sent
    assert [*read.files] == [*sent.files]
    assert (read.text, read.id) == (sent.text, sent.id)


@pytest.mark.parametrize("line", HOSTILE)
def test_a_line_that_looks_like_another_part_stays_in_its_file(line: str) -> None:
    text = f"{line}\nbetween\n{line}\n\n"
    sent = replace(SMALL, compose=text, files={"first": text, "empty": "", "last": text})
    assert parse(sent.text, _arguments(sent)) == sent


def test_the_text_is_as_the_machine_reads_it() -> None:
    """`stage.sh` knows a header by its first word, and a line of a file by the space before it."""
    sent = replace(SMALL, files={"a.conf": "one\n\n two\n", "empty": ""})
    assert sent.text == (
        "owner 999:999\npreflight judge\ncompose\n services: {}\nfile a.conf\n one\n \n  two\nfile empty\n"
    )


def test_the_id_is_the_digest_of_the_text_and_the_secrets_digests() -> None:
    digests = b"password=0123456789ab\nother=ba9876543210\n"
    sent = replace(SMALL, secrets={"password": "0123456789ab", "other": "ba9876543210"})
    assert sent.id == sha256(sent.text.encode() + digests).hexdigest()[:16]
    without = replace(SMALL, secrets={})
    assert without.id == sha256(without.text.encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    "other",
    [
        replace(SMALL, owner="999:1000"),
        replace(SMALL, compose="services: {} \n"),
        replace(SMALL, preflight=""),
        replace(SMALL, files={"a.conf": "one\n\n"}),
        replace(SMALL, files={"b.conf": "one\n"}),
        replace(SMALL, files={"a.conf": "one\n", "b.conf": ""}),
        replace(SMALL, files={}),
        replace(SMALL, secrets={"password": "0123456789ac"}),
        replace(SMALL, secrets={"passwort": "0123456789ab"}),
        replace(SMALL, secrets={}),
        replace(SMALL, migration="300 alembic upgrade head"),
    ],
)
def test_whatever_differs_is_another_release(other: Release) -> None:
    assert other.id != SMALL.id
    assert len(other.id) == 16


def test_the_same_content_is_the_same_release() -> None:
    again = Release("999:999", "services: {}\n", {"a.conf": "one\n"}, "judge", {"password": "0123456789ab"})
    assert again.id == SMALL.id


@pytest.mark.parametrize("text", ["x", "\nx", "x\n ", "x\u2028"])
@pytest.mark.parametrize("part", ["compose.yml", "a.conf"])
def test_a_file_without_an_end_of_its_last_line_is_refused_by_name(part: str, text: str) -> None:
    broken = replace(SMALL, compose=text) if part == "compose.yml" else replace(SMALL, files={part: text})
    with pytest.raises(ValueError, match=f"the last line of {part} has no end"):
        _ = broken.text
    with pytest.raises(ValueError, match=part):
        _ = broken.id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "echo it\n",
        "owner 1:1\n",
        "compose\n services: {}\n",
        "owner 1:1\ncompose\n services: {}\nfile\n",
        "owner 1:1\ncompose\n services: {}\nfile a b\n",
        "owner 1:1\ncompose more\n services: {}\n",
        "owner 1:1\n\ncompose\n services: {}\n",
        "owner 1:1\ncompose\nservices: {}\n",
        "#!/usr/bin/env bash\nowner 1:1\ncompose\n",
    ],
)
def test_another_text_is_no_release(text: str) -> None:
    with pytest.raises(ValueError, match="release"):
        parse(text, ())


@pytest.mark.parametrize("service", AUREN.services, ids=lambda service: service.name)
def test_the_release_of_each_service_is_read_back(service: Service) -> None:
    sent = release(planned(AUREN), service.name, {"password": "0123456789ab"})
    assert parse(sent.text, _arguments(sent)) == sent


def test_the_id_stands_in_the_files_on_the_machine() -> None:
    sent = replace(SMALL, compose="a: '@RELEASE@'\nb: x/@RELEASE@/y\n", files={"a.conf": "@RELEASE@\n"})
    assert sent.placed == {
        "compose.yml": f"a: '{sent.id}'\nb: x/{sent.id}/y\n",
        "files/a.conf": f"{sent.id}\n",
    }


def test_the_specification_is_the_services_part_with_the_id_in_it() -> None:
    sent = replace(SMALL, compose="services:\n  redis:\n    labels: {auren.release: '@RELEASE@'}\n  other: {}\n")
    assert sent.specification("redis") == {"labels": {"auren.release": sent.id}}
