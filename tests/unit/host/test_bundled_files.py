"""Scripts that are sent several files: each lands byte for byte as it was rendered, also when one was there before."""

import pytest

from auren_infra.bundle import unpack
from auren_infra.host.machine import script
from tests.unit.configuration import ROOT
from tests.unit.host.bench import Bench
from tests.unit.rehearsal import Rehearsal

UNITS = "/etc/systemd/system"
EXPECTED = ROOT / "tests/files/expected"
SCRIPTS = {
    "container-firewall": ("container_firewall", (), "/etc/auren/containers.rules", "containers.rules"),
    "log-rotation": ("log_rotation", ("auren-101-101", "101", "101"), "/etc/logrotate.d/auren-nginx", "auren-nginx"),
    "supervision": ("supervision", (), "/usr/local/lib/auren/watchdog", "watchdog"),
}


@pytest.fixture
def host(bench: Bench) -> Bench:
    bench.path(UNITS).mkdir(parents=True)
    for stub in ("systemctl", "logrotate", "getent", "groupadd", "useradd"):
        bench.stub(stub)
    bench.stub("iptables", "echo -A")
    bench.stub("iptables-restore", "[ $# -ne 2 ] || cat >/dev/null")  # or whoever writes to it may find nobody there
    return bench


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_is_sent_is_what_lands(host: Bench, update: Rehearsal, name: str) -> None:
    script_name, arguments, path, own = SCRIPTS[name]
    data = update.command(name).inputs["stdin"].removeprefix(script(script_name))
    texts = unpack(data)
    for _ in range(2):
        done = host.run(script_name, *arguments, data=data)
        assert (done.returncode, done.stderr) == (0, "")
        assert host.path(path).read_text() == texts.pop(own, host.path(path).read_text())
        landed = {found.name: found for found in host.path(UNITS).rglob("*") if found.is_file()}
        assert {name: found.read_text() for name, found in landed.items()} == texts
        for found in landed.values():
            below = found.relative_to(host.path(UNITS))
            assert found.read_bytes() == (EXPECTED / "systemd" / below).read_bytes()
            assert found.stat().st_mode & 0o777 == 0o644
    assert list(host.path("/tmp").iterdir()) == [], "nothing is left over"


@pytest.mark.parametrize("name", SCRIPTS)
def test_data_of_another_program_changes_nothing(host: Bench, name: str) -> None:
    """Such as the rules alone, which an earlier version sent."""
    script_name, arguments, path, _ = SCRIPTS[name]
    done = host.run(script_name, *arguments, data="*filter\nCOMMIT\n")
    assert done.returncode != 0
    assert not host.path(path).exists()
    assert list(host.path(UNITS).iterdir()) == []
