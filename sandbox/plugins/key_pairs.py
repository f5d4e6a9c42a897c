"""Key pairs in several formats.

Separate from `tls.py`, which every preview imports: `cryptography` is imported only when a key is created.
"""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

PrivateKeyTypes = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

CURVES = {"P224": ec.SECP224R1, "P256": ec.SECP256R1, "P384": ec.SECP384R1, "P521": ec.SECP521R1}


def key_pair(algorithm: str, curve: str, bits: int) -> tuple[str, dict[str, str]]:
    """A new pair: its id, which is the public key's digest, and the properties that hold it."""
    key = _generate(algorithm, curve, bits)
    public = key.public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    traditional = not isinstance(key, ed25519.Ed25519PrivateKey)
    pkcs8 = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return hashlib.sha1(der, usedforsecurity=False).hexdigest(), {
        "privateKeyPem": _traditional(key) if traditional else pkcs8,
        "privateKeyPemPkcs8": pkcs8,
        "publicKeyPem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        **_openssh(key),
    }


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
