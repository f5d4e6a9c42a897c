"""Deployments that fail, are cut, taken back or done by halves: what runs, what is on the disk, what is in the stack's
state and what drift says agree each time."""

import re
import subprocess
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from auren_infra.files import paths
from auren_infra.files.compose import RELEASE_LABEL
from tests.local.all_services.conftest import WATCH_SECONDS
from tests.local.all_services.drift import RIGHT, drift
from tests.local.deployment import STACK, Deployment, UpdateFailedError, called
from tests.local.host import Host

with warnings.catch_warnings():
    # The provider's SDK warns of every deprecated resource that it exports, used or not, when it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    from auren_infra.host.lock import this_run
    from auren_infra.host.machine import script

pytestmark = [pytest.mark.machine, pytest.mark.usefixtures("right_afterwards")]

ACCEPTED_AGAIN_WITHIN = 60
"""Seconds until the watchdog has looked, and a service is healthy."""


def current(host: Host, service: str) -> str:
    """The release that the machine starts by itself."""
    return host.run("readlink", paths.release(service, paths.CURRENT)).strip().rpartition("/")[2]


def running(host: Host, service: str) -> str:
    """The release that the service's container was made from."""
    label = f'{{{{index .Config.Labels "{RELEASE_LABEL}"}}}}'
    return host.run("docker", "inspect", "--format", label, host.live(service)).strip()


@pytest.mark.long
def test_a_file_that_stops_a_service_gives_way_and_taking_it_back_is_deployed_again(
    deployment: Deployment, changed: Callable[[str, str, str], Deployment], host: Host
) -> None:
    before = current(host, "redis")
    broken = changed(
        "auren_infra/files/templates/redis.conf.j2", "appendonly yes\n", "appendonly yes\nno-such-line 1\n"
    )
    with pytest.raises(UpdateFailedError) as failed:
        broken.up()
    printed = str(failed.value)
    assert re.search(r"redis did not become healthy: it ended [1-9] times within [0-9]+ s", printed), printed
    assert "no-such-line" in printed, "the log says why"
    assert f"The release before it, {before}, runs again" in printed
    assert running(host, "redis") == current(host, "redis") == before
    assert (
        host.run("docker", "exec", "auren-redis", "grep", "-c", "no-such-line", "/etc/auren/redis.conf", check=False)
        == "0\n"
    )
    status, told = drift()
    assert status == 1
    assert told.startswith(f"auren-redis was made from the release {before}, not from the release "), told

    started = host.started_at("auren-redis")
    assert "~ 2 updated" in deployment.up(), "the release is staged again, and its service asked"
    assert drift() == (0, RIGHT)
    assert host.started_at("auren-redis") == started, "it was right already"


@pytest.mark.long(30)
def test_a_file_that_its_preflight_refuses_touches_nothing(
    changed: Callable[[str, str, str], Deployment], host: Host, containers: list[str]
) -> None:
    before = {name: host.container_id(name) for name in containers}
    release = current(host, "nginx")
    broken = changed("auren_infra/files/templates/nginx.conf.j2", "pcre_jit on;\n", "pcre_jit on;\nno_such_line on;\n")
    broken = changed("auren_infra/files/templates/redis.conf.j2", "appendonly yes\n", "# changed\nappendonly yes\n")
    with pytest.raises(UpdateFailedError) as failed:
        broken.up()
    printed = str(failed.value)
    assert 'unknown directive "no_such_line"' in printed
    assert "nginx does not accept its new configuration. What ran before still runs." in printed
    assert {name: host.container_id(name) for name in containers} == before, "not even Redis, whose release is right"
    assert current(host, "nginx") == release
    assert "no_such_line" not in host.run("cat", f"{paths.release('nginx', paths.CURRENT)}/files/nginx.conf")


