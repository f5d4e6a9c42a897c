"""Secrets are marked as secret wherever they are, so that state, preview and logs hold them encrypted or hidden.

Two kinds of mistake are looked for in what is not marked: a secret that somebody wrote into the program, its
configuration or a file that it sends, and one that Pulumi generated and that lost its mark.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from policy.carried import texts
from policy.compose import services
from policy.resource import Resource, Rule, Stack, StackRule

# Each repetition has a bound: a file of 16 MB that repeats the beginning of a secret must not take minutes.
LOOKS = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"),
    "a DigitalOcean token": re.compile(r"\bdo[opr]_v1_[0-9a-f]{64}\b", re.ASCII),
    "a GitHub token": re.compile(r"\b(gh[opsur]_[A-Za-z0-9]{36}|github_pat_\w{22})", re.ASCII),
    "a GitLab token": re.compile(r"\bglpat-[A-Za-z0-9_-]{20}", re.ASCII),
    "a Slack token": re.compile(r"\bxox[abeoprs]-[0-9]{8,15}-[A-Za-z0-9-]{10}", re.ASCII),
    "a Stripe key": re.compile(r"\b[rs]k_live_[A-Za-z0-9]{16}", re.ASCII),
    "an AWS access key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b", re.ASCII),
    "an AWS secret key": re.compile(
        r"aws_?secret_?(access_?)?key[\"']?\s{0,5}[:=]\s{0,5}[\"']?[A-Za-z0-9/+]{40}\b", re.ASCII | re.IGNORECASE
    ),
    # With a digit: without one, it is the name of a style.
    "an API key": re.compile(r"\bsk-(?=[A-Za-z_-]{0,40}[0-9])[A-Za-z0-9_-]{20}", re.ASCII),
    "a password in a URL": re.compile(
        r"\b[a-z][a-z0-9+.-]{1,20}:(\\?/){2}[^\s/:@'\"$\\]{1,100}:(?P<password>[^\s/:@'\"${\\]{1,200})@", re.ASCII
    ),
}
_NO_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
    r"(?!([^A-Za-z0-9]|\\[nr]){0,40}(M[A-J][A-Za-z0-9+/]{6}|b3BlbnNz|Proc-Type))"
)
"""What a program has to write and to read keys: their first line, and no key behind it."""
_NO_PASSWORD = re.compile(
    r"(my_?)?(pass(word|wd|phrase)?|pwd|pw|secret|token|x+|\*+|\.+|<[^>]*>|\[[^\]]*\])", re.IGNORECASE
)
"""What stands for a password in a documentation."""
_MOST_TOLD = 20
"""Faults of one text that are named; the others are counted."""
_NAMED = re.compile(
    r"(password|passwd|passphrase|secret|token|private_?key(_?openssh|_?pem)?|api_?key)$", re.IGNORECASE
)
GENERATED = {
    "random:index/randomPassword:RandomPassword": ("result",),
    "tls:index/privateKey:PrivateKey": ("privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"),
}
"""Resource type -> the outputs of it that are secret."""


def _written_in_plain(resource: Resource) -> Iterable[str]:
    for path, text in resource.unmarked.items():
        if text and _NAMED.search(path):
            yield f"{path} is no secret to Pulumi: make it one, with `pulumi config set --secret` or Output.secret."
        yield from _first(_by_looks(path, text))
    for service in services(resource):
        for name, value in service.environment.items():
            if value and _NAMED.search(name):
                yield f"{service.name} is given {name} in its environment: mount it as a file, and name the file."
            # Compose writes `$$` for a dollar sign, and breaks long texts into lines.
            for what in _found(value.replace("$$", "_")):
                yield f"{service.name} is given {what} in {name}: mount it as a file, and name the file."


def _by_looks(path: str, text: str) -> Iterator[str]:
    told: set[tuple[str, str]] = set()
    for carried in texts(text):
        for what in _found(carried.text, in_file=bool(carried.file)):
            if (carried.file, what) in told:
                continue
            told.add((carried.file, what))
            if carried.file:
                yield f"{path} holds {what} in plain, in {carried.file}: take it out of the file, and revoke it."
            else:
                yield f"{path} holds {what} in plain: make it a secret, or keep it out."


def _found(text: str, *, in_file: bool = False) -> Iterator[str]:
    """What the text holds. A file may hold what only looks like a secret: it is a program or a documentation."""
    for what, pattern in LOOKS.items():
        if any(not (in_file and _stands_for_one(match)) for match in pattern.finditer(text)):
            yield what


def _stands_for_one(match: re.Match[str]) -> bool:
    password = match.groupdict().get("password")
    if password is not None:
        return _NO_PASSWORD.fullmatch(password) is not None
    return _NO_KEY.match(match.string, match.start()) is not None


def _first(faults: Iterable[str]) -> Iterator[str]:
    told = list(faults)
    yield from told[:_MOST_TOLD]
    if len(told) > _MOST_TOLD:
        yield f"And {len(told) - _MOST_TOLD} more of this kind."


def _generated_in_plain(stack: Stack) -> Iterable[tuple[str, str]]:
    """It needs the secrets, which are known once they were made: as an update ends, and in every later preview."""
    secrets = {
        value.strip(): resource.name
        for resource in stack.resources
        for output in GENERATED.get(resource.type, ())
        if isinstance(value := resource.text(output), str) and value.strip()
    }
    for resource in stack.resources:
        for path, text in resource.unmarked.items():
            yield from ((resource.urn, fault) for fault in _first(_lost_marks(path, text, secrets)))


def _lost_marks(path: str, text: str, secrets: Mapping[str, str]) -> Iterator[str]:
    """`secrets` are the names of their resources by the secrets."""
    told: set[tuple[str, str]] = set()
    for carried in texts(text):
        for secret, name in secrets.items():
            if secret in carried.text and (carried.file, name) not in told:
                told.add((carried.file, name))
                place = f", in {carried.file}" if carried.file else ""
                yield f"{path} holds the secret of {name} in plain{place}: keep the mark that it came with."


RULES = (Rule("plain-secret", "No secret is in a property that is not marked as secret.", _written_in_plain),)
STACK_RULES = (
    StackRule(
        "generated-secret-in-plain",
        "No generated secret is in a property that is not marked as secret.",
        _generated_in_plain,
    ),
)
