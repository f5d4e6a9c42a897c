"""Secrets that are given: what is refused, all of it at once and without a value, and where a secret gets to."""

import base64
import difflib
import json
import shlex
from collections.abc import Mapping

import pytest

from auren_infra import stack
from auren_infra.admission import admit
from auren_infra.blueprint import Blueprint, describe
from auren_infra.files.releases import release
from auren_infra.host.machine import script
from auren_infra.placement import place
from auren_infra.release_text import RELEASE_ID
from auren_infra.secrets import digest, docker_config
from auren_infra.services.model import Given, SecretFile
from auren_infra.settings import SettingsError
from auren_infra.settings.deployed import Deployed
from auren_infra.settings.plain_text import Unreadable, in_plain
from auren_infra.settings.secrets import KEY
from tests.unit.configuration import COMPLETE, engine_values, planned, settings
from tests.unit.rehearsal import NAME, Rehearsal, deploy, rehearse

VALUE = "hunter2-and-more"
GIVEN = {
    "secrets": json.dumps({"model_key": VALUE, "Registry-Token": "ghp_0123"}),
    "serviceSecrets": '["model_key=api,bridge"]',
    "registries": '["ghcr.io=auren:Registry-Token"]',
}
STACK_FILE = """
config:
  auren:secrets:
    model_key:
      secure: v1:abc
    Registry-Token:
      secure: v1:def
"""


def _admitted(
    changes: Mapping[str, str], *, stack_file: str = STACK_FILE, encrypted: tuple[str, ...] = (KEY,)
) -> Blueprint:
    values = engine_values({**COMPLETE, **GIVEN, **changes})
    return admit("prod", values, encrypted=encrypted, stack_file=stack_file)


def _said(changes: Mapping[str, str], **context: object) -> dict[str, str]:
    """The faults by key; no message has a value in it."""
    with pytest.raises(SettingsError) as refusal:
        _admitted(changes, **context)  # pyright: ignore[reportArgumentType]
    said = str(refusal.value)
    assert VALUE not in said
    assert "ghp_0123" not in said
    lines = [line.strip() for line in said.splitlines() if line.startswith("  ")]
    found = {key: reasons for key, _, reasons in (line.partition(": ") for line in lines)}
    assert len(found) == len(lines), "one line a key"
    return found


def test_what_is_set_and_read_is_taken() -> None:
    blueprint = _admitted({})
    readers = {name for name, service in blueprint.by_name.items() if Given("model_key") in _secrets(service.secrets)}
    assert readers == {"api", "bridge"}
    assert VALUE not in repr(blueprint), "a value must not get into a trace"


def _secrets(files: tuple[SecretFile, ...]) -> list[object]:
    return [file.secret for file in files]


def _set(name: str) -> str:
    return f"`pulumi config set --secret --path auren:secrets.{name}`"


