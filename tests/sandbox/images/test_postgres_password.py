"""The password in the secret file is the database's at every start, whatever it was before."""

from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container

from auren_infra.files.releases import release
from auren_infra.services.model import FILES, Service
from tests.sandbox.images.containers import Run, eventually, says
from tests.unit.configuration import blueprint, planned

pytestmark = pytest.mark.machine

AUREN = blueprint()
SERVICE: Service = AUREN.by_name["postgres"]
DATA = "/var/lib/postgresql/data"
FIRST, OTHER = "first", "the other's \"one\" $HOME \\ '' %"
"""Passwords; the second one has every character that a shell or SQL could take for its own."""


class Postgres:
    """The catalogue's service on one volume."""

    def __init__(self, run: Run, volume: str, folder: Path) -> None:
        self._run, self._secret = run, folder / "secrets/postgres_password"
        folder.chmod(0o755)
        for name in ("files", "secrets"):
            (folder / name).mkdir()
        for name, text in release(planned(AUREN), "postgres").files.items():
            (folder / "files" / name).write_text(text)
        self.use(FIRST)
        self.options: dict[str, Any] = {
            "user": str(SERVICE.user),
            "hostname": SERVICE.name,
            "entrypoint": list(SERVICE.entrypoint),
            "command": list(SERVICE.command),
            "environment": SERVICE.environment,
            "tmpfs": {"/var/run/postgresql": "mode=3777", "/tmp": ""},
            "volumes": [f"{volume}:{DATA}", f"{folder}/secrets:/run/secrets:ro", f"{folder}/files:{FILES}:ro"],
        }

    def use(self, password: str) -> None:
        self._secret.write_text(password)

    def start(self) -> Container:
        return self._run("postgres", stop_signal=SERVICE.stop_signal, **self.options)


@pytest.fixture
def postgres(run: Run, volume: str, tmp_path: Path) -> Postgres:
    return Postgres(run, volume, tmp_path)


def is_healthy(container: Container) -> bool:
    return says(container, *SERVICE.health.command)[0] == 0


def sql(container: Container, statement: str, user: str = "auren") -> str:
    """Through the socket, where no password is asked for."""
    code, said = says(container, "psql", "-At", "-U", user, "-d", "auren", "-c", statement)
    assert code == 0, said
    return said


def logged_in(container: Container, password: str) -> bool:
    login = ["env", f"PGPASSWORD={password}", "psql", "-h", "postgres", "-U", "auren", "-d", "auren", "-c", "SELECT 1"]
    return says(container, *login)[0] == 0


def ended(container: Container, seconds: int = 60) -> None:
    """Stopped by its signal, and not killed for want of an end."""
    container.stop(timeout=seconds)
    container.reload()
    assert container.attrs["State"]["ExitCode"] == 0


def test_a_volume_with_another_password_is_opened_and_keeps_its_rows(postgres: Postgres) -> None:
    """As after a `pulumi destroy` that left the volume: the clients' password was a new one, and nobody got in."""
    first = postgres.start()
    eventually(lambda: is_healthy(first))
    sql(first, "CREATE TABLE kept AS SELECT 1 AS row")
    ended(first)
    postgres.use(OTHER)
    second = postgres.start()
    eventually(lambda: is_healthy(second))
    assert logged_in(second, OTHER)
    assert not logged_in(second, FIRST), "the password of before must not open it"
    assert sql(second, "SELECT row FROM kept") == "1"
    assert OTHER[:12] not in second.logs().decode(), "the password must be in no log"


def test_the_health_check_fails_with_a_password_that_is_not_the_databases(postgres: Postgres) -> None:
    """It asked 127.0.0.1, from which the official image lets everyone in without a password."""
    container = postgres.start()
    eventually(lambda: is_healthy(container))
    sql(container, "ALTER ROLE auren PASSWORD 'changed by hand'")
    code, said = says(container, *SERVICE.health.command)
    assert code != 0
    assert "password authentication failed" in said


def test_a_database_that_was_killed_is_recovered_and_opened(postgres: Postgres) -> None:
    first = postgres.start()
    eventually(lambda: is_healthy(first))
    sql(first, "CREATE TABLE kept AS SELECT generate_series(1, 10000) AS row")
    first.kill()
    postgres.use(OTHER)
    second = postgres.start()
    eventually(lambda: is_healthy(second))
    assert sql(second, "SELECT count(*) FROM kept") == "10000"
    assert "automatic recovery in progress" in second.logs().decode()


def test_a_database_without_the_role_is_started_and_says_so(postgres: Postgres) -> None:
    """Nobody could repair it if the server did not start."""
    first = postgres.start()
    eventually(lambda: is_healthy(first))
    sql(first, "CREATE ROLE admin SUPERUSER LOGIN")
    sql(first, "ALTER ROLE auren RENAME TO somebody", user="admin")
    ended(first)
    second = postgres.start()
    eventually(lambda: says(second, "pg_isready", "-q", "-h", "127.0.0.1")[0] == 0)
    said = second.logs().decode()
    assert 'role "auren" does not exist' in said
    assert "The password of auren could not be set." in said
    assert FIRST not in said
    assert "ALTER ROLE" not in said
    assert not is_healthy(second)


def test_a_standby_keeps_its_password(postgres: Postgres) -> None:
    """Single-user mode would end with "standby mode is not supported"."""
    first = postgres.start()
    eventually(lambda: is_healthy(first))
    says(first, "touch", f"{DATA}/standby.signal")
    ended(first)
    postgres.use(OTHER)
    second = postgres.start()
    eventually(lambda: says(second, "pg_isready", "-q", "-h", "127.0.0.1")[0] == 0)
    assert "A recovery from a backup is not over" in second.logs().decode()
    assert logged_in(second, FIRST)


def test_a_stop_during_the_password_is_a_clean_one(postgres: Postgres) -> None:
    """The shell is the container's first process, and such a one ignores signals that it does not ask for."""
    first = postgres.start()
    eventually(lambda: is_healthy(first))
    ended(first)
    slow = postgres.options["command"]
    postgres.options["command"] = [*slow, "-c", "pre_auth_delay=0", "-c", "post_auth_delay=600"]
    second = postgres.start()
    eventually(lambda: "single" in says(second, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")[1])
    ended(second, 30)
