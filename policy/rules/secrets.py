"""Secrets are marked as secret wherever they are, so that state, preview and logs hold them encrypted or hidden.

Two kinds of mistake are looked for in what is not marked: a secret that somebody wrote into the program or its
configuration, and one that Pulumi generated and that lost its mark.
"""

import re
from collections.abc import Iterable

from policy.compose import services
from policy.resource import Resource, Rule, Stack, StackRule

_WRITTEN = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a DigitalOcean token": re.compile(r"\bdo[opr]_v1_[0-9a-f]{64}\b"),
    "a GitHub token": re.compile(r"\b(gh[opsur]_[A-Za-z0-9]{36}|github_pat_\w{22})"),
    "an AWS access key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "an API key": re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"),
    "a password in a URL": re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@'\"$]+:[^\s/:@'\"${]+@"),
}
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
        for what, pattern in _WRITTEN.items():
            if pattern.search(text):
                yield f"{path} holds {what} in plain: make it a secret, or keep it out."
    for service in services(resource):
        for name, value in service.environment.items():
            if value and _NAMED.search(name):
                yield f"{service.name} is given {name} in its environment: mount it as a file, and name the file."


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
            for secret, name in secrets.items():
                if secret in text:
                    yield resource.urn, f"{path} holds the secret of {name} in plain: keep the mark that it came with."


RULES = (Rule("plain-secret", "No secret is in a property that is not marked as secret.", _written_in_plain),)
STACK_RULES = (
    StackRule(
        "generated-secret-in-plain",
        "No generated secret is in a property that is not marked as secret.",
        _generated_in_plain,
    ),
)
