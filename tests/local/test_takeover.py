"""A stack that an earlier version of the program has deployed is taken over: nothing of value is replaced."""

import json
import subprocess
from dataclasses import replace

import pytest

from auren_infra.files import paths
from sandbox import layout
from tests.local.all_services.drift import RIGHT, drift
from tests.local.deployment import Deployment
from tests.local.host import Host
from tests.local.test_first_light import post_event, read_event

pytestmark = pytest.mark.machine

EARLIER = "f153e394daa3de358e74bfbc2436e72a65eb5752"
"""The last commit that knew no releases: files stood in one directory, and containers were noted down."""
COMMAND = "command:remote:Command"
SECRETS = "auren:secrets:Secrets"


@pytest.fixture(scope="module")
def earlier(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The same stack under the earlier program."""
    known = ["git", "cat-file", "-e", f"{EARLIER}^{{commit}}"]
    if subprocess.run(known, cwd=layout.PROJECT, check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this clone has no history: `git fetch --unshallow` gets it")
    project = tmp_path_factory.mktemp("earlier")
    archive = subprocess.run(["git", "archive", EARLIER], cwd=layout.PROJECT, check=True, stdout=subprocess.PIPE)
    subprocess.run(["tar", "--extract", "--directory", project], check=True, input=archive.stdout)
    (project / ".venv").symlink_to(layout.PROJECT / ".venv")
    return replace(deployment, project=project)


@pytest.mark.long
def test_a_stack_of_an_earlier_version_is_taken_over_with_all_that_it_holds(
    earlier: Deployment, deployment: Deployment
) -> None:
    earlier.up()
    outputs = earlier.outputs()
    host = Host(outputs["droplet"]["id"])
    event = post_event(outputs, 61)
    assert "/opt/auren/nginx.conf" in host.run("find", "/opt/auren", "-maxdepth", "1"), "as it was then"

    steps = json.loads(deployment.pulumi("preview", "--json", "--non-interactive"))["steps"]
    valuable = {step["urn"].split("::", 2)[2]: step["op"] for step in steps if f"{COMMAND}::" not in step["urn"]}
    assert {name: op for name, op in valuable.items() if op not in ("same", "update", "read")} == {
        f"{SECRETS}::{outputs['volumes'][0]['name']}": "create",
        f"{SECRETS}$random:index/randomPassword:RandomPassword::digests": "create",
    }, "the passwords are in another component, and are not made anew"

    deployment.up()
    assert deployment.outputs()["droplet"]["id"] == outputs["droplet"]["id"]
    assert read_event(deployment.outputs(), event) == 61
    assert deployment.planned() == {}
    assert drift() == (0, RIGHT)
    left = host.run("find", "/opt/auren", "-maxdepth", "1", "-printf", "%f\n").split()
    assert sorted(left) == ["auren", "docker-compose.prod.yml", "services", "sql", "website"]
    assert host.run("ls", paths.SERVICES).split() == sorted(outputs["services"])
