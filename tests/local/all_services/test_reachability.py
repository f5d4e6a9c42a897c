"""What answers from outside: of all ports of all addresses, behind both walls, and behind the droplet's own alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.local import cloud
from tests.local.host import Host
from tests.sandbox.droplets.internet import HOST, Client

pytestmark = pytest.mark.machine

SCAN = Path(__file__).parent / "scripts" / "scan.py"
EVERYBODY = {80: "open", 443: "refused"}
"""443 is prepared: it is let through, and nobody listens yet."""
ALLOWED = {22: "open", 8081: "open"} | EVERYBODY


def scan(client: Client, *addresses: str) -> dict[str, dict[int, str]]:
    """The ports, of all there are, that answer to this client."""
    command = [*client.prefix, sys.executable, str(SCAN), *addresses]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return {
        address: {int(port): said for port, said in found.items()} for address, found in json.loads(done.stdout).items()
    }


@pytest.fixture
def addresses(host: Host, outputs: dict[str, Any]) -> tuple[str, str]:
    """The one that stays, and the droplet's own behind it."""
    return outputs["address"], cloud.addresses(host.droplet)["public"]


def test_to_a_stranger_only_the_website_answers(addresses: tuple[str, str], internet: Client) -> None:
    assert scan(internet, *addresses) == dict.fromkeys(addresses, EVERYBODY)


def test_to_an_allowed_address_ssh_and_the_kafka_ui_answer_as_well(addresses: tuple[str, str]) -> None:
    """This machine's own, seen by its first address: a reserved one is led on by rules that a scan would not see."""
    assert scan(HOST, addresses[1]) == {addresses[1]: ALLOWED}
    assert HOST.connect(addresses[0], 22).startswith("open SSH")
    assert HOST.connect(addresses[0], 8081).startswith("open HTTP")


def test_with_the_clouds_firewall_gone_the_droplets_own_holds(
    addresses: tuple[str, str], outputs: dict[str, Any], internet: Client
) -> None:
    """UFW for the machine, and rules for published ports, which Docker leads past UFW. SSH is left to its keys."""
    anything = ("-o", "StrictHostKeyChecking=accept-new", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR")
    login = [*internet.prefix, "ssh", "-F", "/dev/null", "-o", "BatchMode=yes", *anything, f"root@{addresses[0]}", ":"]
    with cloud.firewall_wide_open(outputs["firewall"]["id"]):
        assert scan(internet, addresses[1]) == {addresses[1]: EVERYBODY | {22: "open"}}
        assert internet.connect(addresses[0], 8081) == "silent"
        assert HOST.connect(addresses[0], 8081).startswith("open HTTP")
        refused = subprocess.run(login, capture_output=True, text=True, timeout=60, check=False)
    assert (refused.returncode, refused.stderr.strip().rpartition(": ")[2]) == (255, "Permission denied (publickey).")


def test_databases_listen_on_no_address_of_the_machine(host: Host) -> None:
    """Docker keeps published ports from being used twice by listening there itself."""
    lines = host.run("ss", "--no-header", "--listening", "--tcp", "--numeric").splitlines()
    listening = [line.split()[3] for line in lines]
    ports = {int(place.rpartition(":")[2]) for place in listening if not place.startswith(("127.", "[::1]"))}
    assert 22 in ports
    assert ports <= ALLOWED.keys()
