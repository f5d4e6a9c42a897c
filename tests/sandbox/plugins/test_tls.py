"""Keys as other tools read them, and that they stay what they are."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from sandbox.plugins.resource import Operation, Severity
from sandbox.plugins.tls import PrivateKey
from sandbox.plugins.values import UNKNOWN, Values
from tests.sandbox.engine.project import Project


async def silent(_: Severity, __: str) -> None:
    pass


def make(**inputs: object) -> Values:
    return asyncio.run(PrivateKey().create(Operation("urn::k", 0, silent), dict(inputs))).outputs


@pytest.mark.parametrize(
    "inputs",
    [
        {"algorithm": "ED25519"},
        {"algorithm": "RSA", "rsaBits": 1024},
        {"algorithm": "ECDSA", "ecdsaCurve": "P256"},
        {"algorithm": "ECDSA", "ecdsaCurve": "P521"},
    ],
)
def test_openssh_agrees_with_every_form(tmp_path: Path, inputs: Values) -> None:
    key = make(**inputs)
    for name, option in (("privateKeyOpenssh", "-y"), ("publicKeyOpenssh", "-l")):
        path = tmp_path / name
        path.write_text(key[name])
        path.chmod(0o600)
        shown = subprocess.run(["ssh-keygen", option, "-f", str(path)], capture_output=True, text=True, check=True)
        expected = key["publicKeyOpenssh"].strip() if option == "-y" else key["publicKeyFingerprintSha256"]
        assert expected in shown.stdout
    public = load_pem_public_key(key["publicKeyPem"].encode())
    for name in ("privateKeyPem", "privateKeyPemPkcs8"):
        assert load_pem_private_key(key[name].encode(), None).public_key() == public
    assert key["privateKeyPemPkcs8"].startswith("-----BEGIN PRIVATE KEY-----")
    assert len(key["publicKeyFingerprintMd5"].split(":")) == 16


def test_the_default_curve_has_no_openssh_form() -> None:
    key = make(algorithm="ECDSA")
    assert key["ecdsaCurve"] == "P224"
    assert key["privateKeyOpenssh"] == key["publicKeyOpenssh"] == ""


@pytest.mark.parametrize(
    ("inputs", "place"),
    [
        ({"algorithm": "DSA"}, "algorithm"),
        ({"algorithm": "ECDSA", "ecdsaCurve": "P1"}, "ecdsaCurve"),
        ({"algorithm": "RSA", "rsaBits": 512}, "rsaBits"),
    ],
)
def test_what_makes_no_key_is_refused(inputs: Values, place: str) -> None:
    assert [fault.property for fault in PrivateKey().check(inputs)] == [place]
    assert PrivateKey().check(dict.fromkeys(inputs, UNKNOWN)) == []


def test_a_key_lives_in_the_state_as_a_secret(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    project.write("""
        import pulumi, pulumi_tls
        key = pulumi_tls.PrivateKey("k", algorithm="ED25519")
        pulumi.export("public", key.public_key_openssh)
        pulumi.export("private", key.private_key_openssh)
    """)
    project.run("up", "--yes")
    before = project.outputs()
    assert before["public"].startswith("ssh-ed25519 ")
    assert "PRIVATE KEY" not in project.state()
    project.run("refresh", "--yes", "--expect-no-changes")
    project.run("up", "--yes", "--expect-no-changes")
    assert project.outputs() == before
    project.write("""
        import pulumi_tls
        pulumi_tls.PrivateKey("k", algorithm="RSA", rsa_bits=1024)
    """)
    assert "+-1 to replace" in project.run("preview")
