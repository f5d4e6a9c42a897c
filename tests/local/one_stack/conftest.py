"""One stack for all modules of this package: each leaves it up and as it is configured at first."""

from collections.abc import Iterator

import pytest

from tests.local.deployment import STACK, Deployment, rehearsal

CLOUD = f"urn:pulumi:{STACK}::*::auren:cloud:**"
"""Droplet, network, records: all that is not on the machine."""


@pytest.fixture(scope="package")
def deployment(cloud: None) -> Iterator[Deployment]:
    with rehearsal() as deployment:
        yield deployment


@pytest.fixture(scope="package")
def cloud_alone(deployment: Deployment) -> str:
    """What the first `pulumi up` printed, which deployed nothing on the machine."""
    return deployment.up("--target", CLOUD)


@pytest.fixture(scope="package")
def first_up(deployment: Deployment, cloud_alone: str) -> str:
    """What the first `pulumi up` of all printed."""
    return deployment.up()
