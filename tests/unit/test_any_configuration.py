"""Whatever is written: it is accepted, or refused with its key. Nothing else comes out, nothing wrong gets through."""

import json
from ipaddress import IPv4Network

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from auren_infra.admission import admit
from auren_infra.droplet_sizes import SIZES
from auren_infra.settings import Settings, SettingsError
from auren_infra.settings.content_sources import DIRECTIVES
from auren_infra.settings.docker import DockerSource, offered
from auren_infra.settings.networks import is_public
from auren_infra.settings.systems import SYSTEMS
from tests.examples import examples
from tests.unit.configuration import COMPLETE, ED25519, PINS, engine_values

KEYS = [str(field.alias) for field in Settings.model_fields.values()]
LISTS = {
    "sshAllowed",
    "kafkaUiAllowed",
    "operatorKeys",
    "images",
    "builds",
    "serviceSecrets",
    "registries",
    "corsOrigins",
    "contentSources",
    "waivers",
}
RANGES = {
    "dataVolumeSize": 16_384,
    "migrationSeconds": 3600,
    "drainSeconds": 600,
    "watchSeconds": 600,
    "maxUploadMegabytes": 1024,
    "apiRequestsPerSecond": 100_000,
    "apiRequestBurst": 10_000,
    "users": 1_000_000,
    "monthlyLimitUsd": 100_000,
}
MAY_BE_ZERO = {"drainSeconds", "watchSeconds"}
WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
ANYTHING = st.text() | JSON.map(json.dumps) | st.text(st.characters()).map(lambda text: json.dumps([text]))
"""What an operator's hand, a broken script or the engine could put there."""

_LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
_DOMAIN = st.lists(_LABEL, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "org"]))
_NETWORK = st.builds(
    lambda address, prefix: str(IPv4Network((address & (-1 << (32 - prefix)), prefix))),
    st.integers(0x0B000000, 0x7EFFFFFF),
    st.integers(8, 32),
).filter(lambda network: is_public(IPv4Network(network)))
_PATH = st.from_regex(r"[a-z0-9]{1,8}([._-][a-z0-9]{1,8}){0,2}", fullmatch=True)
_REFERENCE = st.builds(
    lambda host, path, tag: f"{host}/{path}:{tag}",
    _DOMAIN,
    _PATH,
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True).filter(lambda tag: tag != "latest"),
)
RIGHT: dict[str, st.SearchStrategy[str]] = {
    "domain": _DOMAIN.filter(lambda domain: not domain.startswith("www.")),
    "proxied": st.sampled_from(["true", "false"]),
    "name": st.from_regex(r"[a-z][a-z0-9-]{0,61}[a-z0-9]", fullmatch=True),
    "region": st.from_regex(r"[a-z]{3}[0-9]", fullmatch=True),
    "dropletSize": st.sampled_from([name for name, size in SIZES.items() if size.memory_mb >= 4096]),
    "sshAllowed": st.lists(_NETWORK, max_size=5, unique_by=IPv4Network).map(json.dumps),
    "kafkaUiAllowed": st.lists(_NETWORK, max_size=5, unique_by=IPv4Network).map(json.dumps),
    "operatorKeys": st.lists(WORD, max_size=3, unique=True).map(
        lambda people: json.dumps([f"{ED25519.rpartition(' ')[0]} {person}" for person in people])
    ),
    "deployKey": st.sampled_from(["", ED25519, ED25519.rpartition(" ")[0]]),
    "vpcRange": st.integers(0, 15).map(lambda number: f"192.168.{16 * number}.0/20"),
    "protectData": st.sampled_from(["true", "false"]),
    "migration": st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=500),
    "rebootWindow": st.times().map(lambda time: f"{time:%H:%M}") | st.just(""),
    "images": st.fixed_dictionaries({"api": _REFERENCE, "bridge": _REFERENCE}, optional={"redis": _REFERENCE}).map(
        lambda images: json.dumps([f"{service}={reference}" for service, reference in images.items()])
    ),
    "corsOrigins": st.lists(_DOMAIN.map(lambda host: f"https://{host}:8443"), max_size=3, unique=True).map(json.dumps),
    "contentSources": st.lists(
        st.builds("{}=https://{}".format, st.sampled_from(list(DIRECTIVES)), _DOMAIN), max_size=5, unique=True
    ).map(json.dumps),
    "smokeTest": st.sampled_from(["domain", "address", "none"]),
    "nameServer": st.just("")
    | st.builds(lambda last, port: f"198.51.100.{last}{port}", st.integers(0, 255), st.sampled_from(["", ":53"])),
    **{key: st.integers(1, most).map(str) for key, most in RANGES.items()},
}
DOCKER = st.sampled_from(
    [
        {"dropletImage": image, "dockerSource": str(source), "dockerVersion": version.rsplit(".", cut)[0]}
        for image, system in SYSTEMS.items()
        for source in DockerSource
        for version in offered(system, source)
        for cut in (0, 1, 2)
    ]
)
"""Three settings that must fit each other."""

