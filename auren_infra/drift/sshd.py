"""How sshd lets people in: its settings as they count, whichever files they come from.

What cloud-init has written is secret in the state, with the machine's key. So the settings are compared with those that
this program writes.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auren_infra.drift.facts import Facts
from auren_infra.drift.finding import Finding, without_line
from auren_infra.files import paths
from auren_infra.files.render import template

OURS = "/etc/ssh/sshd_config.d/10-auren.conf"
_CONFIGURATION = "/etc/ssh/sshd_config"
_INCLUDE = "Include /etc/ssh/sshd_config.d/*.conf"
_STARTED_WITH = "/etc/default/ssh"
_RELOAD = "sshd -t && systemctl daemon-reload && systemctl try-restart ssh.socket && systemctl reload ssh"
_DEFAULTS = {
    "AllowGroups": (),
    "AllowUsers": (),
    "AuthenticationMethods": ("any",),
    "AuthorizedKeysCommand": ("none", "/usr/bin/userdbctl ssh-authorized-keys %u"),  # the second is systemd's own
    "AuthorizedPrincipalsCommand": ("none",),
    "AuthorizedPrincipalsFile": ("none",),
    "ChrootDirectory": ("none",),
    "DenyGroups": (),
    "DenyUsers": (),
    "ForceCommand": ("none",),
    "GSSAPIAuthentication": ("no",),
    "HostbasedAuthentication": ("no",),
    "KerberosAuthentication": ("no",),
    "ListenAddress": ("0.0.0.0:22", "[::]:22"),
    "PermitEmptyPasswords": ("no",),
    "PermitUserEnvironment": ("no",),
    "Port": ("22",),
    "PubkeyAuthentication": ("yes",),
    "StrictModes": ("yes",),
    "TrustedUserCAKeys": ("none",),
}
"""What decides who gets in and is not in the program's file. The values are those that sshd prints."""


@dataclass(frozen=True)
class Line:
    """A line of what sshd reads."""

    path: str
    text: str

    @property
    def words(self) -> list[str]:
        """`Port 22`, `Port=22` and `Port "22"` are the same."""
        return re.sub(r"^\s*(\w+)\s*=?", r"\1 ", self.text).replace('"', "").split()

    @property
    def keyword(self) -> str:
        return self.words[0].lower() if self.words else ""

    @property
    def value(self) -> str:
        return _value(" ".join(self.words[1:]))


def findings(facts: Facts) -> Iterator[Finding]:
    lines = [Line(*line.split("\t", 1)) for line in facts.lines("sshd-lines")]
    yield from _apart(lines)
    if facts.answers["sshd"].status:
        said = " ".join(facts.lines("sshd")[:1])
        what = f"does not accept its settings, so it would not start again: {said}"
        refused = re.search(r"(/\S+?):? line (\d+)", said)
        repair = f"sed --in-place {refused[2]}d {shlex.quote(refused[1])} && {_RELOAD}" if refused else _restored(lines)
        yield Finding("sshd", what, by_hand=repair)
        return
    counting: dict[str, list[str]] = {}
    for line in facts.lines("sshd"):
        keyword, _, value = line.partition(" ")
        counting.setdefault(keyword, []).append(_value(value))
    deployed = {keyword: (_value(value),) for keyword, value in _deployed()}
    for keyword, wanted in {**_DEFAULTS, **deployed}.items():
        found = [value for value in counting.get(keyword.lower(), []) if value not in wanted]
        if found and not (keyword == "ListenAddress" and counting["port"] != ["22"]):
            yield _setting(keyword, found, wanted, lines)


def _deployed() -> Iterator[tuple[str, str]]:
    for line in _text().splitlines():
        if not line.startswith("#"):
            keyword, _, value = line.partition(" ")
            yield keyword, value


def _text() -> str:
    return template("sshd.conf", operator_keys=paths.OPERATOR_KEYS)


def _value(text: str) -> str:
    """sshd prints the older name of this one."""
    return "without-password" if text.lower() == "prohibit-password" else text


def _apart(lines: Sequence[Line]) -> Iterator[Finding]:
    """What makes the settings of some logins, or from some files, others than those that are compared."""
    for line in lines:
        if line.path == _STARTED_WITH:
            if line.text.partition("=")[2].strip("\"' \t"):
                repair = f"{without_line(line.path, line.text)} && systemctl restart ssh"
                yield Finding("sshd", f"is started with options, `{line.text.strip()}` in {line.path}", by_hand=repair)
        elif line.keyword == "match":
            what = f"has other settings for some logins, `{line.text.strip()}` in {line.path}"
            yield Finding(
                "sshd", what, by_hand=f"{without_line(line.path, line.text, and_all_below=True)} && {_RELOAD}"
            )
        elif line.keyword == "include" and (line.path != _CONFIGURATION or " ".join(line.words) != _INCLUDE):
            what = f"reads settings that were not deployed, `{line.text.strip()}` in {line.path}"
            yield Finding("sshd", what, by_hand=f"{without_line(line.path, line.text)} && {_RELOAD}")


def _setting(keyword: str, found: Sequence[str], wanted: Sequence[str], lines: Sequence[Line]) -> Finding:
    causes = _causes(keyword, wanted, lines)
    rather = f"not {wanted[0]}" if wanted else "which was not deployed"
    what = f"has {keyword} {', '.join(found)}, {rather}"
    if causes:
        where = " and ".join(dict.fromkeys(line.path for line in causes))
        taken_out = dict.fromkeys(without_line(line.path, line.text) for line in causes)
        return Finding("sshd", f"{what}: {where} says so", by_hand=" && ".join([*taken_out, _RELOAD]))
    return Finding("sshd", f"{what}: {OURS} does not count", by_hand=_restored(lines))


def _causes(keyword: str, wanted: Sequence[str], lines: Sequence[Line]) -> list[Line]:
    """The lines to take out. None when the program's file does not say what it should: then it is to be restored."""
    about = [line for line in lines if line.keyword == keyword.lower()]
    ours = [at for at, line in enumerate(about) if line.path == OURS and line.value in wanted]
    if keyword in dict(_deployed()) and not ours:
        return []
    others = [line for line in about if line.path != OURS and line.value not in wanted]
    # The first value counts. What is behind the program's file is of the system.
    return [line for line in others if ours and about.index(line) < ours[0]] or others


def _restored(lines: Sequence[Line]) -> str:
    """What writes the program's file again, and has it read."""
    text = shlex.join(_text().splitlines())
    included = any(line.path == _CONFIGURATION and line.keyword == "include" for line in lines)
    read = "" if included else f"sed --in-place {shlex.quote(f'1i {_INCLUDE}')} {_CONFIGURATION} && "
    return f"printf '%s\\n' {text} >{OURS} && {read}{_RELOAD}"
