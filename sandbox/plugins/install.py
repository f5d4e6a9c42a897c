"""Puts the provider plugins where the engine looks for them: the official ones first, ours in the gaps."""

import compileall
import importlib.metadata
import os
import shutil
from pathlib import Path

from sandbox.engine import write_launcher
from sandbox.plugins.__main__ import NAMES

ROOT = Path(__file__).parents[2]

# Neither PYTHONPATH nor `-m`: the one would be inherited by every local command, the other puts the program's folder
# first among the modules.
START = f"import runpy, sys; sys.path[0] = {str(ROOT)!r}; runpy.run_module('sandbox.plugins', run_name='__main__')"


def install_plugins(pulumi_home: Path, python: Path) -> frozenset[str]:
    """Make every plugin loadable by an engine with this PULUMI_HOME; returns the names of those that are official.

    A plugin is official when it is on PATH (the engine prefers it there by itself), already in `pulumi_home`, or in
    the operator's own Pulumi home in the SDK's version; all others are ours, run by `python`. Safe to repeat.
    """
    # In a shell with PYTHONDONTWRITEBYTECODE each start of a plugin would compile it again: a fifth of it.
    compileall.compile_dir(ROOT / "sandbox", quiet=2)
    return frozenset(name for name in NAMES if _install(name, pulumi_home / "plugins", python))


def _install(name: str, plugins: Path, python: Path) -> bool:
    executable = f"pulumi-resource-{name}"
    folder = plugins / f"resource-{name}-v{importlib.metadata.version(f'pulumi-{name}')}"
    launcher = folder / executable
    if launcher.exists() and not _is_ours(launcher):
        return True
    on_path = shutil.which(executable)
    theirs = [home / "plugins" / folder.name for home in _homes() if home / "plugins" != plugins]
    installed = next((each for each in theirs if (each / executable).exists()), None)
    if on_path or installed:
        _remove(folder)
        if installed and not on_path:
            plugins.mkdir(parents=True, exist_ok=True)
            folder.symlink_to(installed.absolute())
        return True
    if folder.is_symlink():  # to a home that is gone
        folder.unlink()
    write_launcher(launcher, python, ["-c", START, name])
    return False


def _is_ours(launcher: Path) -> bool:
    with launcher.open("rb") as file:
        return file.read(2) == b"#!" and b"sandbox.plugins" in file.read()


def _homes() -> list[Path]:
    """Where the operator's plugins may be, the sandbox's own home possibly among them when its `env` is in force."""
    given = os.environ.get("PULUMI_HOME")
    return [*([Path(given)] if given else []), Path.home() / ".pulumi"]


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)
