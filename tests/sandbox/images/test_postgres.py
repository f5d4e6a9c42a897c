"""PostgreSQL with the official image's interface and its weaknesses, and the start script that makes them good."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container

from auren_infra.files.releases import release
from tests.sandbox.images.containers import Run, eventually, says
from tests.unit.configuration import blueprint, planned

pytestmark = pytest.mark.machine

DATA = "/var/lib/postgresql/data"


def definition(volume: str, secrets_folder: Path, *mounts: str) -> dict[str, Any]:
    return {
        "user": "999:999",
        "tmpfs": {"/var/run/postgresql": "mode=3777", "/tmp": ""},
        "volumes": [f"{volume}:{DATA}", f"{secrets_folder}:/run/secrets:ro", *mounts],
        "environment": {
            "POSTGRES_USER": "auren",
            "POSTGRES_DB": "auren-db",
            "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres",
        },
    }


def is_ready(postgres: Container) -> bool:
    return says(postgres, "pg_isready", "-q", "-h", "127.0.0.1", "-U", "auren")[0] == 0


def sql(postgres: Container, statement: str) -> str:
    code, output = says(postgres, "psql", "-At", "-U", "auren", "-d", "auren-db", "-c", statement)
    assert code == 0, output
    return output


@pytest.fixture
def init_scripts(tmp_path: Path) -> str:
    folder = tmp_path / "init"
    folder.mkdir()
    (folder / "01-table.sql").write_text("CREATE TABLE runs (at timestamptz DEFAULT now());")
    (folder / "02-row.sh").write_text(
        'psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "INSERT INTO runs DEFAULT VALUES"\n'
    )
    (folder / "README.md").write_text("not a script\n")
    for path in (tmp_path, folder):
        path.chmod(0o755)
    return f"{folder}:/docker-entrypoint-initdb.d:ro"


def test_makes_its_cluster_once_and_keeps_it(run: Run, volume: str, secrets_folder: Path, init_scripts: str) -> None:
    first = run("postgres", **definition(volume, secrets_folder, init_scripts))
    eventually(lambda: is_ready(first))
    assert sql(first, "SELECT count(*) FROM runs") == "1"
    assert sql(first, "SHOW timezone") == "Etc/UTC"
    assert sql(first, "SELECT datcollate FROM pg_database WHERE datname = 'auren-db'") == "en_US.utf8"
    assert says(first, "stat", "-c", "%u %a", DATA) == (0, "999 700")
    first.stop(timeout=30)
    first.reload()
    assert first.attrs["State"]["ExitCode"] == 0

    second = run("postgres", **definition(volume, secrets_folder, init_scripts))
    eventually(lambda: is_ready(second))
    assert sql(second, "SELECT count(*) FROM runs") == "1"


def test_asks_others_for_the_password_from_the_file(run: Run, volume: str, secrets_folder: Path) -> None:
    postgres = run("postgres", **definition(volume, secrets_folder))
    eventually(lambda: is_ready(postgres))
    login = "psql -h postgres -U auren -d auren-db -Atc 'SELECT 1'"
    assert says(postgres, "sh", "-c", f'PGPASSWORD="$(cat /run/secrets/postgres)" {login}') == (0, "1")
    assert says(postgres, "sh", "-c", f"PGPASSWORD=wrong {login}")[0] != 0
    assert "$pass" not in says(postgres, "sh", "-c", "cat /proc/1/environ /proc/1/cmdline")[1]


FAILING = {
    "a statement": ("03-fails.sql", "INSERT INTO nowhere VALUES (1);\n", 'relation "nowhere" does not exist'),
    "a command": ("03-fails.sh", "false\n", "sourcing /docker-entrypoint-initdb.d/03-fails.sh"),
    "an early end": ("03-fails.sh", "exit 0\n", "sourcing /docker-entrypoint-initdb.d/03-fails.sh"),
    "a broken archive": ("03-fails.sql.gz", "no archive\n", "not in gzip format"),
}


@dataclass(frozen=True)
class Postgres:
    """Starts the image with init scripts and one volume: by itself, or by the start script, as the catalogue has it."""

    run: Run
    options: dict[str, Any]
    start_script: str

    def plain(self) -> Container:
        return self.run("postgres", **self.options)

    def by_script(self) -> Container:
        mounts = [*self.options["volumes"], self.start_script]
        entrypoint = ["bash", "/etc/auren/postgres-start.sh"]
        return self.run("postgres", command=["postgres"], entrypoint=entrypoint, **self.options | {"volumes": mounts})


@pytest.fixture
def postgres(run: Run, volume: str, secrets_folder: Path, init_scripts: str, tmp_path: Path) -> Postgres:
    path = tmp_path / "start.sh"
    path.write_text(release(planned(blueprint()), "postgres").files["postgres-start.sh"])
    path.chmod(0o644)
    return Postgres(run, definition(volume, secrets_folder, init_scripts), f"{path}:/etc/auren/postgres-start.sh:ro")


@pytest.fixture(params=FAILING.values(), ids=list(FAILING))
def failing(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """An init script that ends the making before the end, another one behind it, and what is said of the first."""
    name, text, said = request.param
    (tmp_path / "init" / name).write_text(text)
    (tmp_path / "init" / "04-last.sql").write_text("CREATE TABLE last ();")
    return tmp_path / "init" / name, said


def tables(postgres: Container) -> str:
    return sql(postgres, "SELECT to_regclass('runs'), to_regclass('last')")


def test_by_itself_a_failing_script_leaves_half_a_cluster(postgres: Postgres, failing: tuple[Path, str]) -> None:
    """As with the official image."""
    first = postgres.plain()
    first.wait(timeout=60)
    assert failing[1] in first.logs().decode()
    second = postgres.plain()
    eventually(lambda: is_ready(second))
    assert tables(second) == "runs|"


def test_by_the_start_script_a_failing_script_leaves_no_database(postgres: Postgres, failing: tuple[Path, str]) -> None:
    script, said = failing
    for _ in range(2):
        failed = postgres.by_script()
        assert failed.wait(timeout=60)["StatusCode"] == 1
        logs = failed.logs().decode()
        assert said in logs
        # Of one stream: two have no order between them.
        assert failed.logs(stdout=False).decode().endswith("all scripts then run again, on an empty database.\n")
    script.unlink()
    whole = postgres.by_script()
    eventually(lambda: is_ready(whole))
    assert tables(whole) == "runs|last"
    assert says(whole, "ls", "-A", f"{DATA}/.init")[0] != 0


def test_by_the_start_script_a_cluster_whose_making_was_cut_is_made_again(postgres: Postgres, tmp_path: Path) -> None:
    slow = tmp_path / "init" / "03-slow.sh"
    slow.write_text("echo half-way; sleep 60\n")
    cut = postgres.by_script()
    eventually(lambda: b"half-way" in cut.logs())
    assert not is_ready(cut)
    cut.kill()
    slow.unlink()

    whole = postgres.by_script()
    eventually(lambda: is_ready(whole))
    assert sql(whole, "SELECT count(*) FROM runs") == "1"


def test_by_the_start_script_a_cluster_whose_move_was_cut_is_moved_to_the_end(postgres: Postgres) -> None:
    whole = postgres.by_script()
    eventually(lambda: is_ready(whole))
    whole.stop(timeout=30)
    # The state between two moves: a part is up, the rest and the mark are still in the directory beside.
    half = f"cd {DATA} && mkdir -m 700 .init && mv base global pg_wal PG_VERSION .init/ && touch .init/.complete"
    undo = postgres.run("postgres", command=["sh", "-c", half], **postgres.options)
    assert undo.wait(timeout=20)["StatusCode"] == 0

    again = postgres.by_script()
    eventually(lambda: is_ready(again))
    assert sql(again, "SELECT count(*) FROM runs") == "1"


def test_the_start_script_leaves_a_cluster_of_the_image_as_it_is(postgres: Postgres) -> None:
    """That of a stack which had no start script before."""
    before = postgres.plain()
    eventually(lambda: is_ready(before))
    before.stop(timeout=30)
    after = postgres.by_script()
    eventually(lambda: is_ready(after))
    assert sql(after, "SELECT count(*) FROM runs") == "1"


def test_refuses_a_folder_of_somebody_else(run: Run, volume: str, secrets_folder: Path) -> None:
    options = definition(volume, secrets_folder)
    writer = run("postgres", command=["sh", "-c", f"echo 1 > {DATA}/photo.jpg"], **options)
    assert writer.wait(timeout=20)["StatusCode"] == 0
    refused = run("postgres", **options)
    assert refused.wait(timeout=20)["StatusCode"] == 1
    assert b"exists but is not empty" in refused.logs()


def test_refuses_to_start_without_a_password(run: Run, volume: str, secrets_folder: Path) -> None:
    refused = run("postgres", **definition(volume, secrets_folder) | {"environment": {}})
    assert refused.wait(timeout=20)["StatusCode"] == 1
    assert b"POSTGRES_PASSWORD_FILE" in refused.logs()


def test_started_as_root_it_takes_over_the_volume(run: Run, secrets_folder: Path, tmp_path: Path) -> None:
    """A directory that is owned by root."""
    mount = tmp_path / "block"
    mount.mkdir()
    options = definition(str(mount), secrets_folder) | {
        "user": "",
        "cap_add": ["SETUID", "SETGID", "CHOWN", "FOWNER", "DAC_OVERRIDE"],
    }
    postgres = run("postgres", **options)
    eventually(lambda: is_ready(postgres))
    assert says(postgres, "stat", "-c", "%u", "/proc/1", DATA) == (0, "999\n999")
