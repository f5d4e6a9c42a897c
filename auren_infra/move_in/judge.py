"""Whether the data of one machine fits the other, and whether it arrived. Pure: no machine, no clock."""

import re
from collections.abc import Iterator, Sequence

from auren_infra.move_in.facts import STORES, VOLUMES, Counts, New, Old
from auren_infra.size import size

_SPARE = 512 << 20
"""Bytes of the data disk that stay free."""
_OURS = "auren"
"""What PostgreSQL's administrator and database are called on the new machine."""
_EXPIRING = " with an expiry"


def findings(old: Old, new: New, without: Sequence[str]) -> Iterator[str]:
    """Why the data cannot move as it is, each with its repair. `without` are stores that are not moved."""
    for program in old.lacks:
        yield f"The old machine has no {program}. Install it there."
    if not old.host_key:
        yield "The old machine shows no host key of its SSH server in /etc/ssh, so the new one could not know it."
    if new.lacks:
        yield "The new machine has no rsync. Install it there: `apt-get install rsync`."
    if not new.address:
        yield "The new machine has no way to the old one. Is the address right?"
    for store in new.stopped if not new.state else ():
        yield f"The new machine's {store} does not run. Repair that first: `pulumi up`."
    yield from _of_containers(old, without)
    yield from _of_volumes(old, new, without)
    if "postgres" in old.containers:
        yield from _of_postgres(old, new)
    yield from _of_versions(old, new)


def _of_containers(old: Old, without: Sequence[str]) -> Iterator[str]:
    for store in STORES:
        if store in without or store in old.containers:
            continue
        if candidates := old.missing.get(store):
            yield (
                f"Several containers may hold {store}: {', '.join(candidates)}. "
                f"Name the right one: --container {store}={candidates[0]}."
            )
        else:
            yield (
                f"No running container holds {store}. Name it with --container {store}=CONTAINER, "
                f"or leave it out with --without {store}."
            )
    if ("kafka" in without) != ("zookeeper" in without):
        yield "Kafka and ZooKeeper belong together: leave out both, or none."


def _of_volumes(old: Old, new: New, without: Sequence[str]) -> Iterator[str]:
    found = {volume.name for volume in old.volumes}
    for store, container in old.containers.items():
        if store in without:
            continue
        for name in VOLUMES[store]:
            if name not in found:
                yield (
                    f"{container} holds its data in no volume and no directory of the old machine, so it cannot be "
                    "copied while it serves. Give it a volume there first."
                )
                break
    needs = sum(volume.bytes for volume in old.volumes) - sum(new.brought.values()) + _SPARE
    if needs > new.free_bytes:
        yield (
            f"The data disk needs {size(needs)} for the data, and {size(new.free_bytes)} are free. "
            "Set a larger auren:dataVolumeSize, and run `pulumi up`."
        )


def _of_postgres(old: Old, new: New) -> Iterator[str]:
    theirs, ours = old.facts.get("postgres.version", ""), new.facts.get("postgres.version", "")
    if ours and theirs != ours:
        yield (
            f"The old machine has PostgreSQL {theirs}, and this stack {ours}, which cannot read its files. Name an "
            f"image of PostgreSQL {theirs} in auren:images (14 to 17 fit), and deploy this stack anew, since its "
            f"database holds nothing yet: `pulumi destroy`, `pulumi up`. Or bring the old machine to {ours}."
        )
    if old.facts.get("postgres.tablespaces", "0") != "0":
        yield "PostgreSQL has tablespaces there, outside its directory. Move their tables to pg_default first."
    if "postgres.extensions" in new.facts:
        known = set(new.facts["postgres.extensions"].split(","))
        for extension in old.facts.get("postgres.extensions", "").split(","):
            if extension and extension not in known:
                yield (
                    f"The database uses the extension {extension}, which this stack's PostgreSQL does not have. "
                    "Name an image in auren:images that has it."
                )


