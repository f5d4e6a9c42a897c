"""redis.conf."""

from dataclasses import replace

from auren_infra.files.releases import release
from tests.unit.configuration import blueprint, planned


def _redis() -> str:
    return release(planned(blueprint()), "redis").files["redis.conf"]


def test_redis_evicts_before_the_kernel_kills_it() -> None:
    """A rewrite of the append-only file needs room beside the data."""
    auren = blueprint()
    services = tuple(replace(one, limits=replace(one.limits, memory_mb=1000)) for one in auren.services)
    assert (
        "maxmemory 600mb"
        in release(planned(replace(auren, services=services)), "redis").files["redis.conf"].splitlines()
    )


def test_what_was_acknowledged_is_on_disk_within_a_second() -> None:
    lines = _redis().splitlines()
    assert {"appendonly yes", "appendfsync everysec", "dir /data"} <= set(lines)


def test_users_come_from_the_secret_file_alone() -> None:
    lines = _redis().splitlines()
    assert "aclfile /run/secrets/redis.acl" in lines
    assert not any(line.startswith(("requirepass", "user ", "protected-mode no")) for line in lines)
