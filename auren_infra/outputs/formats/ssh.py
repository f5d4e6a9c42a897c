"""For ssh and all that calls it: how to log in to the machine and trust nothing but the key that it was given.

The file stands on its own. What somebody has set for all hosts decides neither which machine is reached, nor who is
trusted, who logs in, or what is sent along. ssh takes the first value that it finds, so an `Include` of the file must
be read before any other one: `HEAD` says so.
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
"""What cannot be in a path: ssh would end it or expand it there."""

_PLAIN = re.compile(r"[A-Za-z0-9.:,+/=@_-]+")
"""Words that ssh reads as they are."""

_REACHED = {
    "AddressFamily": "any",
    "CanonicalizeHostname": "no",
    "ProxyJump": "none",
    "ProxyCommand": "none",
}
_MULTIPLEXED = {
    # A connection that is open may lead to the machine that was there before.
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
# A list that only takes something away from the defaults: they hold, whatever is set elsewhere.
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
    """The files beside the configuration."""

    known_hosts: Path | None = None
    """None: there is no place for a file. The configuration then holds the key itself."""
    key: Path | None = None
    """The program's own private key. None: people log in with theirs, as ssh finds them."""


def host(outputs: StackOutputs) -> str:
    """The name that ssh knows the machine by: `auren-STACK`."""
    return _plain(outputs.droplet.name, "droplet.name")


def known_hosts(outputs: StackOutputs) -> str:
    """The text of the known_hosts file: by name, which holds for every port and address, and by address."""
    words = [_plain(word, "ssh.knownHosts") for word in outputs.ssh.known_hosts.strip().split(" ")]
    return f"{host(outputs)},{' '.join(words)}\n"


def options(outputs: StackOutputs, login: Login) -> dict[str, str]:
    """What must be told to ssh beside host, user and port: keyword -> argument as ssh_config(5) writes it.

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