_NO_NUMBER = WORD | st.floats().map(json.dumps) | st.booleans().map(json.dumps) | st.just("[1]")
_PRIVATE = st.lists(
    st.builds(
        lambda block, prefix: str(IPv4Network((int(block.network_address), max(prefix, block.prefixlen)))),
        st.sampled_from([IPv4Network(block) for block in ("10.0.0.0/8", "192.168.0.0/16", "100.64.0.0/10")]),
        st.integers(8, 32),
    ),
    min_size=1,
    max_size=3,
    unique=True,
)
"""Lists of which nobody comes to a public address."""
_NO_LIST = WORD | st.integers().map(str) | st.just("{}") | st.just("[1]") | st.just("[[]]")
WRONG: dict[str, st.SearchStrategy[str]] = {
    "name": WORD.map(str.upper) | WORD.map(lambda word: f"{word}_{word}"),
    "domain": WORD | WORD.map(str.upper) | _DOMAIN.map(lambda domain: f"www.{domain}"),
    "proxied": WORD.filter(lambda word: word not in ("true", "false")) | st.integers().map(str),
    "region": WORD | st.from_regex(r"[A-Z]{3}[0-9]", fullmatch=True),
    "dropletSize": WORD | st.sampled_from([name for name, size in SIZES.items() if size.memory_mb < 4096]),
    "dropletImage": WORD | st.from_regex(r"(ubuntu|debian)-[a-z0-9]{2,4}-x64", fullmatch=True),
    "sshAllowed": _NO_LIST | WORD.map(lambda word: json.dumps([word])) | _PRIVATE.map(json.dumps),
    "kafkaUiAllowed": _NO_LIST | _NETWORK.map(lambda network: json.dumps([f"{network}/8"])),
    "operatorKeys": _NO_LIST | st.integers(20, 79).map(lambda end: json.dumps([ED25519[:end]])),
    "deployKey": WORD | st.integers(20, 79).map(lambda end: ED25519[:end]),
    "vpcRange": WORD
    | st.integers(11, 99).map(lambda first: f"{first}.0.0.0/20")
    | st.integers(17 * 256, 19 * 256 + 255).map(lambda block: f"172.{block // 256}.{block % 256}.0/24"),
    "protectData": WORD.filter(lambda word: word not in ("true", "false")),
    "dockerSource": WORD.filter(lambda word: word not in ("docker", "distribution")),
    "dockerVersion": WORD | st.integers(0, 23).map(str) | st.integers(30, 999).map(str),
    "migration": WORD.map(lambda word: f"{word}\n{word}")
    | WORD.map(lambda word: f"{word} \u2019")
    | st.just("x" * 501),
    "backups": WORD
    | st.builds("spaces://{}/{}".format, WORD, WORD.map(str.upper))
    | st.builds("s3://{}/{}".format, WORD, WORD),
    "freshBackupMinutes": _NO_NUMBER | st.integers(max_value=-1).map(str) | st.integers(10_081).map(str),
    "backupDays": _NO_NUMBER | st.integers(max_value=6).map(str) | st.integers(3651).map(str),
    "backupWeeks": _NO_NUMBER | st.integers(max_value=-1).map(str) | st.integers(521).map(str),
    "backupMonths": _NO_NUMBER | st.integers(max_value=-1).map(str) | st.integers(121).map(str),
    "restoreFrom": WORD | st.builds("s3://{}/{}".format, WORD, WORD),
    "realData": WORD.filter(lambda word: word not in ("true", "false")),
    "sqlAnonymise": WORD.map(lambda word: f"/nowhere/{word}"),
    "restore": WORD | st.datetimes().map(lambda moment: moment.isoformat()),
    "rebootWindow": WORD | st.integers().map(str) | st.just("24:00"),
    "images": _NO_LIST | st.just("[]") | WORD.map(lambda word: json.dumps([f"{service}={word}" for service in PINS])),
    "builds": _NO_LIST | WORD.map(lambda word: json.dumps([f"{word}=sandbox"])),
    "secrets": WORD.filter(lambda word: word != "null")
    | st.integers().map(str)
    | WORD.map(lambda word: json.dumps({word: ""})),
    "serviceSecrets": _NO_LIST | WORD.map(lambda word: json.dumps([word])),
    "registries": _NO_LIST | WORD.map(lambda word: json.dumps([word])),
    "website": WORD.map(lambda word: f"/nowhere/{word}"),
    "sqlInit": WORD.map(lambda word: f"/nowhere/{word}"),
    "corsOrigins": _NO_LIST | WORD.map(lambda word: json.dumps([f"ftp://{word}"])),
    "contentSources": _NO_LIST
    | st.builds("{}={}".format, st.sampled_from(list(DIRECTIVES)), WORD | st.just("*")).map(
        lambda entry: json.dumps([entry])
    )
    | st.builds("{}=https://{}".format, WORD, _DOMAIN).map(lambda entry: json.dumps([entry])),
    "movingFrom": WORD | st.integers(0, 255).map(lambda end: f"10.0.0.{end}"),
    "smokeTest": WORD.filter(lambda word: word not in ("domain", "address", "none")),
    "nameServer": WORD | st.integers(65_536, 99_999).map(lambda port: f"127.0.0.1:{port}"),
    "waivers": _NO_LIST | WORD.map(lambda word: json.dumps([f"{word}=some words of a reason"])),
    **{
        key: _NO_NUMBER
        | st.integers(max_value=-1 if key in MAY_BE_ZERO else 0).map(str)
        | st.integers(most + 1).map(str)
        for key, most in RANGES.items()
    },
}


