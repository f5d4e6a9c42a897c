"""Backups in a bucket that somebody else has made, and that the program only uses."""

import time
from collections.abc import Iterator

import pytest

from sandbox.clouds.spaces.regions import endpoint
from tests.local.buckets import HandMade, made_by_hand
from tests.local.deployment import Deployment, UpdateFailedError, called
from tests.local.host import Host
from tests.local.one_stack.test_backups import asked
from tests.local.one_stack.test_secrets import give, take

pytestmark = pytest.mark.machine

REGION = "ams3"
APART = 61
"""Seconds between two backups that `backup check` compares."""
SECRETS = ("backup-passphrase", "backup-key-id", "backup-key-secret")


@pytest.fixture(scope="module")
def bucket(cloud: None) -> Iterator[HandMade]:
    with made_by_hand("made-by-hand", REGION) as bucket:
        yield bucket


@pytest.mark.long(330)
def test_a_bucket_that_exists_already_is_used_with_the_key_that_was_given(
    deployment: Deployment, first_up: str, bucket: HandMade, host: Host
) -> None:
    deployment.configure(backups=f"s3://{endpoint(REGION)}/{REGION}/{bucket.name}")
    with pytest.raises(UpdateFailedError, match="backup-key-secret is not set"):
        deployment.up()
    values = ("in a drawer", bucket.key["access_key"], bucket.key["secret_key"])
    for name, value in zip(SECRETS, values, strict=True):
        give(deployment, name, value, "--secret")
    deployment.up()
    asked("backup", "check")
    time.sleep(APART)
    asked("backup", "now")
    (fault,) = asked("backup", "check", status=1).splitlines()
    assert fault.startswith("The bucket keeps no earlier versions of what is overwritten or deleted in it: ")
    bucket.keep_versions()
    time.sleep(APART)
    asked("backup", "now")
    assert asked("backup", "check").startswith("The backups are good. There are 3 in the bucket.")
    assert "The drill was good: " in asked("backup", "drill")
    assert called("drift", timeout=300).stdout == "The machine is what was deployed.\n"
    held = bucket.objects()
    assert any(name.startswith("postgres/backup/") for name in held)
    deployment.configure(backups=None)
    for name in SECRETS:
        take(deployment, name)
    deployment.up()
    assert held.keys() <= bucket.objects().keys(), "what is in it is its owner's"
