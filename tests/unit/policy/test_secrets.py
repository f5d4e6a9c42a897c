"""Secrets in plain in what goes to a machine: in files that are packed, and in the texts of our own commands."""

import bz2
import gzip
import importlib
import json
import lzma
from base64 import b64encode, encodebytes, urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from auren_infra.files.directory import pack
from auren_infra.host.machine import script
from auren_infra.release_text import Release
from policy.carried import MOST_EXPANDED, texts
from policy.resource import Resource, Stack
from policy.rules.secrets import LOOKS, RULES, STACK_RULES

(PLAIN,), (GENERATED,) = RULES, STACK_RULES
AWS_KEY = "AKIAIOSFODNN7EXAMPLE"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"


def _compose(**environment: str) -> Resource:
    document = {"services": {"postgres": {"image": "docker.io/library/postgres:17", "environment": environment}}}
    stdin = script("stage") + Release("999:999", yaml.safe_dump(document, width=120), {}).text
    return Resource("command:remote:Command", "auren-prod-postgres-release", "urn", {"stdin": stdin})


def _packed(tmp_path: Path, files: Mapping[str, bytes]) -> Resource:
    """The command that sends these files."""
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    stdin = script("put_tree") + pack(tmp_path)
    return Resource("command:remote:Command", "auren-prod-website", "urn", {"stdin": stdin}, unmarked={"stdin": stdin})


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (f'const key = "{AWS_KEY}";'.encode(), "an AWS access key"),
        (AWS_KEY.encode(), "an AWS access key"),
        (f"\u00e9{AWS_KEY}\u00e9".encode(), "an AWS access key"),
        (b"\0\xff" * 500 + AWS_KEY.encode() + b"\0\xff", "an AWS access key"),
        (f"key: {AWS_KEY}".encode("utf-16"), "an AWS access key"),
        (f"key: {AWS_KEY}".encode("utf-16-be"), "an AWS access key"),
        (gzip.compress(f"SELECT '{AWS_KEY}';".encode(), mtime=0), "an AWS access key"),
        (bz2.compress(AWS_KEY.encode()), "an AWS access key"),
        (lzma.compress(AWS_KEY.encode()), "an AWS access key"),
        (b"//# sourceMappingURL=data:application/json;base64," + b64encode(AWS_KEY.encode()), "an AWS access key"),
        (b'{"a":"' + b64encode(b"x " * 50 + b64encode(b"yy " + AWS_KEY.encode())) + b'"}', "an AWS access key"),
        (urlsafe_b64encode(b"\xff\xff\xff" + AWS_KEY.encode() + b" \xff"), "an AWS access key"),
        *(
            (encodebytes(b". " * before + AWS_KEY.encode() + b" ." * 60), "an AWS access key")
            for before in range(20, 30)
        ),
        (b"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "an AWS secret key"),
        (b'{"secretAccessKey": "x", "AWS_SECRET_KEY":"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}', "an AWS secret key"),
        (PEM.encode(), "a private key"),
        (json.dumps({"key": PEM}).encode(), "a private key"),
        (b"x\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ", "a private key"),
        (b"dop_v1_" + b"0123456789abcdef" * 4, "a DigitalOcean token"),
        (b"ghp_" + b"a1B2" * 9, "a GitHub token"),
        (b"glpat-" + b"a1B2c" * 4, "a GitLab token"),
        (b"xoxb-123456789012-a1B2c3D4e5F6", "a Slack token"),
        (b"sk_live_" + b"a1B2" * 6, "a Stripe key"),
        (b"sk-proj-" + b"a1B2" * 10, "an API key"),
        (b"CREATE SERVER x OPTIONS (url 'postgres://auren:hunter2@db/auren');", "a password in a URL"),
        (rb'{"url":"https:\/\/ada:lovelace@example.org\/"}', "a password in a URL"),
    ],
)
def test_a_secret_in_a_file_that_is_sent_is_told_with_the_files_name(tmp_path: Path, content: bytes, what: str) -> None:
    files = {"index.html": b"<title>AUREN</title>", "assets/app one.js": content}
    faults = [*PLAIN.check(_packed(tmp_path, files))]
    assert faults == [f"stdin holds {what} in plain, in assets/app one.js: take it out of the file, and revoke it."]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        bytes(range(256)) * 100,
        b'const begin = "-----BEGIN PRIVATE KEY-----", end = "-----END PRIVATE KEY-----";',
        b"`-----BEGIN RSA PRIVATE KEY-----\\n${key}\\n-----END RSA PRIVATE KEY-----`",
        b".sk-toggleable__label-arrow{} .sk-fading-circle-of-many-dots{}",
        b"postgres://user:password@localhost/db redis://:xxxx@host mongodb://ada:<password>@host https://a:***@b.org",
        b"https://example.org:8080/@user ssh://git@github.com/a/b https://$user:$password@example.org",
        b"XAKIAIOSFODNN7EXAMPLE AKIAIOSFODNN7EXAMPLEX",
        b"\x1f\x8b" + b"no gzip",
        b"BZh" + b"no bzip2",
        b"\xfd7zXZ\0" + b"no xz",
        gzip.compress(b"half a file", mtime=0)[:-12],
    ],
)
def test_what_only_looks_like_a_secret_in_a_file_is_not_told(tmp_path: Path, content: bytes) -> None:
    assert [*PLAIN.check(_packed(tmp_path, {"app.js": content}))] == []


