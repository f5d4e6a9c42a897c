"""chroma-start.sh, with a stand-in for Chroma: when an index is removed, and when it is not."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from auren_infra.files.releases import release
from tests.unit.configuration import blueprint, planned

SEGMENT = "cb9d2d63-626c-489f-80b7-1697c9cfa1a5"
KEPT = b'page of SQLite \x00\xff{"automatically_purge":false,"_type":"EmbeddingsQueueConfigurationInternal"}\x00'
CHROMA = """#!{python}
import signal, sys
{open}
open("started", "w").write(" ".join(sys.argv[1:]))
signal.pause()
"""


class Bench:
    """Chroma's data directory, and the script as the container runs it."""

    def __init__(self, root: Path) -> None:
        self.data, self.index, self.whole = root / "data", root / "data" / SEGMENT, root / "data/index-is-whole"
        self.started = root / "started"
        self._root = root
        self._processes: list[subprocess.Popen[bytes]] = []
        self._said = (root / "said").open("ab")
        self._script = root / "start.sh"
        text = release(planned(blueprint()), "chromadb").files["chroma-start.sh"]
        for old, new in {"/data": self.data, "/tmp/disk": root / "disk", "sleep 5;": "sleep 0.05;"}.items():
            assert old in text
            text = text.replace(old, str(new))
        self._script.write_text(text)
        (root / "bin").mkdir()
        (root / "bin/df").write_text(f"#!/bin/sh\necho Avail\ncat {root}/room\n")
        (root / "bin/df").chmod(0o755)
        self.room(1000)
        self.persist()
        self.log(KEPT)

    def room(self, megabytes: int) -> None:
        """So many are free on the disk, as is seen by now."""
        (self._root / "room").write_text(f"{megabytes}\n")
        time.sleep(0.3)

    def log(self, content: bytes) -> None:
        (self.data / "chroma.sqlite3").write_bytes(content)

    def persist(self, names_after: int = 0) -> None:
        """The index's files, the one with the names so many milliseconds after the others."""
        self.index.mkdir(parents=True, exist_ok=True)
        now = time.time_ns()
        for name, at in {"header.bin": now, "index_metadata.pickle": now + names_after * 1_000_000}.items():
            (self.index / name).touch()
            os.utime(self.index / name, ns=(at, at))

    def start(self, holds: str = "") -> subprocess.Popen[bytes]:
        chroma = self._root / "bin/chroma"
        chroma.write_text(CHROMA.format(python=sys.executable, open=f"held = open({holds!r}, 'a')" if holds else ""))
        chroma.chmod(0o755)
        self.started.unlink(missing_ok=True)
        process = subprocess.Popen(
            ["bash", self._script, "chroma.yaml"],
            env={"PATH": f"{self._root}/bin:{os.environ['PATH']}"},
            cwd=self._root,
            stdout=self._said,
            start_new_session=True,
        )
        self._processes.append(process)
        eventually(lambda: self.started.exists() and self.started.read_text())
        return process

    def power_cut(self) -> str:
        """What was said until then."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)
        said = (self._root / "said").read_text()
        self._said.truncate(0)
        return said

    def cut_after_start(self) -> str:
        self.start()
        return self.power_cut()

    def close(self) -> None:
        self.power_cut()
        self._said.close()


def eventually(question: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not question():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def test_chroma_is_run_with_its_configuration(bench: Bench) -> None:
    bench.cut_after_start()
    assert bench.started.read_text() == "run chroma.yaml"


def test_after_a_power_cut_the_index_is_made_anew_from_the_log(bench: Bench) -> None:
    assert "made anew" in bench.cut_after_start()
    assert not bench.index.exists()
    assert (bench.data / "chroma.sqlite3").read_bytes() == KEPT


def test_when_a_full_disk_has_room_again_chroma_starts_anew_with_a_new_index(bench: Bench) -> None:
    """Its database stays locked otherwise, and what it could not write is missing in the index."""
    process = bench.start()
    bench.persist()
    bench.room(3)
    assert process.poll() is None
    bench.room(30)
    assert process.poll() is None, "it may be full again in a moment"
    bench.room(500)
    assert process.wait(20) != 0, "Docker starts it again"
    assert "The disk was full: " in bench.power_cut()
    assert "made anew" in bench.cut_after_start()
    assert not bench.index.exists()


def test_an_index_of_a_disk_that_was_full_is_not_taken_for_whole(bench: Bench) -> None:
    """It is stopped before there is room again."""
    process = bench.start()
    bench.persist(names_after=1)
    bench.room(0)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 1
    assert not bench.whole.exists()


@pytest.mark.parametrize("log", [KEPT.replace(b"false", b"true"), b""])
def test_an_index_that_no_log_could_replace_is_never_removed(bench: Bench, log: bytes) -> None:
    bench.log(log)
    assert bench.cut_after_start() == ""
    assert bench.index.exists()


def test_an_empty_disk_is_none_of_its_business(bench: Bench) -> None:
    (bench.data / "chroma.sqlite3").unlink()
    assert bench.cut_after_start() == ""


def test_after_a_stop_the_index_is_used_again_but_only_once(bench: Bench) -> None:
    bench.whole.touch()
    first = bench.start()
    bench.persist(names_after=1)
    first.terminate()
    assert first.wait(20) == 0
    assert bench.whole.exists()

    assert bench.cut_after_start() == ""
    assert bench.index.exists()
    assert not bench.whole.exists(), "Chroma has written since"
    bench.cut_after_start()
    assert not bench.index.exists()


@pytest.mark.parametrize("half", ["files", "names"])
def test_a_stop_waits_until_the_index_is_written(bench: Bench, half: str) -> None:
    """Its files are newer than the names, or the names are being written."""
    bench.whole.touch()
    process = bench.start(holds=str(bench.index / "index_metadata.pickle") if half == "names" else "")
    if half == "files":
        bench.persist(names_after=-1)
    process.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    assert not bench.whole.exists()
    if half == "files":
        bench.persist(names_after=1)
        assert process.wait(20) == 0
        assert bench.whole.exists()
    else:
        bench.power_cut()


def test_chromas_own_end_is_the_containers_end(bench: Bench) -> None:
    process = bench.start()
    subprocess.run(["pkill", "-KILL", "-g", str(process.pid), "-f", "run chroma.yaml"], check=True)
    assert process.wait(20) == 137
    assert not bench.whole.exists()
