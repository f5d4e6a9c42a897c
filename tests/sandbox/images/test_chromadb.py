"""Chroma with the official image's interface: what production's service definition asks of it."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container

from auren_infra.files.releases import release
from auren_infra.services.model import Statement
from tests.sandbox.images.containers import Run, eventually, says
from tests.unit.configuration import blueprint, planned

pytestmark = pytest.mark.machine

DATABASE = "/api/v2/tenants/default_tenant/databases/default_database"
HEALTHY = f"exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET {DATABASE} HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3"
REQUEST = r"""
exec 3<>/dev/tcp/127.0.0.1/8000
printf '%s %s HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' "$1" "$2" "${#3}" "$3" >&3
cat <&3
"""
"""The image has bash and no HTTP client."""


@pytest.fixture
def chroma_yaml(tmp_path: Path) -> str:
    tmp_path.chmod(0o755)
    (tmp_path / "chroma.yaml").write_text("persist_path: /data\nlisten_address: 0.0.0.0\nport: 8000\n")
    return f"{tmp_path}/chroma.yaml:/etc/auren/chroma.yaml:ro"


def start(run: Run, volume: str, chroma_yaml: str) -> Container:
    chroma = run(
        "chromadb",
        user="10002:10002",
        command=["run", "/etc/auren/chroma.yaml"],
        volumes=[f"{volume}:/data", chroma_yaml],
        tmpfs={"/tmp": ""},
        mem_limit="256m",
    )
    eventually(lambda: is_healthy(chroma))
    return chroma


def is_healthy(chroma: Container) -> bool:
    return " 200 " in says(chroma, "bash", "-c", HEALTHY)[1]


def ask(chroma: Container, path: str, body: Any) -> Any:
    code, answer = says(chroma, "bash", "-c", REQUEST, "request", "POST", f"{DATABASE}/{path}", json.dumps(body))
    head, _, content = answer.partition("\r\n\r\n")
    assert code == 0, answer
    assert " 200 " in head.splitlines()[0], answer
    return json.loads(content)


def test_what_was_acknowledged_is_found_after_a_kill(run: Run, volume: str, chroma_yaml: str) -> None:
    chroma = start(run, volume, chroma_yaml)
    assert says(chroma, "id", "-u") == (0, "10002")
    collection = ask(chroma, "collections", {"name": "biometrics"})["id"]
    records = {
        "ids": ["near", "far"],
        "embeddings": [[1, 2], [9, 9]],
        "metadatas": [{"user_id": "a"}, {"user_id": "b"}],
    }
    ask(chroma, f"collections/{collection}/upsert", records)
    chroma.kill()
    chroma.start()
    eventually(lambda: is_healthy(chroma))
    question = {"query_embeddings": [[1, 1]], "n_results": 2, "include": ["metadatas"]}
    answer = ask(chroma, f"collections/{collection}/query", question)
    assert answer["ids"] == [["near", "far"]]
    assert answer["metadatas"] == [[{"user_id": "a"}, {"user_id": "b"}]]


def test_an_index_that_a_power_cut_tore_is_made_anew_from_the_log(run: Run, tmp_path: Path, chroma_yaml: str) -> None:
    """With production's own start script, and its statement for the database."""
    auren = blueprint()
    service = auren.by_name["chromadb"]
    script, data = tmp_path / "chroma-start.sh", tmp_path / "data"
    script.write_text(release(planned(auren), "chromadb").files["chroma-start.sh"])
    data.mkdir()
    chroma = run(
        "chromadb",
        user=f"{os.getuid()}:{os.getgid()}",
        entrypoint=list(service.entrypoint),
        command=list(service.command),
        volumes=[f"{data}:/data", f"{script}:/etc/auren/chroma-start.sh:ro", chroma_yaml],
        tmpfs={"/tmp": ""},
        mem_limit="256m",
    )
    eventually(lambda: is_healthy(chroma))
    statement = service.task(Statement)
    assert statement
    with closing(sqlite3.connect(data / statement.database, timeout=30)) as database, database:
        assert database.execute(statement.sql).rowcount == 1

    collection = ask(chroma, "collections", {"name": "biometrics"})["id"]
    names = [str(number) for number in range(2100)]
    for first in range(0, len(names), 100):
        numbers = range(first, first + 100)
        records = {"ids": [str(number) for number in numbers], "embeddings": [[number, 1] for number in numbers]}
        ask(chroma, f"collections/{collection}/upsert", records)
    (index,) = data.glob("*/index_metadata.pickle")

    chroma.stop(timeout=25)
    chroma.reload()
    assert chroma.attrs["State"]["ExitCode"] == 0
    chroma.start()
    eventually(lambda: is_healthy(chroma))
    assert index.exists(), "after a stop it is used as it is"

    chroma.kill()
    index.write_bytes(b"")
    chroma.start()
    eventually(lambda: is_healthy(chroma))
    found = ask(chroma, f"collections/{collection}/get", {"include": ["embeddings"]})
    vectors = dict(zip(found["ids"], found["embeddings"], strict=True))
    assert vectors == {name: [float(name), 1.0] for name in names}


def test_it_ends_quickly_when_stopped(run: Run, volume: str, chroma_yaml: str) -> None:
    chroma = start(run, volume, chroma_yaml)
    chroma.stop(timeout=20)
    chroma.reload()
    assert chroma.attrs["State"]["ExitCode"] == 0


def test_without_a_command_it_serves_its_default_configuration(run: Run) -> None:
    chroma = run("chromadb", user="10002:10002", volumes=["/data"], tmpfs={"/tmp": ""})
    eventually(lambda: is_healthy(chroma))
