"""A database of 1 GB that comes back: `auren-restore`, from the bucket, beside `pg_dump | pg_restore` of the same.

The other one reads the live database and leaves the bucket out, so it needs what a restore is there for: the database.
The database is there twice meanwhile, so the volume of the rehearsal is too small as it comes. Whoever measures makes
it larger before `make up`, since a volume never shrinks: `pulumi config set auren:dataVolumeSize 8`.
"""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from auren_infra.settings.backups import PASSPHRASE
from bench import droplet, engine
from bench.droplet import Droplet
from bench.engine import BenchError, Pulumi
from bench.results import Comparison, Measured, Series, Unit

BUCKET = "spaces://fra1/auren-bench-restore"
LEAST_BYTES = 1 << 30
LEAST_FREE_MB = 6000
COPY = "bench_copy"
LIMIT_SECONDS = 1800
FILL = """
CREATE TABLE bench_restore AS
SELECT row, string_agg(md5((row * 32 + part)::text), '') AS words
FROM generate_series(1, 1000000) AS row, generate_series(1, 32) AS part GROUP BY row
"""
"""Texts that compress to about a half."""
CONTAINER = ("docker", "exec", "--interactive", "auren-postgres")


def measure(repetitions: int) -> Measured:
    machine = droplet.local()
    free = int(machine.run("df", "--output=avail", "-m", "/mnt/auren-data").split()[-1])
    if free < LEAST_FREE_MB:
        raise BenchError(
            f"the data volume has {free} MB free, and {LEAST_FREE_MB} are needed: "
            "`pulumi config set auren:dataVolumeSize 8` before `make up`"
        )
    with _backed_up(engine.local()), _filled(machine):
        machine.run("auren-backup", "run", "full", seconds=LIMIT_SECONDS)
        taken = [(_copied(machine), *_restored(machine)) for _ in range(repetitions)]
    copied, served, whole = zip(*taken, strict=True)
    return Measured(
        comparisons=(
            Comparison(
                title="A database of 1 GB that comes back",
                ours=Series(what="`auren-restore to latest`, until PostgreSQL serves again", samples=served),
                other=Series(what="`pg_dump | pg_restore` of the live database into another one", samples=copied),
                unit=Unit.SECONDS,
                goal=1,
                beside=(Series(what="all of `auren-restore`, with the new full backup", samples=whole),),
            ),
        )
    )


@contextlib.contextmanager
def _backed_up(stack: Pulumi) -> Iterator[None]:
    """The stack has a bucket meanwhile."""
    with tempfile.TemporaryDirectory(prefix="auren-bench-restore-") as directory:
        changed = stack.configured(Path(directory, "stack.yaml"), {"auren:backups": BUCKET})
        changed.run("config", "set", "--secret", "--path", f"auren:secrets.{PASSPHRASE}", "bench")
        try:
            changed.update()
            yield
        finally:
            stack.update()


@contextlib.contextmanager
def _filled(machine: Droplet) -> Iterator[None]:
    try:
        _sql(machine, FILL)
        if (size := int(_sql(machine, "SELECT pg_database_size('auren')"))) < LEAST_BYTES:
            raise BenchError(f"the database has {size} bytes only")
        yield
    finally:
        _sql(machine, "DROP TABLE IF EXISTS bench_restore")


def _sql(machine: Droplet, statement: str) -> str:
    psql = ("psql", "-U", "auren", "-d", "auren", "-qAt", "-v", "ON_ERROR_STOP=1")
    return machine.run(*CONTAINER, *psql, stdin=statement, seconds=LIMIT_SECONDS)


def _copied(machine: Droplet) -> float:
    _sql(machine, f"CREATE DATABASE {COPY}")
    try:
        began = time.perf_counter()
        copy = f"set -o pipefail; pg_dump -U auren -Fc auren | pg_restore -U auren -d {COPY}"
        machine.run(*CONTAINER, "bash", "-c", copy, seconds=LIMIT_SECONDS)
        return time.perf_counter() - began
    finally:
        _sql(machine, f"DROP DATABASE {COPY}")


def _restored(machine: Droplet) -> tuple[float, float]:
    """The seconds until the database of before is replaced and serves, by the machine's history; and of all of it."""
    began = time.perf_counter()
    machine.run("auren-restore", "to", "latest", seconds=LIMIT_SECONDS)
    whole = time.perf_counter() - began
    (kept, *_) = machine.run("auren-restore", "kept").split()
    machine.run("auren-restore", "discard", kept)
    lines = [line.split("\t") for line in machine.run("cat", "/mnt/auren-data/history").splitlines()]
    times = {event: datetime.fromisoformat(moment) for moment, service, _, event, *_ in lines if service == "postgres"}
    return (times["restored"] - times["restoring"]).total_seconds(), whole
