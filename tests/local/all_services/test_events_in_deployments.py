"""Measurements are reported all along, while the Bridge and the API are deployed: each one is in PostgreSQL, once."""

from collections.abc import Iterator

import pytest

from auren_infra.files import paths
from sandbox.registry import without_tag
from tests.local.all_services.drift import RIGHT, drift
from tests.local.all_services.visitors import Reporters
from tests.local.biometrics import post_biometric
from tests.local.deployment import DOMAIN, Deployment, UpdateFailedError
from tests.local.host import Host, wait_for

pytestmark = pytest.mark.machine

USER = "reporter"
CAUGHT_UP_WITHIN = 60
"""Seconds. A Bridge that was killed holds its part of the topic until its session ends, which takes six."""


@pytest.fixture(autouse=True)
def as_before(deployment: Deployment, host: Host, containers: list[str]) -> Iterator[None]:
    """Both have their own images again, and the API is in the first slot, which the other tests know."""
    images = {service: deployment.image(service) for service in ("api", "bridge")}
    yield
    for service, image in images.items():
        deployment.use_image(service, image)
    deployment.up()
    assert host.run("ls", paths.SLOTS) == ""
    host.wait_until_healthy(containers, 120)
    assert drift() == (0, RIGHT)


def _stored(host: Host) -> list[tuple[str, float]]:
    """The id and the value of each measurement of the user that PostgreSQL has."""
    query = f"SELECT id, value FROM biometrics WHERE user_id = '{USER}'"
    psql = ("docker", "exec", "auren-postgres", "psql", "-U", "auren", "-d", "auren", "-At", "-c", query)
    rows = (line.split("|") for line in host.run(*psql).splitlines())
    return [(name, float(value)) for name, value in rows]


def test_each_measurement_is_stored_once_whatever_is_deployed_meanwhile(deployment: Deployment, host: Host) -> None:
    address, api, bridge = deployment.outputs()["address"], deployment.image("api"), deployment.image("bridge")
    before = host.container_id("auren-bridge")
    with Reporters(address, DOMAIN, USER) as reporters:
        deployment.use_image("bridge", without_tag(bridge))
        deployment.up()
        assert host.container_id("auren-bridge") != before

        deployment.use_image("bridge", deployment.image("postgres"))  # it ends at once
        with pytest.raises(UpdateFailedError, match="bridge did not become healthy"):
            deployment.up()

        deployment.use_image("bridge", bridge)
        deployment.use_image("api", without_tag(api))
        deployment.up()
        assert host.live("api") == "auren-api-green"
    assert reporters.failed() == {}, reporters.answers
    assert len(reporters.reported) > 50

    # One user's measurements keep their order: behind the last one comes no earlier one, and none a second time.
    last = post_biometric(address, USER, "steps", 0)
    wait_for(lambda: (last, 0.0) in _stored(host), CAUGHT_UP_WITHIN)
    assert sorted(_stored(host)) == sorted([*reporters.reported, (last, 0.0)])
