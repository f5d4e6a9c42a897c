"""For ssh and all that calls it: how to log in to the machine and trust nothing but the key that it was given."""

from dataclasses import dataclass
from pathlib import Path

from auren_infra.outputs.contract import StackOutputs

UNQUOTABLE = '"\\$\n'
"""What cannot be in a path: ssh would end it, expand it, or start a new line there."""


@dataclass(frozen=True)
class Login:
    """The files beside the configuration."""

    known_hosts: Path | None = None
    """None: there is no place for a file. The configuration then holds the key itself, for OpenSSH 8.5 and newer."""
    key: Path | None = None
    """The program's own private key. None: people log in with theirs, as ssh finds them."""


def host(outputs: StackOutputs) -> str:
    """The name that ssh knows the machine by: `auren-STACK`."""
    return outputs.droplet.name


def known_hosts(outputs: StackOutputs) -> str:
    """The text of the known_hosts file: by name, which holds for every port and address, and by address."""
    return f"{host(outputs)},{outputs.ssh.known_hosts.strip()}\n"


def options(outputs: StackOutputs, login: Login) -> dict[str, str]:
    """What must be told to ssh beside host, user and port: keyword -> argument as ssh_config(5) writes it.

    Raises `ValueError` for a path that cannot be written there.
    """
    told = {"HostKeyAlias": host(outputs), "StrictHostKeyChecking": "yes", "GlobalKnownHostsFile": "/dev/null"}
    if login.known_hosts:
        told["UserKnownHostsFile"] = _quoted(login.known_hosts)
    else:
        told["UserKnownHostsFile"] = "/dev/null"
        told["KnownHostsCommand"] = f"/bin/echo {known_hosts(outputs).strip()}"
    if login.key:
        told |= {"IdentityFile": _quoted(login.key), "IdentitiesOnly": "yes"}
    return told


def config(outputs: StackOutputs, login: Login) -> str:
    """The text of a configuration file for `ssh -F`, or for an `Include` in `~/.ssh/config`."""
    told = {"HostName": outputs.ssh.host, "User": outputs.ssh.user, "Port": str(outputs.ssh.port)}
    lines = [f"    {keyword} {argument}" for keyword, argument in (told | options(outputs, login)).items()]
    return "\n".join([f"Host {host(outputs)}", *lines]) + "\n"


def _quoted(path: Path) -> str:
    text = str(path)
    if unfit := sorted(set(UNQUOTABLE) & set(text)):
        raise ValueError(f"{text!r} cannot be named in an SSH configuration: there is {unfit[0]!r} in it")
    return '"' + text.replace("%", "%%") + '"'
