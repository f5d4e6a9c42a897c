"""A registry of our own on a loopback port, which Docker daemons reach through plain HTTP. Debian's docker-registry."""

import contextlib
import gzip
import io
import json
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import httpx

USER, PASSWORD = "builder", "opensesame"
READY_WITHIN = 15
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass
class Registry:
    """A running registry, asked as a droplet's daemon would ask it."""

    host: str
    auth: tuple[str, str] | None

    def digest(self, repository: str, reference: str) -> str | None:
        """The digest of `reference` (a tag or a digest); None when there is no such image."""
        response = self._get(f"/v2/{repository}/manifests/{reference}")
        return response.headers["Docker-Content-Digest"] if response.status_code == 200 else None

    def files(self, repository: str, reference: str) -> set[str]:
        """The files of an image, by the names in its layers."""
        layers = self._get(f"/v2/{repository}/manifests/{reference}").json()["layers"]
        names: set[str] = set()
        for layer in layers:
            blob = self._get(f"/v2/{repository}/blobs/{layer['digest']}").content
            with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob))) as archive:
                names |= {member.name for member in archive if member.isfile()}
        return names

    def _get(self, path: str) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=10, auth=self.auth) as client:
            return client.get(f"http://{self.host}{path}", headers={"Accept": MANIFEST})


@contextlib.contextmanager
def running(folder: Path, *, guarded: bool = False) -> Iterator[Registry]:
    """With `guarded`, only USER gets in, with PASSWORD."""
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configuration: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "of unfinished uploads"},
    }
    if guarded:
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        (folder / "htpasswd").write_text(f"{USER}:{hashed}\n")
        configuration["auth"] = {"htpasswd": {"realm": "trial", "path": str(folder / "htpasswd")}}
    (folder / "config.json").write_text(json.dumps(configuration))  # JSON is YAML
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(["docker-registry", "serve", str(folder / "config.json")], stdout=log, stderr=log) as server,
    ):
        try:
            _await_port(server, port, folder / "log")
            yield Registry(f"127.0.0.1:{port}", (USER, PASSWORD) if guarded else None)
        finally:
            server.terminate()


def _await_port(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"the registry does not listen on {port}: {log.read_text()}")
