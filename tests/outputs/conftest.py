"""What the tools are given: the files of a stack, whose machine is an sshd on this one."""

import asyncio
import json
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auren_infra.outputs.__main__ import main
from sandbox import layout
from tests.sandbox.plugins import sshd

with warnings.catch_warnings():
    # The providers' SDKs warn of every deprecated resource that they export, used or not, when they are imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    from tests.unit.rehearsal import deploy

Write = Callable[..., Path]


@pytest.fixture(scope="session")
def given() -> Iterator[dict[str, Any]]:
    """The outputs of a rehearsed stack, secrets shown."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield deploy().outputs
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Sshd]:
    with sshd.running(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def reachable(given: dict[str, Any], machine: sshd.Sshd) -> dict[str, Any]:
    """The same stack's outputs, with the running sshd in its droplet's place."""
    login = machine.connection
    kind, key, *_ = login["hostKey"].split()
    ssh = {key: login[key] for key in ("user", "host", "port")} | {"knownHosts": f"{login['host']} {kind} {key}"}
    return given | {"ssh": ssh, "sshPrivateKey": login["privateKey"]}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Have a format's files written for these outputs into a folder whose name needs quoting."""

    def written(outputs: dict[str, Any], wanted: str, *options: str) -> Path:
        source = tmp_path / "outputs.json"
        source.write_text(json.dumps(outputs))
        folder = tmp_path / "for 100% tools"
        assert main(["--from", str(source), "--format", wanted, "--output", str(folder), *options]) == 0
        return folder

    return written


@pytest.fixture(params=["files", "printed"])
def log_in(
    request: pytest.FixtureRequest, write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[dict[str, Any]], Path]:
    """Have ssh's configuration made with the program's own key, in each of its two ways; where it is."""
    key = ["--write-key", str(tmp_path / "the key")]

    def configuration(outputs: dict[str, Any]) -> Path:
        config = write(outputs, "ssh", *key) / "config"
        if request.param == "printed":
            config = tmp_path / "printed"
            assert main(["--from", str(tmp_path / "outputs.json"), "--format", "ssh", *key]) == 0
            config.write_text(capsys.readouterr().out)
        return config

    return configuration


@pytest.fixture(scope="session")
def promtool() -> Path:
    """The one on PATH, or the one out of the distribution's package: a server need not be installed for it."""
    if found := shutil.which("promtool"):
        return Path(found)
    kept = layout.CACHE / "promtool"
    if not kept.exists():
        _unpack_promtool(kept)
    return kept


def _unpack_promtool(target: Path) -> None:
    folder = target.with_name("promtool.new")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    download = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", "prometheus"]
    if subprocess.run(download, cwd=folder, check=False, capture_output=True, timeout=300).returncode:
        subprocess.run(["apt-get", "-q", "update"], check=True, capture_output=True, timeout=300)
        subprocess.run(download, cwd=folder, check=True, capture_output=True, timeout=300)
    (package,) = folder.glob("*.deb")
    subprocess.run(["dpkg-deb", "--extract", str(package), str(folder / "tree")], check=True, timeout=300)
    (folder / "tree/usr/bin/promtool").replace(target)
    shutil.rmtree(folder)
