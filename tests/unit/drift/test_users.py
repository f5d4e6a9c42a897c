"""A key, a password, a group or a rule of sudo that lets in somebody whom nobody deployed."""

from collections.abc import Callable

import pytest

from auren_infra.drift import compare
from auren_infra.drift.users import ROOTS_KEYS, fingerprint
from auren_infra.host.expected import Expected
from tests.unit.drift.case import Case
from tests.unit.drift.machine import KEY, NOW, Machine

OTHER = "SHA256:rIFXKwMZQXeFK2vyjQKks5pVcsG7AWf4ojMhEvU5gH0"
ADDED = f"256 {OTHER} some body@home (ED25519)"
RESTORED = f"(umask 077 && echo '{KEY}' >{ROOTS_KEYS}.new) && mv --force {ROOTS_KEYS}.new {ROOTS_KEYS}"


def _add(answer: str, text: str) -> Callable[[Machine], None]:
    def add(machine: Machine) -> None:
        machine.texts[answer] += f"{text}\n"

    return add


CASES = {
    "a key of root": Case(
        _add("keys", f"{ROOTS_KEYS}\t{ADDED}"),
        ROOTS_KEYS,
        f"lets in a key that was not deployed, {OTHER} (ED25519) `some body@home`",
        RESTORED,
    ),
    "a key in root's second file": Case(
        _add("keys", f"{ROOTS_KEYS}2\t{ADDED}"),
        f"{ROOTS_KEYS}2",
        f"lets in a key that was not deployed, {OTHER}",
        f"rm --force {ROOTS_KEYS}2",
    ),
    "a key of another user": Case(
        _add("keys", f"/home/ubuntu/.ssh/authorized_keys\t{ADDED}"),
        "/home/ubuntu/.ssh/authorized_keys",
        f"lets in a key that was not deployed, {OTHER}",
        "rm --force /home/ubuntu/.ssh/authorized_keys",
    ),
    "a key in a home with a name that a shell would split": Case(
        _add("keys", f"/home/a b/.ssh/authorized_keys\t{ADDED}"),
        "/home/a b/.ssh/authorized_keys",
        "lets in a key that was not deployed",
        "rm --force '/home/a b/.ssh/authorized_keys'",
    ),
    "a key of the provider's web console": Case(
        _add("keys", f'{ROOTS_KEYS}\t256 {OTHER} {{"os_user":"root","actor_email":"eve@example.com"}} (ECDSA)'),
        ROOTS_KEYS,
        f'lets in a key that was not deployed, {OTHER} (ECDSA) `{{"os_user":"root","actor_email":"eve@example.com"}}`',
        RESTORED,
    ),
    "the program locked out": Case(
        lambda m: m.texts.update(keys=""),
        ROOTS_KEYS,
        f"lacks the key that the program logs in with, {fingerprint(KEY)}",
        RESTORED,
    ),
    "a second root": Case(
        _add("users", "toor:0:0:/root:set"),
        "toor",
        "has the user id 0",
        "sed --in-place '/^toor:/d' /etc/passwd /etc/shadow",
    ),
    "a user with a password": Case(
        _add("users", "eve:1001:1001:/home/eve:set"), "eve", "has a password", "usermod --password '*' eve"
    ),
    "a user with an empty password": Case(
        _add("users", "eve:1001:1001:/home/eve:empty"),
        "eve",
        "lets everybody in: its password is empty",
        "usermod --password '*' eve",
    ),
    "a password of root": Case(
        lambda m: m.replaced("users", "root:0:0:/root:none", "root:0:0:/root:set"),
        "root",
        "has a password",
        "usermod --password '*' root",
    ),
    "a password of the image's user": Case(
        _add("users", "ubuntu:1000:1000:/home/ubuntu:set"), "ubuntu", "has a password", "usermod --password '*' ubuntu"
    ),
    "a user in a group that may do all": Case(
        lambda m: m.replaced("groups", "sudo:27:", "sudo:27:eve"),
        "eve",
        "was added to the group sudo",
        "gpasswd --delete eve sudo",
    ),
    "a user of the image in Docker's group": Case(
        _add("groups", "docker:995:ubuntu"),
        "ubuntu",
        "was added to the group docker",
        "gpasswd --delete ubuntu docker",
    ),
    "a user with such a group as its own": Case(
        _add("users", "eve:1001:27:/home/eve:none"),
        "eve",
        "has the group sudo as its own",
        "usermod --gid nogroup eve",
    ),
    "such a group under another name": Case(
        _add("groups", "harmless:27:eve"),
        "eve",
        "was added to the group harmless",
        "gpasswd --delete eve harmless",
    ),
    "a rule of sudo": Case(
        _add("sudo-rules", "/etc/sudoers.d/hand\teve ALL=(ALL) NOPASSWD: ALL"),
        "/etc/sudoers.d/hand",
        "holds a rule of sudo that was not deployed, `eve ALL=(ALL) NOPASSWD: ALL`",
        r"sed --in-place '\|^eve ALL=(ALL) NOPASSWD: ALL$|d' /etc/sudoers.d/hand",
    ),
    "a rule of sudo for all": Case(
        _add("sudo-rules", "/etc/sudoers\tALL ALL=(ALL) ALL"),
        "/etc/sudoers",
        "holds a rule of sudo",
        r"sed --in-place '\|^ALL ALL=(ALL) ALL$|d' /etc/sudoers",
    ),
    "a rule of sudo in another file": Case(
        _add("sudo-rules", "/etc/sudoers\t#include /tmp/rules.*"),
        "/etc/sudoers",
        "holds a rule of sudo",
        r"sed --in-place '\|^#include /tmp/rules\.\*$|d' /etc/sudoers",
    ),
    "sudo that asks for no password": Case(
        _add("sudo-rules", "/etc/sudoers.d/hand\tDefaults !authenticate"),
        "/etc/sudoers.d/hand",
        "holds a rule of sudo",
        r"sed --in-place '\|^Defaults !authenticate$|d' /etc/sudoers.d/hand",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_one_change_is_one_line_with_its_mend(deployed: Expected, machine: Machine, case: Case) -> None:
    case.check(deployed, machine)


@pytest.mark.parametrize("user", ["debian", "ubuntu"])
def test_the_user_of_a_cloud_image_is_no_difference(deployed: Expected, machine: Machine, user: str) -> None:
    """As cloud-init makes it on Debian and on Ubuntu: in the groups of an administrator, with sudo and no password."""
    machine.texts["users"] += f"{user}:1000:1000:/home/{user}:none\nsyslog:104:110:/home/syslog:none\n"
    machine.texts["keys"] += f"/home/{user}/.ssh/authorized_keys\t256 {fingerprint(KEY)} no comment (ED25519)\n"
    machine.replaced("groups", "sudo:27:", f"sudo:27:{user}")
    machine.replaced("groups", "adm:4:", f"adm:4:syslog,{user}")
    machine.replaced("groups", "cdrom:24:", f"cdrom:24:{user}")
    machine.texts["groups"] += f"lxd:105:{user}\n{user}:1000:\n"
    cloud_init = "/etc/sudoers.d/90-cloud-init-users"
    machine.texts["sudo-rules"] = "".join(f"{cloud_init}\t{name} ALL=(ALL) NOPASSWD:ALL\n" for name in ("root", user))
    assert compare.findings(deployed, machine.facts, KEY, NOW) == []


def test_sudoers_with_the_packages_own_rules_are_no_difference(deployed: Expected, machine: Machine) -> None:
    """An image that has edited the file for another reason."""
    lines = (
        "Defaults\tenv_reset",
        'Defaults\tsecure_path="/usr/local/sbin:/usr/bin"',
        "root\tALL=(ALL:ALL) ALL",
        "%sudo\tALL=(ALL:ALL) ALL",
        "%admin ALL=(ALL) ALL",
        "@includedir /etc/sudoers.d",
    )
    machine.texts["sudo-rules"] = "".join(f"/etc/sudoers\t{line}\n" for line in lines)
    assert compare.findings(deployed, machine.facts, KEY, NOW) == []


def test_a_fingerprint_is_the_one_that_openssh_prints() -> None:
    """Recorded with `ssh-keygen -l`."""
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPBLuAOksnavoY+4m9qgjLd9oNdNFNsFztZdx13tYVG/ some body"
    assert fingerprint(key) == OTHER
