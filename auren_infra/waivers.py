"""What a stack may be excused from: the rules of `policy/` that have a good reason to be broken, as data.

A waiver is written in the configuration as `RULE=REASON`. The rule is still looked at, and what it finds is shown as a
warning with the reason: nobody forgets what was waived.
"""

from collections.abc import Sequence

WAIVABLE = {
    "ssh-open-to-everyone": "port 22 is reached from everywhere",
    "kafka-ui-open-to-everyone": "port 8081, which asks for no login, is reached from everywhere",
    "volume-unprotected": "`pulumi destroy` deletes the data",
    "bucket-unprotected": "`pulumi destroy` deletes the backups",
    "image-without-digest": "what runs changes when somebody moves an image's tag",
}
"""Rule -> what it means to do without it. All other rules hold without exception."""

WORDS = 3
"""What a reason needs at least, to be one."""


def parse(entries: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Rule -> reason, and the faults of those entries that waive nothing."""
    waivers: dict[str, str] = {}
    faults: list[str] = []
    for entry in entries:
        rule, _, reason = (part.strip() for part in entry.partition("="))
        if rule not in WAIVABLE:
            faults.append(f"no rule {rule!r} can be waived; those that can are {', '.join(WAIVABLE)}")
        elif rule in waivers:
            faults.append(f"{rule} is waived twice; keep one")
        elif len(reason.split()) < WORDS:
            faults.append(f"{rule}: say why in some words, as in `{rule}=deployments come from changing addresses`")
        else:
            waivers[rule] = reason
    return waivers, faults
