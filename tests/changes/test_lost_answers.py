"""The clouds' APIs fail at any request that creates, changes or deletes something, or the engine is killed meanwhile.

Then the next update converges. What the cloud has made without anybody knowing is listed, and nothing else is left.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from sandbox import layout
from sandbox.clouds.state import State
from tests.examples import sample
from tests.review.conftest import Production, apis, undeployed
from tests.sandbox.clouds.machines import FakeHypervisor

UP = ("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--color", "never")
DESTROY = ("pulumi", "destroy", "--yes", "--skip-preview", "--non-interactive", "--color", "never")
LIMIT = 240
SAMPLE = 1
"""So many cases are tried in a run; others in each."""
FIRST = {
    "the VPC": ("POST", "^/v2/vpcs$"),
    "the tag": ("POST", "^/v2/tags$"),
    "the SSH key": ("POST", "^/v2/account/keys$"),
    "the volume": ("POST", "^/v2/volumes$"),
    "the firewall": ("POST", "^/v2/firewalls$"),
    "the address": ("POST", "^/v2/reserved_ips$"),
    "the droplet": ("POST", "^/v2/droplets$"),
    "the attachment of the volume": ("POST", "^/v2/volumes/[^/]+/actions$"),
    "the assignment of the address": ("POST", "^/v2/reserved_ips/[^/]+/actions$"),
    "a DNS record": ("POST", "/dns_records$"),
}
CHANGE = {
    "the rules of the firewall": ("PUT", "^/v2/firewalls/"),
    "the size of the volume": ("POST", "^/v2/volumes/[^/]+/actions$"),
    "a DNS record": ("PUT", "/dns_records/"),
}
LAST = {
    "the VPC": ("DELETE", "^/v2/vpcs/"),
    "the tag": ("DELETE", "^/v2/tags/"),
    "the SSH key": ("DELETE", "^/v2/account/keys/"),
    "the volume": ("DELETE", "^/v2/volumes/"),
    "the firewall": ("DELETE", "^/v2/firewalls/"),
    "the address": ("DELETE", "^/v2/reserved_ips/"),
    "the droplet": ("DELETE", "^/v2/droplets/"),
    "the detachment of the volume": ("POST", "^/v2/volumes/[^/]+/actions$"),
    "the release of the address": ("POST", "^/v2/reserved_ips/[^/]+/actions$"),
    "a DNS record": ("DELETE", "/dns_records/"),
}
PHASES = {"first update": FIRST, "change": CHANGE, "destruction": LAST}
FAULTS: dict[str, dict[str, Any]] = {
    "too many requests": {"status": 429, "times": 6},
    "out of order": {"status": 500, "times": 6},
    "its answer is lost": {"kind": "lost", "status": 502},
    "its answer is cut": {"kind": "cut"},
    "the engine is killed": {"kind": "lost", "status": 504, "seconds": 60},
}
"""The plugins try at most five times."""
Case = tuple[str, str, str]
CASES = [
    (phase, request, fault)
    for phase, requests in PHASES.items()
    for request, (method, path) in requests.items()
    for fault in FAULTS
    # DigitalOcean answers these without a body.
    if not (fault == "its answer is cut" and method == "DELETE" and path.startswith("^/v2/"))
]
CHANGED = {"kafkaUiAllowed": ["10.200.0.0/24"], "dataVolumeSize": 50, "proxied": False}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        cases = sample(CASES, SAMPLE, metafunc.config.getoption("hypothesis_seed"))
        metafunc.parametrize("case", cases, ids=["; ".join(case) for case in cases])


@dataclass
class Account:
    """Production in clouds whose requests can fail, deployed or not."""

    production: Production
    state: Path

    @property
    def _all(self) -> Iterator[tuple[Path, Path]]:
        """Where the clouds and the engine have their states, and where these are kept."""
        for name in ("clouds", "backend"):
            yield self.state / name, self.state / "kept" / name

    def keep(self, name: str) -> None:
        for place, kept in self._all:
            shutil.copytree(place, kept.with_suffix(f".{name}"))

    def bring_back(self, name: str) -> None:
        """Everything is as it was when it was kept. The clouds have another address afterwards."""
        clouds = self.production.clouds
        clouds.stop()
        for place, kept in self._all:
            shutil.rmtree(place)
            shutil.copytree(kept.with_suffix(f".{name}"), place)
        clouds.machines = FakeHypervisor()
        clouds.start()
        self.production.variables |= apis(clouds)

    def has(self) -> dict[str, int]:
        """How many of each kind are in the clouds."""
        found = State.model_validate_json((self.state / "clouds" / "state.json").read_text())
        cloud = found.digitalocean
        return {
            "VPCs": len(cloud.vpcs),
            "tags": len(cloud.tags),
            "keys": len(cloud.keys),
            "volumes": len(cloud.volumes),
            "firewalls": len(cloud.firewalls),
            "addresses": len(cloud.reserved_ips),
            "droplets": len(cloud.droplets),
            "records": sum(len(zone.records) for zone in found.cloudflare.zones.values()),
        }

    def fail(self, method: str, path: str, **fault: Any) -> None:
        with self.production.clouds.raw() as http:
            http.post("/_sandbox/faults", json={"path": path, "method": method, **fault}).raise_for_status()

    def waiting(self) -> list[dict[str, Any]]:
        with self.production.clouds.raw() as http:
            return http.get("/_sandbox/faults").json()

    def heal(self) -> None:
        with self.production.clouds.raw() as http:
            http.delete("/_sandbox/faults").raise_for_status()

    def begun(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=layout.PROJECT,
            env=self.production.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str) -> tuple[int, str]:
        with self.begun(*command) as process:
            printed, _ = process.communicate(timeout=LIMIT)
        return process.returncode, printed

    def done(self, *command: str) -> None:
        status, printed = self.run(*command)
        assert status == 0, printed

    def killed_at(self, *command: str) -> None:
        """The engine and its plugins end while the cloud carries out the request."""
        with self.begun(*command) as process:
            deadline = time.monotonic() + LIMIT
            while any(fault["kind"] == "lost" for fault in self.waiting()):
                assert process.poll() is None, process.communicate()[0]
                assert time.monotonic() < deadline, "the request was not sent"
                time.sleep(0.1)
            time.sleep(0.5)
            subprocess.run(["pkill", "-KILL", "--session", str(process.pid)], check=True, timeout=30)
        self.done("pulumi", "cancel", "--yes", "--non-interactive")

    def leftovers(self) -> list[str]:
        status, printed = self.run(sys.executable, "-m", "auren_infra", "leftovers", "--stack", "prod")
        found = [line for line in printed.splitlines() if line.startswith("Not part of the stack: ")]
        assert status == (1 if found else 0), printed
        return found

    def delete_as_told(self, line: str) -> None:
        """What an operator does in the control panel."""
        do = self.production.clouds.digitalocean()
        assert "It is in use" not in line
        if found := re.search(r"the droplet \S+ \((\d+)\)", line):
            do.droplets.destroy(int(found[1]))
        elif found := re.search(r"the volume \S+ \((\S+)\)", line):
            do.volumes.delete(found[1])
        elif found := re.search(r"the reserved IP ([0-9.]+),", line):
            do.reserved_ips.delete(found[1])
        elif found := re.search(r"the firewall \S+ \((\S+)\)", line):
            do.firewalls.delete(found[1])
        elif found := re.search(r"the VPC \S+ \((\S+)\)", line):
            do.vpcs.delete(found[1])
        elif found := re.search(r"the SSH key \S+ \((\d+)\)", line):
            with self.production.clouds.raw() as http:
                http.delete(f"/v2/account/keys/{found[1]}").raise_for_status()
        elif found := re.search(r"the DNS record (\S+) with the address (\S+)\. ", line):
            cf = self.production.clouds.cloudflare()
            (zone,) = cf.zones.list(name="aupex.ai")
            (record,) = cf.dns.records.list(zone_id=zone.id, name={"exact": found[1]}, type="A")
            cf.dns.records.delete(record.id, zone_id=zone.id)
        else:
            raise AssertionError(line)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    state = tmp_path_factory.mktemp("production")
    with undeployed(state) as found:
        found.variables |= {"DIGITALOCEAN_HTTP_RETRY_WAIT_MIN": "0.05", "DIGITALOCEAN_HTTP_RETRY_WAIT_MAX": "0.05"}
        yield Account(found.configured({"smokeTest": "none", "protectData": False}), state)


@pytest.fixture(scope="module")
def empty(account: Account) -> dict[str, int]:
    """What is there before the first update, which is also kept."""
    account.keep("empty")
    return account.has()


@pytest.fixture(scope="module")
def full(account: Account, empty: dict[str, int]) -> dict[str, int]:
    """What a good update makes, by no other requests than those of `FIRST`. It is also kept.

    The same is seen of the other phases.
    """
    full = empty
    for phase, command in (("first update", UP), ("change", UP), ("destruction", DESTROY)):
        paths = "|".join(path for _, path in PHASES[phase].values())
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            account.fail(method, f"^(?!.*({paths}))", status=500, skip=1000)
        (changed(account) if phase == "change" else account).done(*command)
        if phase == "first update":
            full = account.has()
            account.keep("full")
        assert {fault["skip"] for fault in account.waiting()} == {1000}, f"a request of a {phase} is not in the list"
        account.heal()
    assert account.has() == empty
    return full


def changed(account: Account) -> Account:
    return replace(
        account, production=account.production.configured({"smokeTest": "none", "protectData": False, **CHANGED})
    )


def test_what_fails_at_any_request_converges_and_leaves_nothing_unknown(
    account: Account, empty: dict[str, int], full: dict[str, int], case: Case
) -> None:
    phase, request, fault = case
    method, path = PHASES[phase][request]
    command = DESTROY if phase == "destruction" else UP
    account.bring_back("empty" if phase == "first update" else "full")
    now = changed(account) if phase == "change" else account
    now.fail(method, path, **FAULTS[fault])
    if fault == "the engine is killed":
        now.killed_at(*command)
    else:
        status, printed = now.run(*command)
        assert not now.waiting() or now.waiting()[0]["times"] < FAULTS[fault]["times"], "the request was not sent"
        assert status or "error" not in printed
    now.heal()
    # One thing can be in the way of the next, as a VPC with its droplet.
    told: list[str] = []
    for more_tries in (True, True, False):
        for line in now.leftovers():
            now.delete_as_told(line)
        status, printed = now.run(*command, *told)
        told = ["--refresh"] * ("`pulumi up --refresh` reads it" in printed)
        if status == 0:
            break
        assert more_tries, printed
    assert now.leftovers() == []
    assert now.has() == (empty if phase == "destruction" else full)
