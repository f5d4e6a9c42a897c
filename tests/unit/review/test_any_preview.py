"""Whatever a preview has found, and whatever things are called: the comment fits and is what we wrote, nothing else."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auren_infra.release_text import Release
from auren_infra.review.comment import comment
from auren_infra.review.preview import Finding, Hidden, Preview, Step
from tests.examples import examples
from tests.unit.review.github import LONGEST, assert_sound
from tests.unit.review.steps import COMMAND, DROPLET, FIREWALL, packed, sent

HOSTILE = (
    "`",
    "```",
    "````\n",
    "~~~\n",
    "@everyone",
    "<img src=x onerror=y>",
    "</details>",
    "</code></summary>",
    "<details>",
    "<!--",
    "&lt;",
    "![x](https://example.com/x.png)",
    "[x](javascript:y)",
    "https://example.com",
    "www.example.com",
    "#1",
    "|",
    "\\",
    "*",
    "__",
    "\n\n# heading\n\n",
    "\n- [ ] item",
    "\r",
    "\u202e",
    "\u2028",
    "\0",
    "\x1b[31m",
    "\ud800",
    "🌈",
    " ",
    "\t",
    "%s {}",
)

texts = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20)), max_size=8).map("".join)
long_texts = st.builds(lambda text, times: text * times, texts, st.integers(1, 3000))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), texts, st.sampled_from(Hidden)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)
properties = st.dictionaries(texts, st.one_of(values, long_texts), max_size=4)
rules = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("protocol", "portRange", "sourceAddresses", "sourceTags", "destinationAddresses"), values),
)
firewalls = st.fixed_dictionaries(
    {}, optional={key: st.one_of(values, st.lists(rules, max_size=3)) for key in ("inboundRules", "outboundRules")}
)


def _command(script: str, argument: str, data: str, hidden: Hidden | None) -> dict[str, Any]:
    inputs = sent(script, data=data)
    quoted = argument.replace("'", "").replace("\0", "")
    return inputs | {"create": f"{inputs['create']} '{quoted}'"} | ({"stdin": hidden} if hidden else {})


scripts = (
    "stage",
    "switch",
    "reload",
    "put_secret",
    "put_file",
    "put_tree",
    "put_image_tree",
    "machine_firewall",
    "container_firewall",
    "retire",
    "docker_engine",
)
trees = st.dictionaries(
    texts.map(lambda name: name.replace("\n", "").replace("\t", "")), st.binary(max_size=40), max_size=30
)
releases = st.builds(
    lambda owner, compose, files, preflight: Release(owner, compose, files, preflight).text,
    texts.map(lambda text: "".join(text.split()) or "1:1"),
    st.one_of(texts, texts.map(lambda text: yaml.safe_dump({"services": {text: {text: text}}}))).map(
        lambda text: f"{text}\n"
    ),
    st.dictionaries(
        texts.map(lambda text: "".join(text.split()) or "a"), long_texts.map(lambda text: f"{text}\n"), max_size=4
    ),
    st.sampled_from(["", "judge"]),
)
data = st.one_of(long_texts, trees.map(packed), releases)
commands = st.builds(_command, st.sampled_from(scripts), texts, data, st.sampled_from([None, None, None, *Hidden]))


@st.composite
def steps(draw: st.DrawFn) -> Step:
    kind = draw(st.sampled_from([COMMAND, COMMAND, FIREWALL, DROPLET, "x:y:Volume"]) | texts)
    inputs: st.SearchStrategy[Mapping[str, Any]] = properties
    if kind == COMMAND:
        inputs = st.one_of(commands, commands, st.fixed_dictionaries({"create": st.one_of(texts, values)}))
    elif kind == FIREWALL:
        inputs = firewalls
    old, new = draw(inputs), draw(inputs)
    op = draw(st.sampled_from(["create", "update", "replace", "delete", "import"]))
    names = draw(st.lists(st.sampled_from([*(old | new), "stdin"]), max_size=3, unique=True))
    return Step(
        op,
        f"urn:pulumi:prod::auren::{kind}::auren-prod-{draw(texts)}",
        kind,
        None if op == "create" else old,
        None if op == "delete" else new,
        replaced_for=tuple(names) if op == "replace" else (),
        changed=tuple(names),
    )


previews = st.builds(
    Preview,
    texts.map(lambda text: text[:100]),
    st.booleans(),
    st.lists(steps(), max_size=5).map(tuple),
    st.lists(st.builds(Finding, texts, st.booleans(), long_texts), max_size=3).map(tuple),
    st.lists(long_texts, max_size=2).map(tuple),
    st.lists(long_texts, max_size=2).map(tuple),
)


@example(Preview("", False, (), (Finding("", False, "```" * 85),), (), ()), "", 4_000)
@settings(max_examples=examples(100), deadline=None)
@given(previews, texts, st.integers(4_000, 65_000))
def test_the_comment_fits_and_shows_names_and_contents_as_they_are(preview: Preview, commit: str, longest: int) -> None:
    assert_sound(comment(preview, commit, longest), longest)


@settings(max_examples=examples(20), deadline=None)
@given(steps(), st.integers(2, 400), st.lists(texts, min_size=1, max_size=5))
def test_it_fits_however_many_steps_there_are(step: Step, times: int, names: list[str]) -> None:
    many = [replace(step, urn=f"{step.urn}{names[at % len(names)]}{at}") for at in range(times)]
    assert_sound(comment(Preview("prod", True, tuple(many))), LONGEST)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_name_is_shown_as_it_is_wherever_it_stands(hostile: str) -> None:
    name = f"a{hostile}b{hostile}"
    many = {f"{name}{number}": b"x" for number in range(30)}
    file = "".join(name.split())
    old, new = (
        _command("stage", name, Release("1:1", yaml.safe_dump({"services": {name: part}}), files).text, None)
        for part, files in (({"image": "1"}, {}), ({name: 1}, {file: f"{name}\n"}))
    )
    urn = f"urn:pulumi:prod::auren::{COMMAND}::{name}"
    found = [
        Step("update", urn, COMMAND, old, new),
        Step("update", urn, COMMAND, sent("put_tree"), sent("put_tree", data=packed(many))),
        Step("delete", f"urn:pulumi:prod::auren::{name}::{name}", name, {name: name}, None),
        Step("replace", f"urn:pulumi:prod::auren::{name}::{name}", name, {name: name}, {name: 1}, (name,), (name,)),
        Step(
            "create",
            f"urn:pulumi:prod::auren::{FIREWALL}::{name}",
            FIREWALL,
            None,
            {"inboundRules": [{"protocol": name, "sourceTags": [name]}]},
        ),
    ]
    findings = (Finding(name, True, name), Finding(name, False, name))
    text = comment(Preview(name, False, tuple(found), findings, errors=(name,), warnings=(name,)), commit=name)
    shown = assert_sound(text)
    if len(hostile) > 1:
        assert hostile not in shown.text
    if hostile.isprintable() and hostile.strip():
        assert sum(name in code for code in shown.code) > 15
