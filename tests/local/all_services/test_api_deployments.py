"""Deployments of the API that visitors see nothing of: a new image, a broken one, one that is taken back."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from auren_infra.files import paths
from sandbox.registry import without_tag
from tests.local.all_services.conftest import WATCH_SECONDS
from tests.local.all_services.drift import RIGHT, drift
from tests.local.all_services.test_releases import current, running
from tests.local.all_services.visitors import Visitors
from tests.local.cloud import act
from tests.local.deployment import DOMAIN, STACK, Deployment, UpdateFailedError, called
from tests.local.host import Host, wait_for

pytestmark = pytest.mark.machine


@pytest.fixture(autouse=True)
def as_before(deployment: Deployment, host: Host, containers: list[str]) -> Iterator[None]:
    """The API has its own image again, in the first slot, which the other tests know."""
    image = deployment.image("api")
    yield
    deployment.use_image("api", image)
    deployment.configure(watchSeconds=WATCH_SECONDS)
    deployment.up()
    assert host.run("ls", paths.SLOTS) == ""
    host.wait_until_healthy(containers, 120)
    assert drift() == (0, RIGHT)


def _api(host: Host) -> set[str]:
    """The containers of the API that run."""
    return {name for name in host.run("docker", "ps", "--format", "{{.Names}}").split() if name.startswith("auren-api")}


def test_a_new_image_takes_over_and_no_request_fails(deployment: Deployment, host: Host) -> None:
    outputs = deployment.outputs()
    assert outputs["services"]["api"]["container"] == "auren-api"
    deployment.use_image("api", without_tag(deployment.image("api")))
    with Visitors(outputs["address"], DOMAIN) as visitors:
        deployment.up()
    assert visitors.failed() == {}, visitors.answers
    assert sum(visitors.answers.values()) > 50
    assert _api(host) == {"auren-api-green"}
    assert host.run("ls", paths.SLOTS) == "api-green\n"
    after = deployment.outputs()["services"]["api"]
    assert (after["container"], after["address"]) == ("auren-api-green", "172.18.0.111")
    assert drift() == (0, RIGHT)
    # It has lent its memory.
    assert host.healths()["auren-kafka-ui"].startswith("running ")


@pytest.mark.long(170)
def test_a_broken_image_fails_the_update_and_no_request_and_is_not_started_by_a_boot(
    deployment: Deployment, host: Host
) -> None:
    """It runs, and its health check fails until the time is over. Docker starts every container again at a boot."""
    deployment.use_image("api", deployment.image("redis"))
    with Visitors(deployment.outputs()["address"], DOMAIN) as visitors, pytest.raises(UpdateFailedError) as failed:
        deployment.up()
    said = r"api did not become healthy within \d+ s: it runs, and its health check fails\."
    assert re.search(said, str(failed.value)), failed.value
    assert "Nobody was led to it: auren-api still serves." in str(failed.value)
    assert visitors.failed() == {}, visitors.answers
    assert _api(host) == {"auren-api"}
    status, told = drift()
    assert status == 1
    assert "auren-api" in told
    act(host.droplet, "power_cycle")
    wait_for(lambda: host.healths().get("auren-api") == "running healthy", 240)
    assert _api(host) == {"auren-api"}


DIES = "while [ ! -e {slot} ]; do sleep 0.2; done; docker kill {container}"
"""A container that was healthy, and ends as soon as visitors are led to it."""


@pytest.mark.long
def test_one_that_fails_after_it_took_over_gives_way_and_no_request_fails(deployment: Deployment, host: Host) -> None:
    deployment.configure(watchSeconds=None)  # the default
    deployment.use_image("api", without_tag(deployment.image("api")))
    dies = DIES.format(slot=f"{paths.SLOTS}/api-green", container="auren-api-green")
    with (
        Visitors(deployment.outputs()["address"], DOMAIN) as visitors,
        subprocess.Popen(host.command("sh", "-c", dies)),
        pytest.raises(UpdateFailedError) as failed,
    ):
        deployment.up()
    assert "api became healthy and took over. Then it ended." in str(failed.value)
    assert "auren-api serves again." in str(failed.value)
    assert visitors.failed() == {}, visitors.answers
    assert _api(host) == {"auren-api"}
    assert host.run("ls", paths.SLOTS) == ""


REACHES = "python3 -c \"import socket; socket.create_connection(('postgres', 5432), 5)\""


@pytest.mark.long(40)
def test_a_migration_reaches_the_database_and_one_that_fails_is_a_failed_deployment(
    deployment: Deployment, host: Host
) -> None:
    before = current(host, "api")
    try:
        deployment.configure(migration=f"{REACHES} && exit 3")
        with Visitors(deployment.outputs()["address"], DOMAIN) as visitors, pytest.raises(UpdateFailedError) as failed:
            deployment.up()
        assert "The migration of api ended with exit status 3." in str(failed.value)
        assert current(host, "api") == before
        deployment.configure(migration=REACHES)
        deployment.up()
    finally:
        deployment.configure(migration=None)
    assert visitors.failed() == {}, visitors.answers
    assert host.run("ls", f"{paths.release('api', paths.CURRENT)}/migrated")
    assert _api(host) == {"auren-api-green"}


@pytest.mark.long
def test_a_rollback_takes_over_like_a_deployment_and_the_way_back_is_named(deployment: Deployment, host: Host) -> None:
    """The new image is no better: `rollback` brings the earlier release back, and `auren-rollback` the later one."""
    earlier = current(host, "api")
    deployment.use_image("api", without_tag(deployment.image("api")))
    deployment.up()
    later = current(host, "api")
    with Visitors(deployment.outputs()["address"], DOMAIN) as visitors:
        done = called("rollback", "--service", "api", timeout=300)
    assert done.returncode == 0, done.stderr
    assert f"auren-api runs {earlier}, of " in done.stdout
    assert "take the change back in the repository" in done.stderr
    assert visitors.failed() == {}, visitors.answers
    assert current(host, "api") == running(host, "api") == earlier
    status, told = drift()
    assert status == 1
    assert "auren-api was rolled back" in told
    assert deployment.planned() == {f"auren-{STACK}-api": "replace"}

    again = called("rollback", "--service", "api", timeout=300)
    assert again.returncode == 1
    assert "api was rolled back already. Name the release: auren-rollback api RELEASE." in again.stderr
    told = called("releases", "--service", "api", timeout=60).stdout
    assert re.search(rf"^api +{earlier} +current ", told, re.MULTILINE)
    assert re.search(rf"^api +{later} +previous ", told, re.MULTILINE)
    events = re.findall(r"^20\S+ +api +(\S+) +(\S+) ", told, re.MULTILINE)
    assert events[-3:] == [(later, "accepted"), (earlier, "rollback"), (earlier, "accepted")]

    nobody = ("OUTPUT", "!", "--out-interface", "lo", "--match", "conntrack", "--ctstate", "NEW", "--jump", "REJECT")
    host.run("iptables", "--insert", *nobody)  # the machine reaches no registry
    try:
        assert f"auren-api-green runs {later}, of " in host.run("auren-rollback", "api", later)
    finally:
        host.run("iptables", "--delete", *nobody)
    assert drift() == (0, RIGHT)

    again = called("rollback", "--service", "api", "--to", later, timeout=300)
    assert "It is the release that the configuration was deployed with last." in again.stderr, "it runs already"
    assert deployment.planned() == {}
    assert called("rollback", "--service", "api", "--to", earlier, timeout=300).returncode == 0
    deployment.up()
    assert current(host, "api") == running(host, "api") == later, "as the preview has said"
    assert drift() == (0, RIGHT)


def test_a_rollback_of_what_there_is_not_is_refused(deployment: Deployment, host: Host) -> None:
    done = subprocess.run(host.command("auren-rollback", "no; reboot"), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "There is no service no; reboot. The services are: " in done.stderr
    done = called("rollback", "--service", "api", "--to", "; reboot", timeout=60)
    assert done.returncode == 1
    assert "api has no release ; reboot on this machine." in done.stderr
