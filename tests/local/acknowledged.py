"""What is written to all four stores, and what they have acknowledged: known outside the machine at once."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.local.host import Host

SCRIPTS = Path(__file__).parent / "scripts"
STORES = ("postgres", "redis", "chromadb", "kafka")
WRITE_SECONDS = 8
ENOUGH = 20
"""Fewer acknowledgements than this prove nothing."""


@dataclass
class Acknowledged:
    """What the stores have acknowledged, known outside the machine at once: it outlives the cut."""

    lines: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def names(self, store: str, before: float = float("inf")) -> set[str]:
        return {line["name"] for line in self.lines if line["store"] == store and line["at"] < before}

    def last(self, store: str) -> float:
        return max(line["at"] for line in self.lines if line["store"] == store)


def in_api(host: Host, run: str) -> list[str]:
    """A script on standard input runs in the API's container: with its libraries, its network and its secrets."""
    return host.command("docker", "exec", "--interactive", host.live("api"), "python3", "-u", "-", run)


@contextmanager
def writing(host: Host, run: str) -> Iterator[Acknowledged]:
    """Somebody writes meanwhile, as long as the machine is there."""
    acknowledged = Acknowledged()

    def collect(process: subprocess.Popen[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            if line.endswith("}\n"):  # the last one may be cut in the middle
                acknowledged.lines.append(json.loads(line))

    with (
        (SCRIPTS / "write.py").open() as script,
        subprocess.Popen(in_api(host, run), stdin=script, stdout=subprocess.PIPE, text=True) as process,
    ):
        reader = threading.Thread(target=collect, args=(process,))
        reader.start()
        try:
            yield acknowledged
        finally:
            process.kill()
            reader.join(timeout=30)


def kept(host: Host, run: str) -> dict[str, set[str]]:
    done = subprocess.run(
        in_api(host, run),
        input=(SCRIPTS / "count.py").read_text(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return {store: set(names) for store, names in json.loads(done.stdout).items()}
