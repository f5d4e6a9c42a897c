"""A deployment, and the machine that it was done on."""

import pytest

from auren_infra.drift import state
from auren_infra.host.machine import script
from auren_infra.host.sent import Command
from tests.unit.drift.machine import Machine, as_deployed, export
from tests.unit.host.bench import Bench
from tests.unit.rehearsal import Rehearsal

_SYSTEMD = "etc/systemd/system"


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What scripts write from their own text, by path: they were run for it."""
    bench = Bench(tmp_path_factory.mktemp("bench"))
    bench.path(_SYSTEMD).mkdir(parents=True)
    for stub in ("systemctl", "logrotate", "getent", "groupadd", "useradd"):
        bench.stub(stub)
    bench.stub("iptables", "echo -A")
    bench.stub("iptables-restore", "cat >/dev/null")  # or whoever writes to it may find nobody there
    scripts = {"container_firewall": (), "log_rotation": ("auren-101-101", "101", "101"), "supervision": ()}
    for name, arguments in scripts.items():
        done = bench.run(name, *arguments, data=script("watchdog"))
        assert (done.returncode, done.stderr) == (0, "")
    files = [path for path in bench.path(_SYSTEMD).rglob("*") if path.is_file()]
    return {f"/{path.relative_to(bench.root)}": path.read_text().replace(str(bench.root), "") for path in files}


@pytest.fixture(scope="session")
def deployed(update: Rehearsal) -> list[Command]:
    return state.commands(state.parse(export(update)))


@pytest.fixture
def machine(update: Rehearsal, written: dict[str, str]) -> Machine:
    """Nothing on it differs yet."""
    return as_deployed(update, written)
