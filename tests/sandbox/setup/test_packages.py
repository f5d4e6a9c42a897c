"""Missing programs: installed with apt, or named where there is none."""

import subprocess
from pathlib import Path

import pytest

from sandbox import docker_daemon, packages
from sandbox.packages import DOCKER, PROGRAMS, PackagesError, Program

DIG = Program("asbx-no-such-program", "asbx-package", "a test")


@pytest.fixture
def apt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """Records apt-get's calls; the first installation fails, as with stale lists."""
    calls: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        stale = [call for call in calls if "install" in call]
        failed = "install" in command and len(stale) == 1
        return subprocess.CompletedProcess(command, 100 if failed else 0, "", "E: Unable to locate package")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(packages, "POLICY", tmp_path / "policy-rc.d")
    return calls


def test_docker_is_not_asked_for_where_a_daemon_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_path_of", lambda name: None)
    monkeypatch.setattr(docker_daemon, "chosen", lambda: docker_daemon.SYSTEM_SOCKET)
    assert packages.missing() == list(PROGRAMS)
    monkeypatch.setattr(docker_daemon, "chosen", lambda: None)
    assert packages.missing() == [*PROGRAMS, DOCKER]


def test_elsewhere_than_debian_all_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    told = packages.fault([DIG, DOCKER])
    assert told is not None
    assert "asbx-no-such-program (asbx-package on Debian), for a test" in told
    assert "dockerd (docker.io on Debian), for containers" in told
    assert packages.fault([]) is None


def test_stale_lists_are_refreshed_and_locks_waited_for(apt: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_path_of", lambda name: Path("/bin/true"))
    packages.install([DIG], lambda _: None)
    assert [call[-1] for call in apt] == ["asbx-package", "update", "asbx-package"]
    assert all("DPkg::Lock::Timeout=300" in call for call in apt)
    assert all("--no-install-recommends" in call for call in apt if "install" in call)


def test_no_service_starts_while_packages_are_installed(apt: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_path_of", lambda name: Path("/bin/true"))
    seen: list[str] = []
    packages.install([DIG], lambda _: seen.append(packages.POLICY.read_text()))
    assert seen
    assert all(text.endswith("exit 101\n") for text in seen[:-1])
    assert not packages.POLICY.exists()


def test_somebody_elses_policy_stays(apt: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_path_of", lambda name: Path("/bin/true"))
    packages.POLICY.write_text("#!/bin/sh\nexit 0\n")
    packages.install([DIG], lambda _: None)
    assert packages.POLICY.read_text() == "#!/bin/sh\nexit 0\n"


def test_what_is_still_missing_afterwards_is_told(apt: list[list[str]]) -> None:
    with pytest.raises(PackagesError, match="asbx-no-such-program is not on PATH"):
        packages.install([DIG], lambda _: None)


def test_a_failed_installation_shows_what_apt_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(packages, "POLICY", tmp_path / "policy-rc.d")

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 100 if "install" in command else 0, "", "E: held broken packages")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(PackagesError, match="E: held broken packages"):
        packages.install([DIG], lambda _: None)
    assert not packages.POLICY.exists()
