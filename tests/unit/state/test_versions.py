"""An earlier state in a bucket that a test fills itself."""

import json
import time
from datetime import UTC, datetime

import pytest

from auren_infra.state import bucket, earlier
from auren_infra.state.bucket import StateError
from tests.state.spaces import Spaces
from tests.unit.state.kept import BUCKET, KEY, kept


def test_of_the_versions_of_one_second_it_is_the_last(account: Spaces) -> None:
    bucket.create(BUCKET)
    client = account.client()
    time.sleep(1.01 - time.time() % 1)
    for count in range(5):
        body = json.dumps(kept(*map(str, range(count)))).encode()
        client.put_object(Bucket=BUCKET.name, Key=KEY, Body=body)
    client.close()
    assert earlier.at(BUCKET, "auren", "prod", datetime.now(UTC)).resources == 4


def test_a_bucket_that_is_not_there_is_told_so(account: Spaces) -> None:
    with pytest.raises(StateError, match=r"The bucket auren-state: There is none in nyc3\."):
        earlier.at(BUCKET, "auren", "prod", datetime.now(UTC))
