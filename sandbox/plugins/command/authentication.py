"""Logging in: the methods that a connection offers, tried in the order of the official plugin."""

import io
import socket
from collections.abc import Callable
from contextlib import ExitStack

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from paramiko.agent import AgentSSH

from sandbox.plugins.command.connection import Endpoint

Login = Callable[[paramiko.Transport], None]
"""Logs in over a connection, or raises `paramiko.AuthenticationException`."""

Method = Callable[[paramiko.Transport], None]


class Agent(AgentSSH):
    """The agent behind a given socket; paramiko's own class knows the one of the environment only."""

    def __init__(self, path: str, opened: ExitStack) -> None:
        super().__init__()
        connection = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        try:
            connection.connect(path)
        except OSError as fault:
            raise OSError(f"dial unix {path}: connect: {(fault.strerror or str(fault)).lower()}") from fault
        self._connect(connection)  # pyright: ignore[reportAttributeAccessIssue] - what its subclasses are for


def login_of(endpoint: Endpoint, agent_socket: str | None, opened: ExitStack) -> Login:
    """How to log in: with the key, then the password, then the agent's keys. `opened` ends the agent's connection.

    Raises `ValueError` for a key that cannot be read, `OSError` for an agent that does not answer: an agent that is
    named must be there, even beside a key.
    """
    methods: list[tuple[str, Method]] = []
    user = endpoint.user
    if endpoint.private_key is not None:
        key = private_key(endpoint.private_key, endpoint.private_key_password)
        methods.append(("publickey", _with_key(user, key)))
    if (password := endpoint.password) is not None:
        methods.append(("password", lambda transport: _done(transport.auth_password(user, password, fallback=False))))
        methods.append(
            (
                "keyboard-interactive",
                lambda transport: _done(
                    transport.auth_interactive(user, lambda _title, _text, asked: [password] * len(asked))
                ),
            )
        )
    if agent_socket:
        methods.extend(("publickey", _with_key(user, key)) for key in Agent(agent_socket, opened).get_keys())
    return lambda transport: _log_in(transport, methods)


def _log_in(transport: paramiko.Transport, methods: list[tuple[str, Method]]) -> None:
    tried = ["none"]
    for name, method in methods:
        try:
            method(transport)
        except paramiko.AuthenticationException:
            if name not in tried:
                tried.append(name)
        if transport.is_authenticated():
            return
    attempted = f"ssh: unable to authenticate, attempted methods [{' '.join(tried)}], no supported methods remain"
    raise paramiko.AuthenticationException(attempted)


def _with_key(user: str, key: paramiko.PKey) -> Method:
    return lambda transport: _done(transport.auth_publickey(user, key))


def _done(remaining: list[str]) -> None:
    """What more the server wants is asked of the next method."""
    del remaining


def private_key(text: str, password: str | None) -> paramiko.PKey:
    """A private key in OpenSSH, PKCS 1, SEC 1 or PKCS 8 form. Raises `ValueError` when it is none.

    By way of `cryptography`, since paramiko reads no PKCS 8.
    """
    data, secret = text.encode(), password.encode() if password else None
    openssh = "BEGIN OPENSSH PRIVATE KEY" in text
    read = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        key = read(data, secret)
    except TypeError as fault:
        raise ValueError(
            "ssh: this private key is passphrase protected, or it is not and a passphrase is given"
        ) from fault
    except ValueError as fault:
        raise ValueError(f"ssh: no key found in privateKey, or the wrong passphrase: {fault}") from fault
    if isinstance(key, ed25519.Ed25519PrivateKey):
        kind = paramiko.Ed25519Key
    elif isinstance(key, rsa.RSAPrivateKey):
        kind = paramiko.RSAKey
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        kind = paramiko.ECDSAKey
    else:
        raise ValueError(f"ssh: unsupported key type {type(key).__name__}")
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH
    plain = key.private_bytes(encoding, form, serialization.NoEncryption())
    return kind.from_private_key(io.StringIO(plain.decode()))
