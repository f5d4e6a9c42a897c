"""A stack whose SSH is closed to everyone, and whose state holds no key that logs in.

Whoever deploys opens SSH for themselves and closes it again, and has the key in an SSH agent.
"""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import layout, pulumi_stack
from tests.local.agent import Agent, ssh_agent
from tests.local.cloud import act
from tests.local.deployment import DROPLET, STACK, Deployment, UpdateFailedError, called, rehearsal
from tests.local.host import Host
from tests.local.runner import Runner
from tests.local.test_first_light import post_event, read_event
from tests.sandbox.droplets.internet import HOST, Client

pytestmark = pytest.mark.machine

Outputs = dict[str, Any]
ELSEWHERE = "192.0.2.77"
"""An address that nobody here has."""
SCRIPT = layout.PROJECT / "auren_infra" / "host" / "scripts" / "machine_firewall.sh"


def access(*arguments: str) -> str:
    """`python -m auren_infra access COMMAND`, as an operator calls it; what it printed."""
    done = called("access", *arguments, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ssh(outputs: Outputs, client: Client = HOST) -> str:
    return client.connect(outputs["address"], 22).partition("-")[0]


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with ssh_agent(tmp_path_factory.mktemp("agent")) as running:
        yield running


@pytest.fixture(scope="module")
def deployment(cloud: None, agent: Agent) -> Iterator[Deployment]:
    with rehearsal() as deployment:
        deployment.configure(sshAllowed=[], deployKey=agent.public_key)
        yield deployment
        deployment.variables = agent.variables
        access("open")  # so that the machine is brought down cleanly
    access("close")


@contextlib.contextmanager
def deploying(deployment: Deployment, agent: Agent) -> Iterator[None]:
    """SSH is open, and the agent is there."""
    access("open")
    deployment.variables = agent.variables
    try:
        yield
    finally:
        deployment.variables = {}
        access("close")


@pytest.fixture(scope="module")
def first_up(deployment: Deployment, agent: Agent) -> str:
    """The first deployment, by somebody whom no setting names."""
    with deploying(deployment, agent):
        return deployment.up()


def test_the_state_holds_no_key_that_logs_in(deployment: Deployment, outputs: Outputs, agent: Agent) -> None:
    """What a pull request's preview can read, and more. The machine's own key is there: it proves who it is."""
    state = deployment.pulumi("stack", "export", "--show-secrets")
    assert agent.private_key.strip().splitlines()[1] not in state
    owners = {
        resource["urn"].rpartition("::")[2]
        for resource in json.loads(state)["deployment"]["resources"]
        if "PRIVATE KEY" in json.dumps(resource)
    }
    assert owners == {f"auren-{STACK}-host", f"auren-{STACK}"}, "the host key, and the droplet's user data"
    assert outputs["sshPrivateKey"] == ""


def test_a_preview_needs_neither_the_key_nor_a_way_in(deployment: Deployment, first_up: str) -> None:
    assert deployment.planned() == {}


def test_an_update_without_the_key_is_refused_at_once(deployment: Deployment, first_up: str) -> None:
    with pytest.raises(UpdateFailedError, match="auren:deployKey: no SSH agent answers here; start one"):
        deployment.up()


def test_ssh_is_open_to_whoever_deploys_and_only_while_they_do(
    deployment: Deployment, outputs: Outputs, agent: Agent, internet: Client
) -> None:
    assert ssh(outputs) == "silent"
    with deploying(deployment, agent):
        assert ssh(outputs) == "open SSH"
        assert ssh(outputs, internet) == "silent", "to one address, not to everyone"
        # Pulumi neither sees the opening nor takes it away.
        deployment.pulumi("refresh", "--preview-only", "--expect-no-changes", "--non-interactive")
        deployment.up("--refresh", "--expect-no-changes")
        assert ssh(outputs) == "open SSH"
    assert ssh(outputs) == "silent"
    assert access("check") == f"No other firewall lets anybody in to auren-{STACK}.\n"


@pytest.fixture
def runner(tmp_path: Path, agent: Agent) -> Runner:
    return Runner(tmp_path, agent.private_key)


def test_a_deployments_job_lets_itself_in_and_out(deployment: Deployment, outputs: Outputs, runner: Runner) -> None:
    deployment.configure(maxUploadMegabytes=12)
    started = runner.take_key("deploy", "up")
    try:
        for name in ("Open SSH", "Update", "Look whether the machine is what was deployed"):
            done = runner.step("deploy", "up", name)
            assert done.returncode == 0, done.stdout
            assert ssh(outputs) == "open SSH"
        assert runner.step("deploy", "up", "Close SSH").returncode == 0
    finally:
        os.kill(started, signal.SIGTERM)
    assert ssh(outputs) == "silent"


def test_without_an_opening_a_look_at_the_machine_says_how_to_get_one(outputs: Outputs, runner: Runner) -> None:
    done = runner.step("deploy", "up", "Look whether the machine is what was deployed")
    assert done.returncode == 2
    assert "If SSH is closed to your address, open it: `python -m auren_infra access open`." in done.stdout


def test_the_nightly_look_opens_looks_and_closes(outputs: Outputs, runner: Runner) -> None:
    started = runner.take_key("drift", "look")
    try:
        for name in ("Open SSH", "Look", "Close SSH"):
            done = runner.step("drift", "look", name)
            assert done.returncode == 0, done.stdout
    finally:
        os.kill(started, signal.SIGTERM)
    report = (runner.directory / "report.md").read_text()
    assert (runner.directory / "output").read_text() == "found=no\n", report
    assert "The machine is what was deployed.\n" in report
    assert f"No other firewall lets anybody in to auren-{STACK}.\n" in report
    assert ssh(outputs) == "silent"


def _let_ssh_in_from(host: Host, *addresses: str) -> None:
    """The machine as it was deployed when UFW named the addresses that may log in."""
    rules = "".join(f"allow from {address} to any port 22 proto tcp\n" for address in addresses)
    host.run("bash", "-s", "--", stdin=f"{SCRIPT.read_text()}deny in on auren0\n{rules}")


@pytest.mark.long(70)
def test_a_machine_that_named_addresses_is_deployed_to_by_one_of_them(
    deployment: Deployment, outputs: Outputs, agent: Agent, host: Host
) -> None:
    """From then on a changed address is a matter of the cloud's firewall alone."""
    _let_ssh_in_from(host, HOST.address, ELSEWHERE)
    with deploying(deployment, agent):
        urns = [one["urn"] for one in pulumi_stack.resources(STACK) if one["urn"].endswith("-machine-firewall")]
        deployment.up("--target-replace", *urns)
        assert ssh(outputs) == "open SSH"
    added = [line.partition(" comment ")[0] for line in host.run("ufw", "show", "added").splitlines()[1:]]
    assert added == ["ufw deny in on docker0", "ufw deny in on auren0", "ufw allow 22/tcp"]


@pytest.mark.long
def test_a_machine_that_names_none_of_our_addresses_is_replaced_with_its_data(
    deployment: Deployment, outputs: Outputs, agent: Agent, host: Host
) -> None:
    """Who is in the cloud's firewall and not in the machine's gets nowhere by SSH: docs/day.md tells what is left."""
    event = post_event(outputs, 77)
    _let_ssh_in_from(host, ELSEWHERE)
    with deploying(deployment, agent):
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
