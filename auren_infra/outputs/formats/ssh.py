"""For ssh and the programs that use it: how to log in to the machine and to trust only its host key.

The file is complete. Values that somebody has set for all hosts change neither the machine, nor the trusted key, nor
the user, nor the forwarded data. ssh uses the first value that it reads, so an `Include` of the file must be the first
line: `HEAD` says so.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from auren_infra.outputs.contract import StackOutputs

HEAD = """\
# ssh -F FILE {host}
# Or `Include FILE` as the first line of ~/.ssh/config: of two values, ssh takes the one that it reads first.
"""
UNQUOTABLE = '"\\$'
"""Characters that a path cannot have, because ssh would end or expand the path there."""

_PLAIN = re.compile(r"[A-Za-z0-9.:,+/=@_-]+")
"""Words that need no quotes in ssh's configuration."""

_REACHED = {
    "AddressFamily": "any",
    "CanonicalizeHostname": "no",
    "ProxyJump": "none",
    "ProxyCommand": "none",
}
_MULTIPLEXED = {
    # An open connection may lead to the earlier machine.
    "ControlMaster": "no",
    "ControlPath": "none",
    "ControlPersist": "no",
}
_TRUSTED = {
    "StrictHostKeyChecking": "yes",
    "GlobalKnownHostsFile": "/dev/null",
    "RevokedHostKeys": "none",
    "CheckHostIP": "no",
    "NoHostAuthenticationForLocalhost": "no",
    "UpdateHostKeys": "no",
    "VerifyHostKeyDNS": "no",
}
_LOGGED_IN = {
    "PreferredAuthentications": "publickey",
    "PubkeyAuthentication": "yes",
}
# Each list removes one algorithm from the defaults. So the defaults are used, whatever is set elsewhere.
_ALGORITHMS = {
    "HostKeyAlgorithms": "-ssh-dss",
    "PubkeyAcceptedAlgorithms": "-ssh-dss",
    "KexAlgorithms": "-diffie-hellman-group1-sha1",
    "Ciphers": "-3des-cbc",
    "MACs": "-hmac-md5",
}
_SENT = {
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "Tunnel": "no",
    "ClearAllForwardings": "no",
    "ExitOnForwardFailure": "no",
    "PermitLocalCommand": "no",
    "RemoteCommand": "none",
    "RequestTTY": "auto",
}
_OWN_KEY = {
    "IdentitiesOnly": "yes",
    "IdentityAgent": "none",
    "AddKeysToAgent": "no",
    "PKCS11Provider": "none",
}


@dataclass(frozen=True)
class Login:
    """The files that the configuration refers to."""

    known_hosts: Path | None = None
    """None: no file is written, and the configuration holds the host key itself."""
    key: Path | None = None
    """The program's own private key. None: ssh uses the keys of the user."""


def host(outputs: StackOutputs) -> str:
    """The name of the machine in ssh's configuration: `auren-STACK`."""
    return _plain(outputs.droplet.name, "droplet.name")


def known_hosts(outputs: StackOutputs) -> str:
    """The text of the known_hosts file: for the name, with any port and address, and for the address."""
    words = [_plain(word, "ssh.knownHosts") for word in outputs.ssh.known_hosts.strip().split(" ")]
    return f"{host(outputs)},{' '.join(words)}\n"


def options(outputs: StackOutputs, login: Login) -> dict[str, str]:
    """ssh's options except host, user and port: keyword -> argument, in the form of ssh_config(5).

    All keywords are in OpenSSH 8.5. Raises `ValueError` for a path or an output that cannot be written there.
    """
    told = {"HostKeyAlias": host(outputs), **_TRUSTED}
    if login.known_hosts:
        told |= {"UserKnownHostsFile": _quoted(login.known_hosts), "KnownHostsCommand": "none"}
    else:
        told |= {"UserKnownHostsFile": "/dev/null", "KnownHostsCommand": f"/bin/echo {known_hosts(outputs).strip()}"}
    if login.key:
        told |= {"IdentityFile": _quoted(login.key), **_OWN_KEY}
    return told | _REACHED | _LOGGED_IN | _ALGORITHMS | _SENT


def config(outputs: StackOutputs, login: Login) -> str:
    """The text of a configuration file for `ssh -F`, or for an `Include` at the head of `~/.ssh/config`."""
    named = {"HostName": _plain(outputs.ssh.host, "ssh.host"), "User": _plain(outputs.ssh.user, "ssh.user")}
    told: Mapping[str, str] = named | {"Port": str(outputs.ssh.port)} | options(outputs, login) | _MULTIPLEXED
    lines = [f"    {keyword} {argument}" for keyword, argument in told.items()]
    return HEAD.format(host=host(outputs)) + "\n".join([f"Host {host(outputs)}", *lines]) + "\n"


def _plain(text: str, output: str) -> str:
    if not _PLAIN.fullmatch(text):
        raise ValueError(f"The output {output} cannot be written into an SSH configuration: {text!r}.")
    return text


def _quoted(path: Path) -> str:
    text = str(path)
    if unfit := [character for character in text if character in UNQUOTABLE or not character.isprintable()]:
        raise ValueError(f"{text!r} cannot be named in an SSH configuration: there is {unfit[0]!r} in it.")
    return '"' + text.replace("%", "%%") + '"'