def test_every_file_with_a_secret_is_told_once_and_many_are_counted(tmp_path: Path) -> None:
    line = f"{AWS_KEY}\n".encode()
    two = _packed(tmp_path / "two", {"a.js": line * 3 + PEM.encode(), "b/c.sql": line, "d.js": b"x"})
    assert [fault.partition(":")[0] for fault in PLAIN.check(two)] == [
        "stdin holds a private key in plain, in a.js",
        "stdin holds an AWS access key in plain, in a.js",
        "stdin holds an AWS access key in plain, in b/c.sql",
    ]
    many = _packed(tmp_path / "many", {f"{number:03}.js": line for number in range(300)})
    faults = [*PLAIN.check(many)]
    assert len(faults) == 21
    assert faults[-1] == "And 280 more of this kind."


def test_the_texts_that_our_own_scripts_carry_are_looked_into() -> None:
    """Compose writes `$$` for a dollar sign; a text of several lines is quoted and folded."""
    url = _compose(DATABASE="postgres://auren:pa$$word1@db/auren")
    assert "postgres is given a password in a URL in DATABASE" in " ".join(PLAIN.check(url))
    folded = _compose(KEY=f"{'x ' * 30}{PEM}")
    assert "postgres is given a private key in KEY" in " ".join(PLAIN.check(folded))
    plain = Resource(
        "command:remote:Command",
        "auren-prod-x",
        "urn",
        {},
        unmarked={"stdin": f"x\ty\nkey\t{AWS_KEY}\n", "create": b64encode(AWS_KEY.encode()).decode()},
    )
    assert [fault.split(":")[0] for fault in PLAIN.check(plain)] == [
        "stdin holds an AWS access key in plain",
        "create holds an AWS access key in plain",
    ]


def test_what_is_read_of_a_text_is_bounded_by_its_length() -> None:
    """However deep it is packed; and a compressed file is read as far as a limit for all of them."""
    nested = b"x"
    while len(nested) < 1_000_000:
        nested = b64encode(nested + b" " * 30)
    packed = f"a.js\t{b64encode(nested).decode()}\n"
    assert sum(len(carried.text) for carried in texts(packed)) < 4 * len(packed)
    bomb = b64encode(gzip.compress(b"a " * MOST_EXPANDED)).decode()
    bombs = "".join(f"{number}.gz\t{bomb}\n" for number in range(5))
    assert sum(len(carried.text) for carried in texts(bombs)) < 1.5 * MOST_EXPANDED


@pytest.mark.parametrize("what", LOOKS)
def test_no_pattern_looks_further_than_its_bound(what: str) -> None:
    """Without one, the time for a file that repeats the beginning of a secret grows with the square of its size."""
    parser: Any = importlib.import_module("re._parser")
    _, longest = parser.parse(LOOKS[what].pattern).getwidth()
    assert longest < 1000


def test_a_generated_secret_is_found_in_a_file_that_is_sent() -> None:
    password = Resource("random:index/randomPassword:RandomPassword", "postgres", "urn-p", {"result": "correct-horse"})
    packed = f"conf/db.txt\t{b64encode(b'correct-horse').decode()}\nplain.txt\t{b64encode(b'horse').decode()}\n"
    told = Resource("x", "told", "urn-told", {}, unmarked={"stdin": packed})
    ((urn, fault),) = GENERATED.check(Stack([password, told]))
    assert urn == "urn-told"
    assert fault == "stdin holds the secret of postgres in plain, in conf/db.txt: keep the mark that it came with."