@pytest.mark.parametrize(
    ("changes", "key", "reasons"),
    [
        ({"secrets": "{}"}, "secrets", ["model_key is not set, and auren:serviceSecrets names it", _set("model_key")]),
        (
            {"secrets": ""},
            "secrets",
            ["the password that auren:registries names for ghcr.io is not set", _set("NAME")],
        ),
        (
            {"serviceSecrets": "[]"},
            "secrets",
            ["model_key is set, and nothing reads it", "`pulumi config rm --path auren:secrets.model_key`"],
        ),
        ({"registries": "[]"}, "secrets", ["Registry-Token is set, and nothing reads it"]),
        (
            {"secrets": f'{{"model_key": "", "Registry-Token": "{VALUE}"}}'},
            "secrets",
            ["model_key is empty", _set("model_key")],
        ),
        ({"secrets": f'{{"model_key": " \\n", "Registry-Token": "{VALUE}"}}'}, "secrets", ["model_key is empty"]),
        ({"secrets": '{"model_key": 17, "Registry-Token": "x"}'}, "secrets", ["model_key is no text"]),
        (
            {"secrets": f'{{"model_key": {{"deeper": "{VALUE}"}}, "Registry-Token": "x"}}'},
            "secrets",
            ["model_key is no text"],
        ),
        (
            {"secrets": '{"model_key": "a\\u0000b", "Registry-Token": "x"}'},
            "secrets",
            ["holds characters that no file"],
        ),
        ({"secrets": '{"model_key": "\\ud800", "Registry-Token": "x"}'}, "secrets", ["holds characters that no file"]),
        ({"secrets": f'["{VALUE}"]'}, "secrets", ["must be an object; set each secret by its name", _set("NAME")]),
        ({"secrets": VALUE}, "secrets", ["must be an object"]),
        (
            {"secrets": f'{{"../etc": "{VALUE}", "model_key": "x", "Registry-Token": "y"}}'},
            "secrets",
            ["'../etc' is no name of a secret; use letters, digits, dashes"],
        ),
        (
            {"serviceSecrets": '["model_key=api,mysql"]'},
            "serviceSecrets",
            ["model_key: its reader number 2 is no service; the services are api"],
        ),
        ({"serviceSecrets": '["model_key"]'}, "serviceSecrets", ["entry 0 is not NAME=SERVICE[,SERVICE…]"]),
        ({"serviceSecrets": '["model_key="]'}, "serviceSecrets", ["is not NAME=SERVICE[,SERVICE…]"]),
        ({"serviceSecrets": '["model_key=api,"]'}, "serviceSecrets", ["is not NAME=SERVICE[,SERVICE…]"]),
        ({"serviceSecrets": '["model.key=api", "model_key=api"]'}, "serviceSecrets", ["entry 0 is not NAME"]),
        (
            {"serviceSecrets": '["model_key=api,api"]'},
            "serviceSecrets",
            ["model_key: a reader is named twice; keep one"],
        ),
        ({"serviceSecrets": '["model_key=api", "model_key=bridge"]'}, "serviceSecrets", ["model_key is named twice"]),
        ({"serviceSecrets": '"model_key=api"'}, "serviceSecrets", ["must be a list"]),
        ({"serviceSecrets": json.dumps(["sk-proj-" + VALUE * 3])}, "serviceSecrets", ["entry 0 is not NAME=SERVICE"]),
        ({"serviceSecrets": f'["{VALUE}"]'}, "serviceSecrets", ["entry 0 is not NAME=SERVICE"]),
        ({"serviceSecrets": f'["model_key={VALUE}"]'}, "serviceSecrets", ["its reader number 1 is no service"]),
        ({"serviceSecrets": f'["model_key={VALUE},{VALUE}"]'}, "serviceSecrets", ["a reader is named twice"]),
        ({"serviceSecrets": f'"{VALUE}"'}, "serviceSecrets", ["must be a list"]),
        ({"serviceSecrets": f'[{{"model_key": "{VALUE}"}}]'}, "serviceSecrets", ["entry 0 is an object"]),
        ({"registries": f'[{{"host": "ghcr.io", "password": "{VALUE}"}}]'}, "registries", ["entry 0 is an object"]),
        ({"registries": f'["ghcr.io=a:b", {{"ghcr.io": "{VALUE}"}}]'}, "registries", ["entry 1 is an object"]),
        ({"registries": f'[["{VALUE}"], 17, true, null]'}, "registries", ["entry 0 is a list, entry 1 is a number"]),
        ({"registries": f'["ghcr.io=auren:{VALUE}"]'}, "secrets", ["names for ghcr.io is not set"]),
        (
            {"registries": '["index.docker.io=auren:Registry-Token"]'},
            "registries",
            ["index.docker.io: write docker.io"],
        ),
        ({"registries": '["registry-1.docker.io=a:Registry-Token"]'}, "registries", ["write docker.io"]),
        ({"registries": '["docker.io:443=auren:Registry-Token"]'}, "registries", ["docker.io:443: write docker.io"]),
        (
            {
                "serviceSecrets": '["model_key=api", "redis_password=bridge"]',
                "secrets": '{"model_key": "x", "Registry-Token": "y", "redis_password": "z"}',
            },
            "serviceSecrets",
            ["redis_password: bridge has a secret of this name by itself; give yours another name"],
        ),
        ({"registries": f'["ghcr.io=auren:{VALUE}!"]'}, "registries", ["entry 0 is not HOST=USER:SECRETNAME"]),
        ({"registries": '["ghcr.io"]'}, "registries", ["entry 0 is not HOST=USER:SECRETNAME", _set("registry_token")]),
        ({"registries": '["https://ghcr.io=auren:Registry-Token"]'}, "registries", ["entry 0 is not HOST="]),
        ({"registries": '["ghcr.io/auren=auren:Registry-Token"]'}, "registries", ["entry 0 is not HOST="]),
        ({"registries": '["ghcr.io:70000=auren:Registry-Token"]'}, "registries", ["entry 0 is not HOST="]),
        ({"registries": '["ghcr.io=:Registry-Token"]'}, "registries", ["entry 0 is not HOST="]),
        (
            {"registries": '["registry.invalid=auren:Registry-Token"]'},
            "registries",
            ["no droplet reaches registry.invalid"],
        ),
        (
            {"registries": '["ghcr.io=auren:Registry-Token", "ghcr.io=eve:Registry-Token"]'},
            "registries",
            ["ghcr.io is named twice; keep one"],
        ),
        (
            {"secrets": '{"model_key": "x", "Registry-Token": "ghp_0123\\nsecond line"}'},
            "registries",
            ["ghcr.io: Registry-Token is no password, since it holds a line break"],
        ),
    ],
)
def test_what_cannot_be_is_refused_with_the_mend(changes: dict[str, str], key: str, reasons: list[str]) -> None:
    said = _said(changes)
    for reason in reasons:
        assert reason in said[f"auren:{key}"]


