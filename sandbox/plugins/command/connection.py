"""What a connection says: whom to reach, as whom, and which host key to expect. Nothing here connects."""

import base64
import binascii
from dataclasses import dataclass
from typing import Self

from sandbox.plugins.values import Values

DIAL_ERROR_LIMIT = 10
PER_DIAL_TIMEOUT = 15

KEY_ALGORITHMS = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}
"""The kinds of host key, each with the signatures that it can be asked for."""


@dataclass(frozen=True)
class HostKey:
    """The only key that a machine may show: `ssh-ed25519 AAAA… comment`, as in authorized_keys."""

    kind: str
    blob: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises `ValueError` when it is no public key."""
        words = text.split()
        kind = next((word for word in words if word in KEY_ALGORITHMS), None)
        if kind is None or words.index(kind) + 1 == len(words):
            raise ValueError("ssh: no key found")
        try:
            blob = base64.b64decode(words[words.index(kind) + 1], validate=True)
        except binascii.Error as fault:
            raise ValueError("ssh: no key found") from fault
        name = kind.encode()
        if blob[: len(name) + 4] != len(name).to_bytes(4) + name:
            raise ValueError(f"ssh: the key is no {kind} key")
        return cls(kind, blob)


def host_key_fault(text: str) -> str | None:
    try:
        HostKey.parse(text)
    except ValueError as fault:
        return f"{fault}: expected the authorized_keys format, for example 'ssh-ed25519 AAAA…'"
    return None


@dataclass(frozen=True)
class Endpoint:
    """One machine to log in to. The defaults are the official plugin's."""

    host: str
    port: int
    user: str
    password: str | None
    private_key: str | None
    private_key_password: str | None
    agent_socket: str | None
    host_key: HostKey | None
    """None: whatever key the machine shows is accepted, as in the official plugin."""
    dial_error_limit: int
    """Failed attempts after which it is given up; -1 for never."""
    per_dial_timeout: float | None
    """Seconds for one attempt; None for as long as it takes."""

    @classmethod
    def of(cls, values: Values) -> Self:
        host_key = values.get("hostKey")
        return cls(
            host=values["host"],
            port=int(values.get("port", 22)),
            user=values.get("user", "root"),
            password=values.get("password"),
            private_key=values.get("privateKey"),
            private_key_password=values.get("privateKeyPassword"),
            agent_socket=values.get("agentSocketPath"),
            host_key=HostKey.parse(host_key) if host_key is not None else None,
            dial_error_limit=values.get("dialErrorLimit", DIAL_ERROR_LIMIT),
            per_dial_timeout=values.get("perDialTimeout", PER_DIAL_TIMEOUT) or None,
        )

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port
