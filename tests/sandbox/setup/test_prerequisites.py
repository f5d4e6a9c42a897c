"""Each need that is not met is told with what it is for and what to do."""

import shutil
import socket
import subprocess
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import cloud_server, docker_daemon, layout, prerequisites, registry_place

Usage = namedtuple("Usage", "total used free")
HEADER = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud_server.PROCESS.__class__, "pid", lambda self: None)
    monkeypatch.setattr(registry_place, "is_running", lambda: False)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as tcp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        yield tcp.getsockname()[1]


def routes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *lines: str) -> None:
    table = tmp_path / "route"
    table.write_text(HEADER + "".join(f"{line}\t0\t0\t0\n" for line in lines))
    real = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda self: real(table if str(self) == "/proc/net/route" else self))


def test_another_system_is_told_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert prerequisites.faults() == list(prerequisites.system())
    assert "darwin" in prerequisites.faults()[0]


def test_root_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "as root" in next(iter(prerequisites.rights()))


def test_root_of_a_container_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(prerequisites, "_field", lambda file, name: "00000000a80425fb")  # Docker's default set
    (fault,) = prerequisites.rights()
    assert "CAP_NET_ADMIN, CAP_SYS_ADMIN" in fault
    assert "CAP_MKNOD" not in fault


def test_a_full_disk_is_named_with_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(0, 0, 1_500_000_000))
    faults = list(prerequisites.disk())
    assert faults
    assert all("1.5 GB free" in fault and "AUREN_SANDBOX_STATE" in fault for fault in faults)


def test_little_memory_is_told(monkeypatch: pytest.MonkeyPatch, nothing_runs: None) -> None:
    monkeypatch.setattr(prerequisites, "_field", lambda file, name: "2048000 kB")
    assert "2.0 GB of memory are free" in next(iter(prerequisites.memory()))


def test_a_taken_port_is_told_with_who_wants_it(
    monkeypatch: pytest.MonkeyPatch, nothing_runs: None, taken: int
) -> None:
    monkeypatch.setattr(layout, "API_PORT", taken)
    faults = [fault for fault in prerequisites.ports() if str(taken) in fault]
    assert len(faults) == 1
    assert "the simulated APIs" in faults[0]
    assert f"ss -lnp 'sport = :{taken}'" in faults[0]


def test_the_registrys_address_is_tried_before_it_is_there(nothing_runs: None) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.IPPROTO_IP, 15, 1)
        other.bind((str(layout.GATEWAY), 0))
        other.listen()
        port = other.getsockname()[1]
        assert list(prerequisites._taken(str(layout.GATEWAY), port, "a test"))
    assert not list(prerequisites._taken(str(layout.GATEWAY), port, "a test"))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("tun0\t006433C6\t00000000\t1\t0\t0\t0\t00FFFFFF", "198.51.100.0/24"),  # exactly the public range
        ("tun0\t000012C6\t00000000\t1\t0\t0\t0\t0000FEFF", "198.18.0.0/15"),  # wider than ours
        ("eth0\t816433C6\t00000000\t1\t0\t0\t0\tFFFFFFFF", "198.51.100.129/32"),  # one of its addresses
        ("eth0\t00000000\t010200C0\t3\t0\t0\t0\t00000000", ""),  # the default route
        ("tun0\t00000080\t00000000\t3\t0\t0\t0\t00000080", ""),  # half the internet, as a VPN does
        ("asbx-public\t006433C6\t00000000\t1\t0\t0\t0\t80FFFFFF", ""),  # our own bridge
        ("*\t006433C6\t00000000\t200\t0\t0\t0\t00FFFFFF", ""),  # our own blackhole
        ("eth0\t0000A8C0\t00000000\t1\t0\t0\t0\t00FFFFFF", ""),  # something else
    ],
)
def test_routes_into_our_ranges_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, told: str) -> None:
    routes(monkeypatch, tmp_path, line)
    faults = list(prerequisites.addresses())
    assert bool(faults) == bool(told)
    assert all(told in fault and "ip route show" in fault for fault in faults)


def test_a_kernel_without_modules_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda self: False)
    monkeypatch.setattr(prerequisites, "_loadable", lambda module: False)
    told = " ".join(prerequisites.kernel())
    assert "no loop (for block volumes)" in told
    assert "no br_netfilter (for firewalls inside droplets)" in told


def test_a_daemon_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_daemon, "chosen", lambda: "tcp://build.example:2376")
    assert "must be on this machine" in next(iter(prerequisites.docker()))


def test_looking_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def record(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", record)
    prerequisites.faults()
    assert all("--dry-run" in command for command in commands)


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch, nothing_runs: None) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(0, 0, 0))
    told = "\n".join(prerequisites.faults())
    assert "Not root" in told
    assert "GB free" in told
