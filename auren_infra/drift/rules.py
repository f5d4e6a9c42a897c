"""Rules of iptables, as they are written and as the kernel has them."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network

Rule = frozenset[tuple[str, ...]]
"""A rule of iptables, however it was written: its options with their values."""
ANSWERS: Rule = frozenset({("--ctstate", "ESTABLISHED", "RELATED")})
"""Packets of a connection that was let through before."""


@dataclass(frozen=True)
class Chains:
    """A table's chains, as `iptables -S` prints them."""

    lines: Sequence[str]

    def of(self, name: str) -> list[str]:
        """The rules of one chain."""
        return [line for line in self.lines if line.startswith(f"-A {name} ")]

    @property
    def names(self) -> list[str]:
        """The chains that are not built in."""
        return [line.split()[1] for line in self.lines if line.startswith("-N ")]

    @property
    def policies(self) -> dict[str, str]:
        """What becomes of a packet that no rule decides about, by chain."""
        return {line.split()[1]: line.split()[2] for line in self.lines if line.startswith("-P ")}

    def lets_through(self, line: str, within: frozenset[str] = frozenset()) -> bool:
        """Whether a rule, or one of a chain that it leads to, accepts packets that begin a connection."""
        said = rule(line)
        if said.issuperset(ANSWERS):
            return False
        leads_to = target(said)
        if leads_to in ("ACCEPT", "NFQUEUE"):
            return True
        beyond = within | {leads_to}
        return leads_to not in within and any(self.lets_through(each, beyond) for each in self.of(leads_to))


def target(said: Rule) -> str:
    """What a rule does with its packets; empty when it only counts them."""
    return next((option[1] for option in said if option[0] in ("-j", "-g")), "")


def rule(line: str) -> Rule:
    """What a rule says: iptables prints the options in an order, and with defaults, of its own."""
    options: list[list[str]] = []
    for word in shlex.split(line):
        negated = bool(options) and options[-1] == ["!"]
        if word == "!" or (word.startswith("-") and not negated):
            options.append([word])
        else:
            options[-1].append(word)
    return frozenset(filter(None, map(_option, options)))


def _option(words: list[str]) -> tuple[str, ...] | None:
    match words:
        case ["-m", _]:  # said by the options that belong to it
            return None
        case ["-s" | "-d" as side, address]:
            network = ip_network(address, strict=False)
            return None if network.prefixlen == 0 else (side, str(network))
        case ["--ctstate", states]:
            return ("--ctstate", *sorted(states.split(",")))
        case _:
            return tuple(words)
