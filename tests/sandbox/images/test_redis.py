"""Redis with the official image's interface: what production's service definition asks of it."""

from pathlib import Path

import pytest

from auren_infra.files.releases import release
from auren_infra.services.model import FILES
from tests.sandbox.images.containers import Run, eventually, says
from tests.unit.configuration import blueprint, planned

pytestmark = pytest.mark.machine


def test_keeps_its_data_on_a_volume_across_containers(run: Run, volume: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    configuration = tmp_path / "redis.conf"
    configuration.write_text("requirepass secret\nappendonly yes\ndir /data\n")
    options = {"user": "999:999", "volumes": [f"{volume}:/data", f"{configuration}:/etc/redis/redis.conf:ro"]}
    command = ["redis-server", "/etc/redis/redis.conf"]

    first = run("redis", command=command, **options)
    eventually(lambda: says(first, "redis-cli", "-a", "secret", "--no-auth-warning", "ping") == (0, "PONG"))
    assert says(first, "redis-cli", "-a", "secret", "--no-auth-warning", "set", "key", "kept") == (0, "OK")
    assert "NOAUTH" in says(first, "redis-cli", "get", "key")[1]
    first.stop(timeout=20)
    first.reload()
    assert first.attrs["State"]["ExitCode"] == 0

    second = run("redis", command=command, **options)
    eventually(lambda: says(second, "redis-cli", "-a", "secret", "--no-auth-warning", "get", "key") == (0, "kept"))


def test_without_a_configuration_other_containers_reach_it(run: Run) -> None:
    server = run("redis", user="999:999", tmpfs={"/data": ""}, alias="cache")
    other = run("redis", command=["sleep", "60"], user="999:999")
    eventually(lambda: says(other, "redis-cli", "-h", "cache", "ping") == (0, "PONG"))
    assert says(server, "id", "-u") == (0, "999")


def test_started_as_root_it_becomes_user_redis(run: Run, volume: str) -> None:
    needs = ["SETUID", "SETGID", "CHOWN"]
    server = run("redis", cap_add=needs, volumes=[f"{volume}:/data"], command=["--save", "", "--appendonly", "yes"])
    eventually(lambda: says(server, "redis-cli", "ping") == (0, "PONG"))
    assert says(server, "stat", "-c", "%u", "/proc/1", "/data/appendonlydir") == (0, "999\n999")


def test_a_question_about_the_program_is_answered(run: Run) -> None:
    asked = run("redis", command=["redis-server", "--version"], user="999:999")
    assert asked.wait(timeout=20)["StatusCode"] == 0
    assert b"Redis server v=" in asked.logs()


def test_the_password_in_the_file_counts_at_every_start_and_the_health_check_proves_it(
    run: Run, volume: str, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    auren = blueprint()
    service = auren.by_name["redis"]
    for folder in ("files", "secrets"):
        (tmp_path / folder).mkdir()
    for name, text in release(planned(auren), "redis").files.items():
        (tmp_path / "files" / name).write_text(text)

    def use(password: str) -> None:
        for secret in service.secrets:
            (tmp_path / "secrets" / secret.name).write_text(secret.template.format(secret=password))

    mounts = [f"{volume}:/data", f"{tmp_path}/files:{FILES}:ro", f"{tmp_path}/secrets:/run/secrets:ro"]
    options = {"user": str(service.user), "volumes": mounts, "command": list(service.command)}
    use("first")
    first = run("redis", **options)
    eventually(lambda: says(first, *service.health.command)[0] == 0)
    login = ["env", "REDISCLI_AUTH=first", "redis-cli"]
    assert says(first, *login, "set", "key", "kept") == (0, "OK")
    assert says(first, *login, "acl", "setuser", "default", "resetpass", ">by-hand") == (0, "OK")
    assert says(first, *service.health.command)[0] != 0, "clients have another password"
    first.stop(timeout=20)

    use("second")
    second = run("redis", **options)
    eventually(lambda: says(second, *service.health.command)[0] == 0)
    assert says(second, "env", "REDISCLI_AUTH=second", "redis-cli", "get", "key") == (0, "kept")
    assert "NOAUTH" in says(second, *login, "get", "key")[1]
