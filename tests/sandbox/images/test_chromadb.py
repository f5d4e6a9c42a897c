"""Chroma with the official image's interface: what production's service definition asks of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container

from tests.sandbox.images.containers import Run, eventually, says

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


def test_it_ends_quickly_when_stopped(run: Run, volume: str, chroma_yaml: str) -> None:
    chroma = start(run, volume, chroma_yaml)
    chroma.stop(timeout=20)
    chroma.reload()
    assert chroma.attrs["State"]["ExitCode"] == 0


def test_without_a_command_it_serves_its_default_configuration(run: Run) -> None:
    chroma = run("chromadb", user="10002:10002", volumes=["/data"], tmpfs={"/tmp": ""})
    eventually(lambda: is_healthy(chroma))