def test_all_faults_are_told_at_once() -> None:
    said = _said(
        {
            "region": "mars",
            "secrets": json.dumps({"model_key": "", "unread": VALUE, "a/b": VALUE}),
            "serviceSecrets": '["model_key=api,mysql", "missing=bridge", "wrong"]',
            "registries": '["ghcr.io=auren:absent", "nonsense"]',
        },
        stack_file=STACK_FILE.replace("    model_key:\n      secure: v1:abc\n", f"    unread: {VALUE}\n"),
    )
    assert said.keys() == {"auren:region", "auren:secrets", "auren:serviceSecrets", "auren:registries"}
    for reason in (
        "model_key is empty",
        "missing is not set, and auren:serviceSecrets names it",
        "the password that auren:registries names for ghcr.io is not set",
        "unread stands in plain text in the stack's configuration",
        "'a/b' is no name",
    ):
        assert said["auren:secrets"].count(reason) == 1, reason
    assert "model_key is not set" not in said["auren:secrets"]
    assert "model_key: its reader number 2 is no service" in said["auren:serviceSecrets"]
    assert "entry 2 is not NAME" in said["auren:serviceSecrets"]
    assert "entry 1 is not HOST" in said["auren:registries"]


def test_secrets_in_plain_text_are_refused() -> None:
    """One that was set without --secret stands in a file that is committed."""
    said = _said({}, encrypted=(), stack_file="")["auren:secrets"]
    for name in ("model_key", "Registry-Token"):
        assert f"{name} stands in plain text" in said
        assert _set(name) in said
    beside = _said({}, stack_file=f"config:\n  auren:secrets:\n    model_key: {VALUE}\n")["auren:secrets"]
    assert "model_key stands in plain text" in beside
    assert "Registry-Token" not in beside


@pytest.mark.parametrize("wrong", [{"serviceSecrets": '["model_key"]'}, {"registries": '["ghcr.io"]'}])
def test_a_secret_is_not_called_unread_while_its_reader_may_be_in_a_wrong_entry(wrong: dict[str, str]) -> None:
    """The repair was `pulumi config rm` for a secret that a misspelt entry needs."""
    assert _said(wrong).keys() == {f"auren:{key}" for key in wrong}


