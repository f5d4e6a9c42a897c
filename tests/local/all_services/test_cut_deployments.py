"""A deployment that is cut at any of its steps: the next one completes it, and no request fails but in a power cut."""

from collections.abc import Iterator

import pytest

from auren_infra.files import paths
from sandbox.registry import without_tag
from tests.examples import sample
from tests.local.all_services.cuts import FAULTS, deploy_after_a_cut
from tests.local.all_services.standing import Step, stand_ins
from tests.local.all_services.test_releases import current, running
from tests.local.deployment import Deployment
from tests.local.host import Host

pytestmark = pytest.mark.machine

API_STEPS = (
    Step("the release is written", "stage", "^docker image inspect"),
    Step("its image is there", "stage", "^sync --file-system /var/lib/docker$"),
    Step("the release is complete", "stage", "^install -m 0644 .*/text$"),
    Step("it is staged", "stage", "^sync --file-system /opt/"),
    Step("nothing is started", "start_first", "^docker stop auren-kafka-ui$"),
    Step("the lender is stopped", "start_first", "^docker compose .* up "),
    Step("the new container is started", "start_first", "^docker exec "),
    Step("it is healthy", "start_first", r"^ln .*/\.next$"),
    Step("next leads to it", "start_first", "^sync --file-system /var/lib/docker"),
    Step("the switch is made", "start_first", f"^sync {paths.SLOTS}$"),
    Step("the switch is on the disk", "start_first", "^date "),
    Step("it is watched", "start_first", "^sleep 1$"),
    Step("it was watched", "start_first", r"^mv -T .*/\.current "),
    Step("current leads to it", "start_first", "^rm -f .*/failed "),
    Step("it is in the history", "start_first", "^find .*/releases "),
    Step("it is accepted", "start_first", "^rm -f .*/next$"),
    Step("the old one is drained", "start_first", "^docker stop auren-api(-green)?$"),
    Step("the old one is stopped", "start_first", "^docker rm auren-api(-green)?$"),
    Step("the old one is removed", "start_first", "^docker start auren-kafka-ui$"),
)
NGINX_STEPS = (
    Step("the release is written", "stage", "^docker compose .* run "),
    Step("the release is complete", "stage", "^install -m 0644 .*/text$"),
    Step("it is staged", "stage", "^sync --file-system /opt/"),
    Step("nothing is changed", "reload", "^docker exec auren-nginx nginx -t "),
    Step("nginx accepts it", "reload", r"^ln .*/\.live$"),
    Step("live leads to it", "reload", "^docker exec auren-nginx nginx .* -s reload$"),
    Step("nginx reloads", "reload", "^docker exec auren-nginx curl .*:8079/$"),
    Step("nginx is healthy", "reload", r"^mv -T .*/\.current "),
    Step("current leads to it", "reload", "^rm -f .*/failed "),
    Step("it is in the history", "reload", "^find .*/releases "),
)
CUTS = [
    (service, step, fault)
    for service, steps in (("api", API_STEPS), ("nginx", NGINX_STEPS))
    for step in steps
    for fault in FAULTS
]
SAMPLE = 1
"""So many cuts are tried in a run; others in each."""
REQUESTS = 50
"""Requests a second that nginx lets a visitor make: another number than the one that is set."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cut" in metafunc.fixturenames:
        cuts = sample(CUTS, SAMPLE, metafunc.config.getoption("hypothesis_seed"))
        metafunc.parametrize("cut", cuts, ids=[f"{service}, {step.name}, {fault}" for service, step, fault in cuts])


def _links(host: Host, service: str) -> dict[str, str]:
    """The links to the service's releases, but for the one that nginx reads."""
    releases = ("find", f"{paths.SERVICES}/{service}", "-maxdepth", "1", "-type", "l", "-printf", "%f %l\\n")
    found = dict(line.split() for line in host.run(*releases).splitlines())
    return {name: target.rpartition("/")[2] for name, target in found.items() if name != "live"}


def _runs(host: Host, service: str) -> str:
    """The release that the service's container runs."""
    if service == "nginx":
        return host.run("docker", "exec", "auren-nginx", "curl", "-fsS", "http://127.0.0.1:8079/").strip()
    return running(host, service)


def _accepted_last(host: Host, service: str) -> str:
    """As the history says."""
    lines = [line.split("\t") for line in host.run("cat", f"{paths.DATA}/history").splitlines()]
    return [release for _, name, release, event, *_ in lines if (name, event) == (service, "accepted")][-1]


@pytest.fixture(scope="module")
def own_image(deployment: Deployment, healthy: None) -> Iterator[str]:
    """The API has its own image again, in the first slot, which the other tests know, and nginx its own limit."""
    host, own = Host(deployment.outputs()["droplet"]["id"]), deployment.image("api")
    with stand_ins(host):
        yield own
        deployment.use_image("api", own)
        deployment.configure(apiRequestsPerSecond=None)
        deployment.up()
    assert host.live("api") == "auren-api"


@pytest.fixture
def change(deployment: Deployment, own_image: str, cut: tuple[str, Step, str]) -> None:
    """The next deployment changes the service that is cut, and no other."""
    if cut[0] == "nginx":
        is_set = "auren:apiRequestsPerSecond" in deployment.config
        deployment.configure(apiRequestsPerSecond=None if is_set else REQUESTS)
    else:
        has_own = deployment.image("api") == own_image
        deployment.use_image("api", without_tag(own_image) if has_own else own_image)


@pytest.mark.usefixtures("change")
def test_the_next_deployment_completes_one_that_was_cut_and_no_request_fails(
    deployment: Deployment, host: Host, cut: tuple[str, Step, str]
) -> None:
    service, step, fault = cut
    before, live = current(host, service), host.live(service)
    container = host.container_id(live)
    deploy_after_a_cut(deployment, host, step, fault)
    now = current(host, service)
    assert _runs(host, service) == now != before
    assert _links(host, service) == {"current": now, "previous": before}
    assert _accepted_last(host, service) == now
    # nginx keeps its container. The API has changed its slot once.
    assert (host.live(service) == live) == (service == "nginx")
    assert (host.container_id(host.live(service)) == container) == (service == "nginx")
