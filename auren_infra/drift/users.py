"""Who can log in, and who can become root: keys, passwords, groups, and the rules of sudo.

Images of Debian and of Ubuntu may have a user `debian` or `ubuntu`. cloud-init gives it the program's key, the groups
of an administrator and sudo, and no password. So these two may have that, and nothing else.
"""

import re
import shlex
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from auren_infra.drift.facts import Facts
from auren_infra.drift.finding import Finding, without_line

ROOTS_KEYS = "/root/.ssh/authorized_keys"
IMAGES_USERS = ("debian", "ubuntu")
_MEMBERS = {
    "adm": (*IMAGES_USERS, "syslog"),
    "admin": IMAGES_USERS,
    "disk": (),
    "docker": (),
    "incus-admin": (),
    "lxd": IMAGES_USERS,
    "root": (),
    "shadow": (),
    "sudo": IMAGES_USERS,
    "wheel": (),
}
"""Groups whose members can become root, or read logs, and whom an image puts there."""
_SUDO = (
    r"(root|%admin|%sudo)\s+ALL=\(ALL(:ALL)?\)\s+ALL",
    rf"(root|{'|'.join(IMAGES_USERS)})\s+ALL=\(ALL(:ALL)?\)\s+NOPASSWD:\s?ALL",
    r"[@#]includedir\s+/etc/sudoers\.d",
    r"Defaults(?!.*!\s*authenticate).*",
)
"""The rules of sudo that packages and cloud-init write."""


@dataclass(frozen=True)
class User:
    name: str
    uid: str
    gid: str
    password: str
    """`set`, `empty` or `none`."""


def findings(facts: Facts, login_key: str) -> Iterator[Finding]:
    yield from _keys(facts, login_key)
    found = [User(name, uid, gid, password) for name, uid, gid, _, password in _fields(facts.lines("users"))]
    for user in found:
        if user.uid == "0" and user.name != "root":
            what = "has the user id 0: it is root under another name"
            repair = f"sed --in-place {shlex.quote(f'/^{re.escape(user.name)}:/d')} /etc/passwd /etc/shadow"
            yield Finding(user.name, what, by_hand=repair)
            continue
        if user.password != "none":
            what = "has a password" if user.password == "set" else "lets everybody in: its password is empty"
            yield Finding(user.name, what, by_hand=f"usermod --password '*' {shlex.quote(user.name)}")
    yield from _groups(facts, found)
    for path, line in _tabbed(facts.lines("sudo-rules")):
        if not any(re.fullmatch(known, line.strip()) for known in _SUDO):
            what = f"holds a rule of sudo that was not deployed, `{line.strip()}`"
            yield Finding(path, what, by_hand=without_line(path, line))


def _keys(facts: Facts, login_key: str) -> Iterator[Finding]:
    ours = fingerprint(login_key)
    # In one step: there is no moment in which nobody can log in.
    restored = f"(umask 077 && echo '{login_key}' >{ROOTS_KEYS}.new) && mv --force {ROOTS_KEYS}.new {ROOTS_KEYS}"
    roots: list[str] = []
    for path, line in _tabbed(facts.lines("keys")):
        _, found, described = line.split(" ", 2)
        comment, _, kind = described.rpartition(" ")
        roots += [found] if path == ROOTS_KEYS else []
        if found != ours:
            what = f"lets in a key that was not deployed, {found} {kind} `{comment}`"
            repair = restored if path == ROOTS_KEYS else f"rm --force {shlex.quote(path)}"
            yield Finding(path, what, by_hand=repair)
    if ours not in roots:
        yield Finding(ROOTS_KEYS, f"lacks the key that the program logs in with, {ours}", by_hand=restored)


def fingerprint(key: str) -> str:
    """As `ssh-keygen -l` prints it, of a public key."""
    return "SHA256:" + b64encode(sha256(b64decode(key.split()[1])).digest()).decode().rstrip("=")


def _groups(facts: Facts, users: list[User]) -> Iterator[Finding]:
    groups = list(_fields(facts.lines("groups")))
    privileged = {gid: name for name, gid, _ in groups if name in _MEMBERS}
    for name, gid, members in groups:
        known = ("root", *_MEMBERS.get(privileged.get(gid, ""), ()))
        if gid not in privileged:
            continue
        for member in filter(None, members.split(",")):
            if member not in known:
                repair = f"gpasswd --delete {shlex.quote(member)} {shlex.quote(name)}"
                yield Finding(member, f"was added to the group {name}", by_hand=repair)
    for user in users:
        if user.gid in privileged and user.uid != "0":
            what = f"has the group {privileged[user.gid]} as its own"
            yield Finding(user.name, what, by_hand=f"usermod --gid nogroup {shlex.quote(user.name)}")


def _fields(lines: list[str]) -> Iterator[list[str]]:
    return (line.split(":") for line in lines)


def _tabbed(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        path, _, text = line.partition("\t")
        yield path, text
