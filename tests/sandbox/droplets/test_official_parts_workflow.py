"""The steps of the workflow `official`, run as its runner would, on a droplet in place of the runner.

Two things are not its: the images are the rehearsal's, under the names that production pulls, and Docker is Debian's.
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from sandbox import layout, registry
from sandbox.droplets import DockerHypervisor
from sandbox.droplets.hypervisor import FirewallPolicy, FirewallRule, VolumeSpec
from sandbox.images import build_images
from tests.hosted.stand_ins import save
from tests.review.workflows import shell, workflow
from tests.sandbox.droplets.droplet import Boot, Droplet

pytestmark = pytest.mark.machine

RUNNER = "/srv/runner"
CHECKOUT = "/srv/checkout"
RENDERED = {
    "before": ("dockerVersion=26.1",),
    "after": ("dockerVersion=28.5",),
    "changed": ("dockerVersion=28.5", "maxUploadMegabytes=12"),
}
"""As the workflow's step does it, but for where Docker is from and how large the disk is."""
HERE = ("dropletImage=debian-13-x64", "dockerSource=distribution", "dataVolumeSize=1")
STEPS = {
    "Make the machine ready": "Docker Engine 26.1",
    "Start everything": "/api/health 200",
    "Change Docker's release": "Docker's release changes: stopping the containers.",
    "Change a setting of nginx": "/api/health 200",
    "Restart each container": "auren-postgres is healthy again",
}
"""Each step, in the workflow's order, and something that it must print."""


@pytest.fixture(scope="module")
def runner(boot: Boot, hypervisor: DockerHypervisor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Droplet]:
    """A machine with what the steps before have made: the rendered commands, and the images."""
    droplet = boot(42)
    anywhere = tuple(FirewallRule(protocol, None, ("0.0.0.0/0",)) for protocol in ("tcp", "udp", "icmp"))
    hypervisor.apply_firewalls({droplet.id: FirewallPolicy(anywhere, anywhere)})
    hypervisor.create_volume(VolumeSpec("asbx-test-official", "auren-prod", 1, "ext4", "data"))
    hypervisor.attach_volume("asbx-test-official", droplet.id)
    files = tmp_path_factory.mktemp("runner")
    for name, changes in RENDERED.items():
        arguments = [sys.executable, "-m", "tests.hosted.render", str(files / name), *changes, *HERE]
        subprocess.run(arguments, cwd=layout.PROJECT, check=True, timeout=120)
    with pytest.MonkeyPatch.context() as patch, contextlib.closing(docker.from_env(timeout=600)) as client:
        # The daemon itself must have them here: what the registry holds does not count.
        patch.setattr(registry, "published_digest", lambda _name, _tag: None)
        save(client, build_images(print), files / "stand-ins.tar")
    copy(files, droplet, RUNNER)
    copy(layout.PROJECT / "tests/hosted", droplet, f"{CHECKOUT}/tests/hosted")
    yield droplet
    droplet.run("systemctl stop auren docker.socket docker; umount /mnt/auren-data", timeout=240)
    hypervisor.detach_volume("asbx-test-official", droplet.id)
    hypervisor.delete_volume("asbx-test-official")


def copy(directory: Path, droplet: Droplet, target: str) -> None:
    inside = ["docker", "exec", "--interactive", f"{layout.NAME}-droplet-{droplet.id}"]
    droplet.run(f"mkdir -p {target}")
    with subprocess.Popen(["tar", "-C", str(directory), "-c", "."], stdout=subprocess.PIPE) as archive:
        subprocess.run([*inside, "tar", "-C", target, "-x"], stdin=archive.stdout, check=True, timeout=600)
    assert archive.returncode == 0


def test_the_steps_are_the_workflows_and_in_its_order() -> None:
    named = [step["name"] for step in workflow("official")["jobs"]["machine"]["steps"] if "name" in step]
    assert [step for step in named if step in STEPS] == list(STEPS)
    before = named[: named.index("Make the machine ready")]
    assert before == ["Prepare", "Build the stand-ins", "Render what the program sends"]


@pytest.mark.long(330)
def test_the_steps_succeed(runner: Droplet) -> None:
    inside = ("docker", "exec", "--workdir", CHECKOUT, "--env", f"RUNNER_TEMP={RUNNER}")
    for step, printed in STEPS.items():
        done = subprocess.run(
            [*inside, f"{layout.NAME}-droplet-{runner.id}", *shell("official", "machine", step)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=1500,
        )
        assert done.returncode == 0, f"{step}: {done.stdout}"
        assert printed in done.stdout, step
