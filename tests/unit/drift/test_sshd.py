"""Settings of sshd that let somebody in, or out: which one counts, which file says so, and what takes it back."""

import shlex
import subprocess
from pathlib import Path

import pytest

from auren_infra.drift import compare
from auren_infra.drift.finding import without_line
from auren_infra.drift.sshd import OURS
from auren_infra.files import paths
from auren_infra.files.render import template
from auren_infra.host.expected import Expected
from tests.unit.drift.case import Case
from tests.unit.drift.machine import KEY, NOW, Machine

HAND = "/etc/ssh/sshd_config.d/00-hand.conf"
RELOAD = "sshd -t && systemctl daemon-reload && systemctl try-restart ssh.socket && systemctl reload ssh"


def _count(machine: Machine, setting: str, line: str, path: str = HAND) -> None:
    """`sshd -T` prints the setting, and the line is the reason."""
    keyword = setting.split(maxsplit=1)[0]
    lines = machine.texts["sshd"].splitlines()
    machine.texts["sshd"] = "".join(f"{each}\n" for each in lines if each.split()[0] != keyword) + f"{setting}\n"
    machine.texts["sshd-lines"] = f"{path}\t{line}\n" + machine.texts["sshd-lines"]


SETTINGS = {
    "passwordauthentication yes": ("PasswordAuthentication yes", "PasswordAuthentication yes, not no"),
    "kbdinteractiveauthentication yes": (
        "KbdInteractiveAuthentication=yes",
        "KbdInteractiveAuthentication yes, not no",
    ),
    "permitrootlogin yes": ('  PermitRootLogin "yes"', "PermitRootLogin yes, not without-password"),
    "permitemptypasswords yes": ("PermitEmptyPasswords yes", "PermitEmptyPasswords yes, not no"),
    "pubkeyauthentication no": ("pubkeyauthentication no", "PubkeyAuthentication no, not yes"),
    "authorizedkeysfile /tmp/keys": ("AuthorizedKeysFile /tmp/keys", "AuthorizedKeysFile /tmp/keys, not .ssh/"),
    "authorizedkeyscommand /tmp/keys %u": (
        "AuthorizedKeysCommand /tmp/keys %u",
        "AuthorizedKeysCommand /tmp/keys %u, not none",
    ),
    "authorizedprincipalsfile /tmp/names": (
        "AuthorizedPrincipalsFile /tmp/names",
        "AuthorizedPrincipalsFile /tmp/names, not none",
    ),
    "trustedusercakeys /tmp/ca": ("TrustedUserCAKeys /tmp/ca", "TrustedUserCAKeys /tmp/ca, not none"),
    "hostbasedauthentication yes": ("HostbasedAuthentication yes", "HostbasedAuthentication yes, not no"),
    "strictmodes no": ("StrictModes no", "StrictModes no, not yes"),
    "permituserenvironment yes": ("PermitUserEnvironment yes", "PermitUserEnvironment yes, not no"),
    "allowusers eve": ("AllowUsers eve", "AllowUsers eve, which was not deployed"),
    "denyusers root": ("DenyUsers root", "DenyUsers root, which was not deployed"),
    "forcecommand /bin/false": ("ForceCommand /bin/false", "ForceCommand /bin/false, not none"),
    "listenaddress 10.0.0.1:22": ("ListenAddress 10.0.0.1", "ListenAddress 10.0.0.1:22, not 0.0.0.0:22"),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_is_told_with_the_file_that_says_so(deployed: Expected, machine: Machine, setting: str) -> None:
    line, told = SETTINGS[setting]
    _count(machine, setting, line)
    (found,) = compare.findings(deployed, machine.facts, KEY, NOW)
    assert (found.where, found.urn) == ("sshd", "")
    assert found.what.startswith(f"has {told}")
    assert found.what.endswith(f": {HAND} says so")
    assert found.by_hand == f"{without_line(HAND, line)} && {RELOAD}"


def _second_port(machine: Machine) -> None:
    machine.texts["sshd"] += "port 2222\nlistenaddress 0.0.0.0:2222\n"
    machine.texts["sshd-lines"] += f"{HAND}\tPort 22\n{HAND}\tPort 2222\n"
    machine.texts["listeners"] += "tcp 0.0.0.0:2222 223 /system.slice/ssh.service sshd\n"


def _without_ours(machine: Machine) -> None:
    machine.replaced(
        "sshd", "authorizedkeysfile .ssh/authorized_keys /root/.ssh/operators", "authorizedkeysfile .ssh/a"
    )
    lines = machine.texts["sshd-lines"].splitlines(keepends=True)
    machine.texts["sshd-lines"] = "".join(line for line in lines if not line.startswith(OURS))


def _without_include(machine: Machine) -> None:
    machine.replaced("sshd", "passwordauthentication no", "passwordauthentication yes")
    machine.replaced("sshd-lines", "/etc/ssh/sshd_config\tInclude /etc/ssh/sshd_config.d/*.conf\n", "")


def _refused(machine: Machine) -> None:
    machine.failed.add("sshd")
    machine.texts["sshd"] = f"{HAND}: line 7: Bad configuration option: Pasword\n{HAND}: terminating\n"


WRITTEN = " ".join(shlex.quote(line) for line in template("sshd.conf", operator_keys=paths.OPERATOR_KEYS).splitlines())
CASES = {
    "a second port": Case(
        _second_port,
        "sshd",
        f"has Port 2222, not 22: {HAND} says so",
        f"{without_line(HAND, 'Port 2222')} && {RELOAD}",
    ),
    "the program's file gone": Case(
        _without_ours,
        "sshd",
        f"has AuthorizedKeysFile .ssh/a, not .ssh/authorized_keys /root/.ssh/operators: {OURS} does not count",
        f"printf '%s\\n' {WRITTEN} >{OURS} && {RELOAD}",
    ),
    "the directory of settings that is not read": Case(
        _without_include,
        "sshd",
        f"has PasswordAuthentication yes, not no: {OURS} does not count",
        (
            f"printf '%s\\n' {WRITTEN} >{OURS} && "
            f"sed --in-place '1i Include /etc/ssh/sshd_config.d/*.conf' /etc/ssh/sshd_config && {RELOAD}"
        ),
    ),
    "settings for some logins": Case(
        lambda m: m.texts.update({"sshd-lines": m.texts["sshd-lines"] + "/etc/ssh/sshd_config\tMatch User eve\n"}),
        "sshd",
        "has other settings for some logins, `Match User eve` in /etc/ssh/sshd_config",
        f"{without_line('/etc/ssh/sshd_config', 'Match User eve', and_all_below=True)} && {RELOAD}",
    ),
    "settings from elsewhere": Case(
        lambda m: m.texts.update({"sshd-lines": m.texts["sshd-lines"] + f"{HAND}\tInclude /tmp/*.conf\n"}),
        "sshd",
        f"reads settings that were not deployed, `Include /tmp/*.conf` in {HAND}",
        f"{without_line(HAND, 'Include /tmp/*.conf')} && {RELOAD}",
    ),
    "options at its start": Case(
        lambda m: m.replaced("sshd-lines", "SSHD_OPTS=", 'SSHD_OPTS="-p 2222"'),
        "sshd",
        'is started with options, `SSHD_OPTS="-p 2222"` in /etc/default/ssh',
        without_line("/etc/default/ssh", 'SSHD_OPTS="-p 2222"') + " && systemctl restart ssh",
    ),
    "settings that it refuses": Case(
        _refused,
        "sshd",
        f"does not accept its settings, so it would not start again: {HAND}: line 7: Bad configuration option: Pasword",
        f"sed --in-place 7d {HAND} && {RELOAD}",
    ),
    "an sshd that says nothing": Case(
        lambda m: m.silent.add("sshd"),
        "sshd",
        "does not accept its settings, so it would not start again",
        f"printf '%s\\n' {WRITTEN} >{OURS} && {RELOAD}",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_one_change_is_one_line_with_its_mend(deployed: Expected, machine: Machine, case: Case) -> None:
    case.check(deployed, machine)


def test_a_file_that_was_edited_is_restored(deployed: Expected, machine: Machine) -> None:
    """What the system says behind it stays: it does not count once the file is right."""
    machine.replaced("sshd", "x11forwarding no", "x11forwarding yes")
    machine.replaced("sshd-lines", f"{OURS}\tX11Forwarding no", f"{OURS}\tX11Forwarding yes")
    (found,) = compare.findings(deployed, machine.facts, KEY, NOW)
    assert found.what == f"has X11Forwarding yes, not no: {OURS} does not count"
    assert found.by_hand == f"printf '%s\\n' {WRITTEN} >{OURS} && {RELOAD}"


def test_only_what_is_read_before_is_taken_out(deployed: Expected, machine: Machine) -> None:
    """Debian's own file has X11Forwarding as well."""
    assert "/etc/ssh/sshd_config\tX11Forwarding yes\n" in machine.texts["sshd-lines"]
    _count(machine, "x11forwarding yes", "X11Forwarding yes")
    (found,) = compare.findings(deployed, machine.facts, KEY, NOW)
    assert found.by_hand == f"{without_line(HAND, 'X11Forwarding yes')} && {RELOAD}"


def test_options_that_are_empty_are_no_difference(deployed: Expected, machine: Machine) -> None:
    machine.replaced("sshd-lines", "SSHD_OPTS=", 'SSHD_OPTS=""')
    assert compare.findings(deployed, machine.facts, KEY, NOW) == []


def test_the_keys_that_systemd_knows_are_no_difference(deployed: Expected, machine: Machine) -> None:
    """A package of systemd's lets sshd ask for them."""
    command = "/usr/bin/userdbctl ssh-authorized-keys %u"
    _count(machine, f"authorizedkeyscommand {command}", f"AuthorizedKeysCommand {command}")
    assert compare.findings(deployed, machine.facts, KEY, NOW) == []


@pytest.mark.parametrize(
    "line", ["PasswordAuthentication yes", r"  a|b\.c [x]* ^$ 'q' \"d\" ", "-n", "é", "Match User /etc/*"]
)
def test_a_line_is_taken_out_alone(tmp_path: Path, line: str) -> None:
    path = tmp_path / "some settings"
    path.write_text(f"first\n{line} more\n{line}\nlast\n")
    subprocess.run(["sh", "-c", without_line(str(path), line)], check=True, timeout=10)
    assert path.read_text() == f"first\n{line} more\nlast\n"
    path.write_text(f"first\n{line}\nlast\n")
    subprocess.run(["sh", "-c", without_line(str(path), line, and_all_below=True)], check=True, timeout=10)
    assert path.read_text() == "first\n"
