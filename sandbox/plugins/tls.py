"""`tls:index/privateKey:PrivateKey`, as the official plugin makes it: the key lives in the state alone."""

# ruff: noqa: ARG002  the interface's arguments are not needed everywhere

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sandbox.plugins.resource import Operation, Plugin, Resource, State
from sandbox.plugins.schema import Fault, Schema
from sandbox.plugins.values import UNKNOWN, Values

PrivateKeyTypes = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

ALGORITHMS = ("RSA", "ECDSA", "ED25519")
CURVES = {"P224": ec.SECP224R1, "P256": ec.SECP256R1, "P384": ec.SECP384R1, "P521": ec.SECP521R1}
DEFAULT_CURVE = "P224"
DEFAULT_BITS = 2048
LEAST_BITS = 1024


def plugin() -> Plugin:
    return Plugin("tls", Schema("tls"), {PrivateKey.token: PrivateKey()})


class PrivateKey(Resource):
    """A key pair in every form that somebody may need; any change makes a new one."""

    token = "tls:index/privateKey:PrivateKey"

    def check(self, inputs: Values) -> list[Fault]:
        faults: list[Fault] = []
        allowed = {"algorithm": ALGORITHMS, "ecdsaCurve": tuple(CURVES)}
        for name, values in allowed.items():
            if name in inputs and inputs[name] is not UNKNOWN and inputs[name] not in values:
                faults.append(Fault(name, f"expected one of {', '.join(values)}, got {inputs[name]}"))
        bits = inputs.get("rsaBits", DEFAULT_BITS)
        if bits is not UNKNOWN and bits < LEAST_BITS:
            faults.append(Fault("rsaBits", f"an RSA key has at least {LEAST_BITS} bits, got {bits}"))
        return faults

    async def create(self, operation: Operation, inputs: Values) -> State:
        curve, bits = inputs.get("ecdsaCurve", DEFAULT_CURVE), inputs.get("rsaBits", DEFAULT_BITS)
        key = _generate(inputs["algorithm"], curve, bits)
        public = key.public_key()
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        traditional = not isinstance(key, ed25519.Ed25519PrivateKey)
        pkcs8 = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        outputs = {
            **inputs,
            "ecdsaCurve": curve,
            "rsaBits": bits,
            "privateKeyPem": _traditional(key) if traditional else pkcs8,
            "privateKeyPemPkcs8": pkcs8,
            "publicKeyPem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
            **_openssh(key),
        }
        return State(hashlib.sha1(der, usedforsecurity=False).hexdigest(), outputs)

    async def delete(self, operation: Operation, state: State) -> None:
        """It is in the state alone, and goes with it."""


def _generate(algorithm: str, curve: str, bits: int) -> PrivateKeyTypes:
    if algorithm == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=bits)
    if algorithm == "ECDSA":
        return ec.generate_private_key(CURVES[curve]())
    return ed25519.Ed25519PrivateKey.generate()


def _traditional(key: PrivateKeyTypes) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def _openssh(key: PrivateKeyTypes) -> dict[str, str]:
    """The forms of OpenSSH, which knows no curve P224: then they are empty."""
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP224R1):
        names = ("privateKeyOpenssh", "publicKeyOpenssh", "publicKeyFingerprintMd5", "publicKeyFingerprintSha256")
        return dict.fromkeys(names, "")
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    blob = base64.b64decode(line.split()[1])
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    sha256 = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return {
        "privateKeyOpenssh": key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode(),
        "publicKeyOpenssh": f"{line.decode()}\n",
        "publicKeyFingerprintMd5": ":".join(digest[i : i + 2] for i in range(0, len(digest), 2)),
        "publicKeyFingerprintSha256": f"SHA256:{sha256}",
    }
