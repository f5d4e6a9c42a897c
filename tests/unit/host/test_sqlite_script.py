"""sqlite.sh, with Chroma's own statement: from when on its log is kept."""

import json
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from auren_infra.services.model import Statement
from tests.unit.configuration import blueprint
from tests.unit.host.bench import OWNER, Bench

(STATEMENT,) = [task for task in blueprint().by_name["chromadb"].tasks if isinstance(task, Statement)]
DATABASE = "/mnt/auren-data/chromadb-data/chroma.sqlite3"
TABLES = """
CREATE TABLE embeddings_queue (seq_id INTEGER PRIMARY KEY, topic TEXT NOT NULL, id TEXT NOT NULL);
CREATE TABLE embeddings_queue_config (id INTEGER PRIMARY KEY, config_json_str TEXT);
INSERT INTO embeddings_queue_config (config_json_str)
VALUES ('{"automatically_purge":true,"_type":"EmbeddingsQueueConfigurationInternal"}');
"""


@pytest.fixture
def machine(bench: Bench) -> Bench:
    (bench.root / "bin/python3").symlink_to(sys.executable)
    bench.stub("setpriv", f'[ "$2:$4" = {OWNER} ] || exit 98\nexec "${{@:6}}"')
    path = bench.path(DATABASE)
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as database:
        database.executescript(TABLES)
    return bench


def _log(machine: Bench, *numbers: int) -> None:
    with sqlite3.connect(machine.path(DATABASE)) as database:
        database.executemany("INSERT INTO embeddings_queue VALUES (?, 't', 'r')", [(number,) for number in numbers])


def _keep(machine: Bench) -> str:
    done = machine.run("sqlite", str(machine.path(DATABASE)), data=STATEMENT.sql)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def _setting(path: Path) -> str:
    with sqlite3.connect(path) as database:
        (text,) = database.execute("SELECT config_json_str FROM embeddings_queue_config").fetchone()
    return text


@pytest.mark.parametrize("numbers", [(), (1, 2, 3)], ids=["new", "whole"])
def test_a_log_with_all_its_records_is_kept_from_now_on(machine: Bench, numbers: tuple[int, ...]) -> None:
    _log(machine, *numbers)
    assert _keep(machine) == "1 rows changed\n"
    text = _setting(machine.path(DATABASE))
    assert json.loads(text) == {"automatically_purge": False, "_type": "EmbeddingsQueueConfigurationInternal"}
    assert '"automatically_purge":false' in text, "what the start script looks for"
    _keep(machine)
    assert _setting(machine.path(DATABASE)) == text


def test_a_log_that_has_lost_records_is_not_taken_for_whole(machine: Bench) -> None:
    """Or the start script would remove the only place where they are."""
    _log(machine, 1000, 1001)
    assert _keep(machine) == "0 rows changed\n"
    assert '"automatically_purge":true' in _setting(machine.path(DATABASE))


def test_a_database_that_is_not_there_is_an_error_and_is_not_made(machine: Bench) -> None:
    shutil.rmtree(machine.path(DATABASE).parent)
    assert machine.run("sqlite", str(machine.path(DATABASE)), data=STATEMENT.sql).returncode != 0
    assert not machine.path(DATABASE).exists()