def _below(lines: str, before: str = "") -> str:
    return f"{before}config:\n  auren:secrets:\n    {lines}\n"


@pytest.mark.parametrize(
    ("stack_file", "found"),
    [
        (_below("a: '007'"), {"a"}),
        (_below("a: 7"), {"a"}),
        (_below("a: 12:34:56"), {"a"}),
        (_below("a: yes"), {"a"}),
        (_below("a: on"), {"a"}),
        (_below("a: 2026-01-02"), {"a"}),
        (_below("a: 2026-02-30"), {"a"}),
        (_below("a: 1_000.5e3"), {"a"}),
        (_below("a: !foo bar"), {"a"}),
        (_below("a: !!binary aGk="), {"a"}),
        (_below("a: |\n      text"), {"a"}),
        (_below("a: x\n    a: {secure: v1:x}"), {"a"}),
        (_below("b: &b x\n    a: *b"), {"a", "b"}),
        (_below("<<: {a: x}"), {"a"}),
        (_below("<<: [{b: {secure: v1:x}}, {a: x}]"), {"a"}),
        (_below("a: x", "\ufeff"), {"a"}),
        (_below("a: x") + "---\nconfig: {}\n", {"a"}),
        (_below("a: x") + "  x:t: !foo bar\n  x:u: !<!b> [1]\n", {"a"}),
        (_below("a: x") + "  other:note: 2026-02-30\n  ? [b]\n  : c\n", {"a"}),
        ("config: {auren:config:secrets: {a: x}}", {"a"}),
        ("config: &c {<<: *c, auren:secrets: &s {<<: *s, a: x}}", {"a"}),
        (_below("a:\n      secure: v1:x"), set[str]()),
        (_below("secure: v1:x"), set[str]()),
        (_below("a:"), set[str]()),
        (_below("other: x"), set[str]()),
        ("config:\n  other:secrets:\n    a: x\n", set[str]()),
        ("- 1", set[str]()),
        ("", set[str]()),
    ],
)
def test_what_the_stacks_file_holds_in_plain_is_found(stack_file: str, found: set[str]) -> None:
    assert in_plain(stack_file, '{"a": "007", "b": "x", "secure": "y"}', encrypted=True) == found


@pytest.mark.parametrize(
    ("stack_file", "problem"),
    [
        ("config: [", "line 1, column 10: "),
        (STACK_FILE + "  x:t: 1\t# why\n", "line 8, column 9: found character '\\t' that cannot start any token"),
        (f"{STACK_FILE}  x:t: *{VALUE}\n", "line 8, column 8: found undefined alias …"),
        (f"{STACK_FILE}  x:t: [&{VALUE} 1, &{VALUE} 2]\n", "line 8, column 30: an anchor has the name of an earlier"),
        (f"{STACK_FILE}  x:t: {VALUE}: {VALUE}\n", "line 8, column "),
        (STACK_FILE + "  x:t: \0\n", "line 8, column 8: special characters are not allowed"),
        (STACK_FILE + '  x:t: "\\UFFFFFFFF"\n', "it holds an invalid number"),
        (f"%YAML {'9' * 5000}.1\n---\n{STACK_FILE}", "it holds an invalid number"),
        (f"{STACK_FILE}  x:t: {'[' * 1500}{']' * 1500}\n", "its lists or objects are nested too deeply"),
        (Unreadable("it is not UTF-8"), "it is not UTF-8"),
    ],
)
def test_a_stack_file_that_cannot_be_read_is_a_fault(stack_file: str, problem: str) -> None:
    """Every secret in such a file passed as encrypted, or the program ended with a traceback."""
    said = _said({"region": "mars"}, stack_file=stack_file)
    assert said.keys() == {"auren:region", "auren:secrets"}
    assert "cannot be searched for secrets in plain text: " + problem in said["auren:secrets"]
    assert "Correct the file" in said["auren:secrets"]


