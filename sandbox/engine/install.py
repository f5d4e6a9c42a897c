"""The folder that `python -m sandbox env` puts first on PATH: the engine and, beside it, its Python language host."""

import os
import shlex
import shutil
from pathlib import Path

from sandbox.engine.build import EngineError, ensure_engine, language_host_of

LANGUAGE_HOST = Path(__file__).with_name("language_host.py")


def install(bin_dir: Path, python: Path) -> None:
    """Make `bin_dir` hold `pulumi` and `pulumi-language-python`, run by `python` (which must have the Pulumi SDK).

    The engine must be there already (`ensure_engine`). Where the operator's own pulumi brings its language host,
    the folder stays empty and PATH finds theirs. Safe to repeat.
    """
    pulumi = ensure_engine(lambda _: None)
    bin_dir.mkdir(parents=True, exist_ok=True)
    engine, host = bin_dir / "pulumi", bin_dir / "pulumi-language-python"
    if language_host_of(pulumi):
        engine.unlink(missing_ok=True)
        host.unlink(missing_ok=True)
        return
    _place(pulumi, engine)
    write_launcher(host, python, [str(LANGUAGE_HOST)])


def _place(pulumi: Path, target: Path) -> None:
    """A second name for the engine, not a symbolic link: it looks for the language host beside its real path."""
    if target.exists() and (target.samefile(pulumi) or _same_copy(pulumi, target)):
        return
    fresh = target.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    try:
        os.link(pulumi, fresh)
    except OSError:  # another file system
        shutil.copy2(pulumi, fresh)
    fresh.replace(target)


def _same_copy(source: Path, copy: Path) -> bool:
    one, other = source.stat(), copy.stat()
    return (one.st_size, int(one.st_mtime)) == (other.st_size, int(other.st_mtime))


def write_launcher(path: Path, python: Path, arguments: list[str]) -> None:
    """Write an executable that replaces itself with `python ARGUMENTS…`, so that the engine's signals reach Python.

    Written whole or not at all: an engine may be starting it.
    """
    if not python.exists():
        raise EngineError(f"{python} does not exist: make the virtual environment first")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(f'#!/bin/sh\nexec {shlex.join([str(python), "-u", *arguments])} "$@"\n')
    fresh.chmod(0o755)
    fresh.replace(path)
