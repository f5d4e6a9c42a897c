"""An update ends green only if the website and the API answer, whatever somebody did past Pulumi."""

import pytest

from sandbox import pulumi_stack, stack_config
from tests.local.cloud import act, change_record, ssl_mode
from tests.local.deployment import DOMAIN, STACK, Deployment, UpdateFailedError
from tests.local.host import Host

pytestmark = pytest.mark.machine


def failed_update(deployment: Deployment, *arguments: str, command: str = "up") -> str:
    """The error of an update that fails, which is one line and the only one."""
    with pytest.raises(UpdateFailedError) as failed:
        deployment.pulumi(command, "--yes", "--skip-preview", "--non-interactive", "--suppress-outputs", *arguments)
    printed = str(failed.value).partition("Diagnostics:")[2]
    assert "Traceback" not in printed
    (error,) = [line.strip() for line in printed.splitlines() if "error:" in line]
    return error


def test_what_is_not_deployed_yet_is_not_asked(cloud_alone: str) -> None:
    assert "nginx is not deployed yet: whether AUREN answers was not tested." in cloud_alone


@pytest.mark.long(220)
def test_a_droplet_that_somebody_switched_off_fails_the_update(
    deployment: Deployment, first_up: str, host: Host
) -> None:
    assert "asked" not in first_up, "nothing was left out"
    before = deployment.outputs()
    droplet = before["droplet"]["id"]
    running = [name for name, state in host.healths().items() if state.startswith("running ")]
    act(droplet, "power_off")
    try:
        for arguments in ((), ("--refresh",), ("--target", f"**{STACK}-nginx")):
            error = failed_update(deployment, *arguments)
            assert f"http://{before['address']}/ cannot be reached. The droplet {droplet} is off." in error
            assert f"`doctl compute droplet-action power-on {droplet}`" in error
        for command in ("refresh", "destroy"):
            assert "The smoke test failed" in failed_update(deployment, "--run-program", command=command)
        assert deployment.planned() == {}, "a preview asks nothing, and what is deployed is recorded"
        assert deployment.outputs() == before
    finally:
        act(droplet, "power_on")
    host.wait_until_healthy(running, 400)
    deployment.up("--expect-no-changes")


@pytest.mark.long(60)
def test_a_name_that_somebody_changed_fails_the_update_until_it_is_repaired(
    deployment: Deployment, first_up: str
) -> None:
    address = deployment.outputs()["address"]
    change_record(f"www.{DOMAIN}", "192.0.2.1")
    error = failed_update(deployment)
    assert f"www.{DOMAIN} leads to 192.0.2.1, not to {address}." in error
    assert "`pulumi up --refresh` repairs it" in error
    deployment.up("--refresh")


@pytest.mark.long(70)
def test_a_proxied_site_is_asked_through_the_proxy(deployment: Deployment, first_up: str) -> None:
    if pulumi_stack.resources(stack_config.LOCAL):
        pytest.skip("the stack local has the zone's own names, which alone have a certificate")
    deployment.configure(domain="aupex.ai", proxied=True)
    try:
        with ssl_mode("flexible"):
            deployment.up()
        with ssl_mode("full"):
            error = failed_update(deployment)
    finally:
        deployment.configure(domain=DOMAIN, proxied=False)
    deployment.up()
    assert "https://aupex.ai/ answers with 521" in error
    assert "Set the SSL mode of the zone aupex.ai to Flexible." in error
