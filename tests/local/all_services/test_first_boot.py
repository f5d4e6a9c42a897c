"""A first boot that went wrong: repaired, or said with what to do."""

from collections.abc import Iterator

import pytest

from tests.local.deployment import Deployment, UpdateFailedError
from tests.local.host import Host

pytestmark = pytest.mark.machine

FAIL = """
import json
for name in ("status", "result"):
    path = f"/run/cloud-init/{name}.json"
    content = json.load(open(path))
    if name == "status":
        content["v1"]["modules-final"]["errors"] = ["('scripts_user', RuntimeError('boom'))"]
    else:
        content["v1"]["errors"] = ["('scripts_user', RuntimeError('boom'))"]
    json.dump(content, open(path, "w"))
"""
"""What cloud-init notes of an error, and keeps until the next boot."""
OPEN = "/etc/ssh/sshd_config.d/00-open.conf"


@pytest.fixture
def failed_boot(host: Host) -> Iterator[None]:
    notes = {path: host.run("cat", path) for path in ("/run/cloud-init/status.json", "/run/cloud-init/result.json")}
    host.run("python3", "-", stdin=FAIL)
    assert "status: error" in host.run("cloud-init", "status", check=False)
    yield
    host.run("rm", "-f", OPEN)
    for path, text in notes.items():
        host.run("sh", "-c", f"cat >{path}", stdin=text)


def wait_ready(deployment: Deployment) -> str:
    """Its command runs again."""
    urns = deployment.command_urns()
    return deployment.up("--target-replace", urns["ready"])


@pytest.mark.long
def test_an_error_that_left_what_is_needed_is_no_obstacle(
    deployment: Deployment, host: Host, failed_boot: None
) -> None:
    printed = wait_ready(deployment)
    assert "cloud-init ended the first boot with an error, but all that is needed of it is there." in printed
    assert "boom" in printed


@pytest.mark.long(10)
def test_an_error_that_left_sshd_open_says_what_to_do(deployment: Deployment, host: Host, failed_boot: None) -> None:
    host.run("sh", "-c", f"echo 'PasswordAuthentication yes' >{OPEN}")
    with pytest.raises(UpdateFailedError) as failed:
        wait_ready(deployment)
    assert "`passwordauthentication no` does not count" in str(failed.value)
    assert "Replace it: `pulumi up --replace URN`" in str(failed.value)


@pytest.mark.long(20)
def test_a_package_run_that_was_cut_is_ended(deployment: Deployment, host: Host) -> None:
    host.run("sh", "-c", "cd /tmp && apt-get -qq update && apt-get -qq download hello && dpkg --unpack hello_*.deb")
    assert "hello" in host.run("dpkg", "--audit")
    wait_ready(deployment)
    assert host.run("dpkg", "--audit") == ""
    assert host.run("dpkg-query", "--show", "--showformat", "${db:Status-Status}", "hello") == "installed"
    host.run("dpkg", "--purge", "hello")


def test_after_all_that_pulumi_has_nothing_to_do(deployment: Deployment, first_up: str) -> None:
    deployment.up()
    assert deployment.planned() == {}