def _of_versions(old: Old, new: New) -> Iterator[str]:
    for store, name, setting in (("redis", "Redis", "redis"), ("kafka", "Kafka", "kafka")):
        theirs, ours = old.facts.get(f"{store}.version", ""), new.facts.get(f"{store}.version", "")
        if theirs and ours and _release(theirs) > _release(ours):
            yield (
                f"The old machine has {name} {theirs}, and this stack {ours}, which may not read newer files. "
                f"Name an image of {theirs} or newer for {setting} in auren:images, and run `pulumi up`."
            )
    theirs, ours = _steps(old.facts.get("chromadb.version", "")), _steps(new.facts.get("chromadb.version", ""))
    if ours and any(step > ours.get(part, 0) for part, step in theirs.items()):
        yield (
            "The old machine has a newer Chroma, whose files this stack's cannot read. "
            "Name its image for chromadb in auren:images, and run `pulumi up`."
        )
    broker = old.facts.get("kafka.broker", "")
    if "kafka" in old.containers and "kafka.broker" in old.facts and broker != new.facts.get("kafka.broker"):
        yield (
            f"Kafka's broker there has the number {broker or 'of another kind'}, and this stack's has "
            f"{new.facts.get('kafka.broker')}, so it would not take the files. Leave Kafka out: "
            "--without kafka --without zookeeper."
        )


def _release(text: str) -> tuple[int, ...]:
    """Confluent's 7.9 holds Kafka 3.9."""
    major, *rest = [int(part) for part in re.findall(r"[0-9]+", text)[:3]] or [0]
    return (major - 4 if re.search(r"-c(cs|e)", text) else major, *rest)


def _steps(text: str) -> dict[str, int]:
    return {part: int(step) for part, _, step in (entry.partition("=") for entry in text.split(",")) if step}


def names_of_database(old: Old) -> tuple[str, str]:
    """What PostgreSQL's administrator and database are called on the old machine; `-` without PostgreSQL."""
    return old.facts.get("postgres.superuser") or "-", old.facts.get("postgres.database") or "-"


def expected(counts: Counts, old: Old) -> Counts:
    """What was counted on the old machine, by the names of the new one: a database may be renamed."""
    base = old.facts.get("postgres.database", "")
    databases = old.facts.get("postgres.databases", "").split(",")
    if not base or _OURS in databases:
        return counts
    return {
        (store, f"{_OURS} {name.partition(' ')[2]}" if store == "postgres" and name.startswith(f"{base} ") else name): n
        for (store, name), n in counts.items()
    }


def differences(was: Counts, now: Counts) -> list[str]:
    """What did not arrive as it was counted. Keys with an expiry may be gone, and Kafka's own topics may have grown."""
    found: list[str] = []
    for (store, name), before in sorted(was.items()):
        after = now.get((store, name), 0)
        if store == "redis" and name.endswith(_EXPIRING):
            right = after <= before
        elif store == "kafka" and name.startswith("__"):
            right = after >= before
        else:
            right = after == before
        if not right:
            found.append(f"{store}, {name}: {before:,} there, {after:,} here")
    found += [
        f"{store}, {name}: none there, {now[store, name]:,} here"
        for store, name in sorted(now.keys() - was.keys())
        if now[store, name]
    ]
    return found


def summary(counts: Counts) -> str:
    """In words: `1,234 rows in 5 tables, …`."""
    of = {store: [(name, n) for (which, name), n in counts.items() if which == store] for store in STORES}
    told: list[str] = []
    if of["postgres"]:
        told.append(f"{sum(n for _, n in of['postgres']):,} rows in {_number(len(of['postgres']), 'table')}")
    if of["redis"]:
        told.append(f"{sum(n for _, n in of['redis']):,} keys")
    if records := [(name, n) for name, n in of["chromadb"] if name != "the last write"]:
        told.append(f"{sum(n for _, n in records):,} embeddings in {_number(len(records), 'collection')}")
    if of["kafka"]:
        topics = {name.rpartition(":")[0] for name, _ in of["kafka"]}
        told.append(f"{_number(len(topics), 'topic')} with {sum(n for _, n in of['kafka']):,} events")
    return ", ".join(told) or "nothing"


def _number(count: int, of: str) -> str:
    return f"{count:,} {of}{'' if count == 1 else 's'}"