def _faults(values: dict[str, str]) -> list[str]:
    """The fault lines of a refusal; none when it is accepted."""
    try:
        admit("prod", engine_values(values))
    except SettingsError as error:
        said = str(error)
        said.encode()  # or nobody could be shown it
        return [line.strip() for line in said.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    return []


@pytest.mark.parametrize("key", KEYS)
@settings(deadline=None, max_examples=examples(30))  # a directory such as / takes its time
@given(value=ANYTHING)
def test_anything_is_accepted_or_refused_with_its_key(key: str, value: str) -> None:
    faults = _faults({**COMPLETE, key: value})
    others = (
        "auren:cloudflareZone:",
        "auren:dockerVersion:",
        "auren:secrets:",
    )  # which are right beside certain values of others only
    assert all(fault.startswith((f"auren:{key}:", f"auren:{key}[", *others)) for fault in faults)


@settings(deadline=None)
@given(key=st.text(min_size=1, max_size=20), value=ANYTHING)
def test_an_unknown_key_is_refused(key: str, value: str) -> None:
    assume(key not in KEYS)
    (fault,) = _faults({**COMPLETE, key: value})
    assert "there is no such setting; the settings are name, domain" in fault


@settings(deadline=None)
@given(wrong=st.sets(st.sampled_from(sorted(WRONG)), min_size=1).flatmap(lambda keys: _drawn(WRONG, keys)))
def test_every_wrong_value_is_refused_and_all_at_once(wrong: dict[str, str]) -> None:
    faults = _faults({**COMPLETE, **wrong})
    assert {fault.partition(":")[2].partition(":")[0].partition("[")[0] for fault in faults} == wrong.keys()
    assert len(faults) == len(wrong)


@settings(deadline=None)
@given(right=st.sets(st.sampled_from(sorted(RIGHT))).flatmap(lambda keys: _drawn(RIGHT, keys)), docker=DOCKER)
def test_every_right_value_is_accepted(right: dict[str, str], docker: dict[str, str]) -> None:
    zone = {"cloudflareZone": right["domain"]} if "domain" in right else {}
    assert _faults({**COMPLETE, "kafkaUiAllowed": "[]", **right, **zone, **docker}) == []


def _drawn(values: dict[str, st.SearchStrategy[str]], keys: set[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({key: values[key] for key in sorted(keys)})


def test_every_key_has_its_wrong_values() -> None:
    assert [key for key in KEYS if key in WRONG or key == "cloudflareZone"] == KEYS  # whose fault is the domain's, too