@pytest.mark.long
def test_a_target_brings_no_container_with_half_of_its_change(
    changed: Callable[[str, str, str], Deployment], host: Host
) -> None:
    def has_it() -> bool:
        return "SEEN=1" in host.containers()[host.live("api")]["Config"]["Env"]

    release = current(host, "api")
    more = changed(
        "auren_infra/services/catalogue.py", '"CHROMA_PORT": "8000",\n', '"CHROMA_PORT": "8000",\n"SEEN": "1",\n'
    )
    more.up("--target", f"**auren-{STACK}-api")
    assert not has_it()
    assert current(host, "api") == release
    assert drift() == (0, RIGHT), "the state has the old release as well"
    more.up()
    assert has_it()
    assert current(host, "api") == running(host, "api") != release
    assert drift() == (0, RIGHT)


@pytest.mark.long
def test_a_deployment_that_is_cut_leaves_the_accepted_release_running(
    deployment: Deployment, host: Host, outputs: dict[str, Any]
) -> None:
    """The program on the machine is killed while it waits for a container that will never be healthy."""
    before, image = current(host, "bridge"), deployment.image("bridge")
    deployment.use_image("bridge", deployment.image("kafka-ui"))
    failures: list[str] = []

    def deploy() -> None:
        try:
            deployment.up()
        except UpdateFailedError as error:
            failures.append(str(error))

    update = threading.Thread(target=deploy)
    update.start()
    try:
        deadline = time.monotonic() + 120
        while running(host, "bridge") == before:
            assert time.monotonic() < deadline, "the new container did not come"
            time.sleep(0.2)
        host.run("pkill", "--full", "bash -s -- bridge [0-9]+")
        update.join(timeout=120)
    finally:
        deployment.use_image("bridge", image)
    assert failures, "an update that was cut has failed"
    deadline = time.monotonic() + ACCEPTED_AGAIN_WITHIN
    while running(host, "bridge") != before:
        assert time.monotonic() < deadline, "the watchdog did not restore the accepted release"
        time.sleep(1)
    host.wait_until_healthy([*host.containers()], ACCEPTED_AGAIN_WITHIN)
    assert current(host, "bridge") == before


def test_a_container_that_is_gone_comes_back_by_itself(host: Host, containers: list[str]) -> None:
    before = running(host, "kafka-ui")
    host.run("docker", "rm", "--force", "auren-kafka-ui")
    deadline = time.monotonic() + ACCEPTED_AGAIN_WITHIN
    while "auren-kafka-ui" not in host.containers():
        assert time.monotonic() < deadline, "the watchdog did not make it again"
        time.sleep(1)
    host.wait_until_healthy(containers, 120)
    assert running(host, "kafka-ui") == before
    assert drift() == (0, RIGHT)


@pytest.mark.long(70)
def test_a_second_deployment_is_told_whose_the_machine_is_until_that_one_is_dead(
    deployment: Deployment, host: Host
) -> None:
    words = ("600", "bob@desk", "4567def", "Say more")
    with subprocess.Popen(
        host.command("bash", "-s", "--", *words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin
        assert other.stdout
        other.stdin.write(script("hold"))
        other.stdin.flush()
        assert other.stdout.readline() == "held\n"
        deployment.configure(watchSeconds=11)
        with pytest.raises(UpdateFailedError) as refused:
            deployment.up()
        deployment.configure(watchSeconds=WATCH_SECONDS)
        assert f"Another deployment is under way on {deployment.outputs()['address']}" in str(refused.value)
        assert re.search(r"bob@desk, since 20\S+Z, commit 4567def: Say more\n", str(refused.value))
        assert "Traceback" not in str(refused.value)
        assert "A deployment is under way: bob@desk, since " in called("releases", timeout=60).stdout
        other.kill()
    deployment.configure(watchSeconds=11)
    try:
        deployment.up()
    finally:
        deployment.configure(watchSeconds=WATCH_SECONDS)
    told = called("releases", timeout=60).stdout
    assert "under way" not in told
    run = this_run()
    events = re.findall(rf"^20\S+ +- +- +(begun|command|ended) +\S+ +{run.commit[:12]} +(.*)$", told, re.MULTILINE)
    own, name = f"{run.who}: {run.message}", deployment.outputs()["droplet"]["name"]
    begun = max(number for number, event in enumerate(events) if event == ("begun", own))
    assert {("command", f"{name}-{each}") for each in ("programs", "api")} <= set(events[begun:]), events
    assert events[-1] == ("ended", own)