def test_secrets_without_encryption_are_named_beside_a_stack_file_that_cannot_be_read() -> None:
    said = _said({}, encrypted=(), stack_file="config: [")["auren:secrets"]
    assert "cannot be searched" in said
    assert "model_key stands in plain text" in said


@pytest.mark.parametrize("secrets", ["", "{}", "null"])
def test_a_stack_file_that_cannot_be_read_is_no_fault_without_secrets(secrets: str) -> None:
    values = engine_values({**COMPLETE, "secrets": secrets})
    assert admit("prod", values, stack_file="config: [")
    assert admit("prod", values, stack_file=Unreadable("it is a directory"))


def test_no_fault_repeats_a_value_that_is_encrypted() -> None:
    """Somebody may have set another key as a secret, or a secret as another key."""
    with pytest.raises(SettingsError) as refusal:
        admit("prod", engine_values({**COMPLETE, "domain": VALUE}), encrypted=("auren:domain",))
    assert "auren:domain: not written as it must be" in str(refusal.value)
    assert VALUE not in str(refusal.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("images", f'["{VALUE}"]'),
        ("images", f'["{VALUE}={VALUE}"]'),
        ("images", f'["{VALUE}=docker.io/library/redis:7"]'),
        ("images", f'[{{"api": "{VALUE}"}}]'),
        ("builds", f'["api={VALUE}"]'),
        ("waivers", f'["{VALUE}"]'),
        ("contentSources", f'["{VALUE}"]'),
        ("sshAllowed", f'["{VALUE}"]'),
        ("domain", f"www.{VALUE}.ai"),
        ("domain", f"{VALUE}.ai"),
        ("corsOrigins", f'["https://{VALUE}:443"]'),
        ("corsOrigins", f'["https://{VALUE}", "https://{VALUE}"]'),
    ],
)
def test_no_fault_repeats_a_part_of_an_encrypted_value(key: str, value: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        admit("prod", engine_values({**COMPLETE, key: value}), encrypted=(f"auren:{key}",))
    said = str(refusal.value)
    assert VALUE not in said
    assert said.count("set it without `--secret` to read the reason") <= 1
    assert f"  auren:{'cloudflareZone' if value == f'{VALUE}.ai' else key}" in said


def _deployed(changes: Mapping[str, str]) -> Rehearsal:
    chosen = settings(**changes)
    return rehearse(lambda: stack.deploy(place(describe(chosen)), Deployed()), preview=False)


@pytest.fixture(scope="module")
def given() -> Rehearsal:
    return _deployed(GIVEN)


def test_a_given_secret_is_a_file_of_each_reader_and_nothing_else(given: Rehearsal) -> None:
    for service, user in (("api", "10001:10001"), ("bridge", "10003:10003")):
        command = given.command(f"secret.{service}.model_key")
        words = shlex.split(command.inputs["create"])
        assert words[words.index("--") + 1 :] == [f"/opt/auren/services/{service}/secrets", "model_key", user]
        expected = digest("PASSWORD-digests-PASSWORD", VALUE)
        assert command.inputs["stdin"] == f"{script('put_secret')}{expected}\n{VALUE}"
        assert "stdin" in command.secrets
        staged = given.command(f"{service}-release")
        assert command.urn in staged.dependencies
        assert shlex.split(staged.inputs["create"])[-1] == f"model_key={expected}"
    elsewhere = [resource.name for resource in given.resources if VALUE in json.dumps(resource.inputs)]
    assert elsewhere == [f"{NAME}-secret.api.model_key", f"{NAME}-secret.bridge.model_key"]
    assert VALUE not in json.dumps(given.outputs)


def test_compose_mounts_it_and_the_environment_has_nothing_of_it() -> None:
    """The API has other secrets, in a directory that is mounted. Kafka has none, so it gets the directory."""
    given = planned(describe(settings(**{**GIVEN, "serviceSecrets": '["model_key=api,kafka"]'})))
    plain = planned(describe(settings()))
    changed = {name: release(given, name) for name in given.by_name if release(given, name) != release(plain, name)}
    assert changed.keys() == {"kafka"}
    before, after = release(plain, "kafka").compose.splitlines(), changed["kafka"].compose.splitlines()
    mount = f"/opt/auren/services/kafka/releases/{RELEASE_ID}/secrets:/run/secrets:ro"
    assert [line.strip() for line in difflib.ndiff(before, after) if line[0] in "+-"] == [f"+     - {mount}"]


def test_another_value_starts_its_readers_anew_and_nobody_else(given: Rehearsal) -> None:
    other = _deployed({**GIVEN, "secrets": json.dumps({"model_key": "another", "Registry-Token": "ghp_0123"})})
    before = {resource.urn: resource.inputs for resource in given.resources}
    changed = {
        resource.name.removeprefix(f"{NAME}-")
        for resource in other.resources
        if resource.inputs != before[resource.urn]
    }
    readers = {f"{service}{command}" for service in ("api", "bridge") for command in ("", "-release")}
    assert changed == {*readers, "secret.api.model_key", "secret.bridge.model_key"}


def test_names_of_given_secrets_meet_no_other_command() -> None:
    """kafka has a command kafka-topics, chromadb chromadb-statement, and kafka-ui begins like kafka."""
    names = {"topics": "kafka", "ui-a": "kafka", "a": "kafka-ui", "statement": "chromadb", "properties": "kafka"}
    made = deploy(
        secrets=json.dumps(dict.fromkeys(names, "x")),
        serviceSecrets=json.dumps([f"{name}={service}" for name, service in names.items()]),
    )
    urns = [resource.urn for resource in made.resources]
    assert len(urns) == len(set(urns))


def test_a_login_is_a_file_of_root_that_pulls_wait_for(given: Rehearsal, update: Rehearsal) -> None:
    command = given.command("registries")
    words = shlex.split(command.inputs["create"])
    assert words[words.index("--") + 1 :] == ["/etc/auren/registries/config.json", "0600", "root:root"]
    assert "stdin" in command.secrets
    written = json.loads(command.inputs["stdin"].removeprefix(script("put_file")))
    assert written == {"auths": {"ghcr.io": {"auth": base64.b64encode(b"auren:ghp_0123").decode()}}}
    for name in ("api-release", "redis-release"):
        assert command.urn in given.command(name).dependencies
    gone = update.command("registries")
    assert gone.urn == command.urn, "one command, so that the file goes with the setting"
    assert gone.inputs["stdin"] == script("remove_file")


def test_docker_hub_has_a_key_of_its_own() -> None:
    text = docker_config({"docker.io": "ada", "r.test:5000": "eve"}, {"docker.io": "p:q", "r.test:5000": "ü"})
    logins = {host: base64.b64decode(login["auth"]).decode() for host, login in json.loads(text)["auths"].items()}
    assert logins == {"https://index.docker.io/v1/": "ada:p:q", "r.test:5000": "eve:ü"}


@pytest.mark.parametrize("protect", ["true", "false"])
def test_passwords_are_protected_with_the_volume(protect: str) -> None:
    """After a destroy that left the volume, new passwords did not open it."""
    made = deploy(protectData=protect)
    volume = made.only("digitalocean:index/volume:Volume")
    for name in ("postgres", "redis"):
        password = made.one("random:index/randomPassword:RandomPassword", name)
        assert password.protect is volume.protect is (protect == "true")


def test_passwords_stay_what_they_were_under_their_component_of_before(update: Rehearsal) -> None:
    for name in ("postgres", "redis"):
        urn = update.one("random:index/randomPassword:RandomPassword", name).urn
        assert any(alias.endswith(f"auren:host:Configuration::{NAME}") for alias in update.aliases[urn]), (
            "or they would be deleted and made anew"
        )
