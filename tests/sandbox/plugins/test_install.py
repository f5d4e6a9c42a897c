"""Official plugins come first, and ours fill exactly the gaps."""

import importlib.metadata
import os
import sys
from pathlib import Path

import pytest

from sandbox.plugins.__main__ import NAMES
from sandbox.plugins.install import install_plugins


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Pulumi home, and an operator who has none of the plugins."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path / "operator"))
    monkeypatch.delenv("PULUMI_HOME", raising=False)
    return tmp_path / "home"


def folder(plugins: Path, name: str) -> Path:
    return plugins / f"resource-{name}-v{importlib.metadata.version(f'pulumi-{name}')}"


def official(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x7fELF")
    path.chmod(0o755)
    return path


def install(home: Path) -> frozenset[str]:
    return install_plugins(home, Path(sys.executable))


def test_all_are_ours_where_there_is_none(home: Path) -> None:
    for _ in range(2):
        assert install(home) == frozenset()
        for name in NAMES:
            launcher = folder(home / "plugins", name) / f"pulumi-resource-{name}"
            assert os.access(launcher, os.X_OK)
            assert not list(launcher.parent.glob("*.new"))


def test_one_on_path_is_left_to_the_engine(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(home)
    theirs = official(tmp_path / "bin" / "pulumi-resource-tls")
    monkeypatch.setenv("PATH", f"{theirs.parent}:/usr/bin")
    assert install(home) == {"tls"}
    assert not folder(home / "plugins", "tls").exists()


def test_one_in_the_operators_home_is_used_from_there(home: Path, tmp_path: Path) -> None:
    install(home)
    theirs = official(folder(tmp_path / "operator" / ".pulumi" / "plugins", "command") / "pulumi-resource-command")
    used = folder(home / "plugins", "command") / "pulumi-resource-command"
    for _ in range(2):
        assert install(home) == {"command"}
        assert used.samefile(theirs)
    theirs.unlink()
    theirs.parent.rmdir()
    assert install(home) == frozenset()
    assert used.read_text().startswith("#!")


def test_one_that_was_installed_here_stays(home: Path) -> None:
    theirs = official(folder(home / "plugins", "random") / "pulumi-resource-random")
    assert install(home) == {"random"}
    assert theirs.read_bytes() == b"\x7fELF"
