"""A stack whose SSH is closed to everyone: deployed by whoever opens it for themselves, and closed again afterwards."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import environment, layout, pulumi_stack
from tests.local.cloud import act
from tests.local.deployment import STACK, Deployment, rehearsal
from tests.local.host import Host
from tests.local.test_first_light import post_event, read_event
from tests.review.workflows import github, shell
from tests.sandbox.droplets.internet import HOST, Client

pytestmark = pytest.mark.machine

Outputs = dict[str, Any]
DROPLET = "digitalocean:index/droplet:Droplet"
ELSEWHERE = "192.0.2.77"
"""An address that nobody here has."""
SCRIPT = layout.PROJECT / "auren_infra" / "host" / "scripts" / "machine_firewall.sh"


def access(*arguments: str) -> str:
    """`python -m auren_infra.access COMMAND`, as an operator calls it; what it printed."""
    command, *more = arguments
    done = subprocess.run(
        [sys.executable, "-m", "auren_infra.access", command, "--stack", STACK, *more],
        cwd=layout.PROJECT,
        env=environment.complete(STACK),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ssh(outputs: Outputs, client: Client = HOST) -> str:
    return client.connect(outputs["address"], 22).partition("-")[0]


@pytest.fixture(scope="module")
def deployment(cloud: None) -> Iterator[Deployment]:
    with rehearsal() as deployment:
        deployment.configure(sshAllowed=[])
        yield deployment
        access("open")  # so that the machine is brought down cleanly
    access("close")


@pytest.fixture(scope="module")
def first_up(deployment: Deployment) -> str:
    """The first deployment, by somebody whom no setting names."""
    access("open")
    try:
        return deployment.up()
    finally:
        access("close")


def test_ssh_is_open_to_whoever_deploys_and_only_while_they_do(
    deployment: Deployment, outputs: Outputs, internet: Client
) -> None:
    assert ssh(outputs) == "silent"
    access("open")
    assert ssh(outputs) == "open SSH"
    assert ssh(outputs, internet) == "silent", "to one address, not to everyone"
    # Pulumi neither sees the opening nor takes it away.
    deployment.pulumi("refresh", "--preview-only", "--expect-no-changes", "--non-interactive")
    deployment.up("--refresh", "--expect-no-changes")
    assert ssh(outputs) == "open SSH"
    access("close")
    assert ssh(outputs) == "silent"
    assert access("check") == f"No other firewall lets anybody in to {STACK}.\n"


@pytest.fixture
def step(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a step of a workflow as a runner would."""
    path = github(tmp_path)

    def run(workflow: str, job: str, name: str) -> subprocess.CompletedProcess[str]:
        found = environment.complete(STACK)
        runner = {
            "STACK": STACK,
            "RUNNER_TEMP": str(tmp_path),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "GITHUB_RUN_ID": "4711",
            "GITHUB_RUN_ATTEMPT": "1",
            "PATH": f"{found['PATH'].partition(':')[0]}:{path}",
        }
        return subprocess.run(
            shell(workflow, job, name),
            cwd=layout.PROJECT,
            env=found | runner,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )

    return run


def test_a_deployments_job_lets_itself_in_and_out(
    deployment: Deployment, outputs: Outputs, step: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    deployment.configure(maxUploadMegabytes=12)
    for name in ("Open SSH", "Update", "Look whether the machine is what was deployed"):
        done = step("deploy", "up", name)
        assert done.returncode == 0, done.stdout
        assert ssh(outputs) == "open SSH"
    assert step("deploy", "up", "Close SSH").returncode == 0
    assert ssh(outputs) == "silent"


def test_without_an_opening_a_look_at_the_machine_says_how_to_get_one(
    outputs: Outputs, step: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = step("deploy", "up", "Look whether the machine is what was deployed")
    assert done.returncode == 2
    assert "If SSH is closed to your address, open it: `python -m auren_infra.access open`." in done.stdout


def test_the_nightly_look_opens_looks_and_closes(
    outputs: Outputs, step: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    for name in ("Open SSH", "Look", "Close SSH"):
        done = step("drift", "look", name)
        assert done.returncode == 0, done.stdout
    report = (tmp_path / "report.md").read_text()
    assert (tmp_path / "output").read_text() == "found=no\n", report
    assert "The machine is what was deployed.\n" in report
    assert f"No other firewall lets anybody in to {STACK}.\n" in report
    assert ssh(outputs) == "silent"


def _let_ssh_in_from(host: Host, *addresses: str) -> None:
    """The machine as it was deployed when UFW named the addresses that may log in."""
    rules = "".join(f"allow from {address} to any port 22 proto tcp\n" for address in addresses)
    host.run("bash", "-s", "--", stdin=f"{SCRIPT.read_text()}deny in on auren0\n{rules}")


def test_a_machine_that_named_addresses_is_deployed_to_by_one_of_them(
    deployment: Deployment, outputs: Outputs, host: Host
) -> None:
    """From then on a changed address is a matter of the cloud's firewall alone."""
    _let_ssh_in_from(host, HOST.address, ELSEWHERE)
    access("open")
    try:
        urns = [one["urn"] for one in pulumi_stack.resources(STACK) if one["urn"].endswith("-machine-firewall")]
        deployment.up("--target-replace", *urns)
        assert ssh(outputs) == "open SSH"
    finally:
        access("close")
    added = [line.partition(" comment ")[0] for line in host.run("ufw", "show", "added").splitlines()[1:]]
    assert added == ["ufw deny in on docker0", "ufw deny in on auren0", "ufw allow 22/tcp"]


def test_a_machine_that_names_none_of_our_addresses_is_replaced_with_its_data(
    deployment: Deployment, outputs: Outputs, host: Host
) -> None:
    """Who is in the cloud's firewall and not in the machine's gets nowhere by SSH: docs/day.md tells what is left."""
    event = post_event(outputs, 77)
    _let_ssh_in_from(host, ELSEWHERE)
    access("open")
    try:
        assert ssh(outputs) == "silent"
        act(outputs["droplet"]["id"], "shutdown")
        deployment.up("--replace", deployment.urn(DROPLET))
        after = deployment.outputs()
        assert after["droplet"]["id"] != outputs["droplet"]["id"]
        assert ssh(after) == "open SSH"
        assert read_event(after, event) == 77
        log = Host(after["droplet"]["id"]).run("docker", "logs", "auren-postgres")
        assert "was not properly shut down" not in log, "it was stopped before the volume was detached"
        assert deployment.planned() == {}
    finally:
        access("close")
