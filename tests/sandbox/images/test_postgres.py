"""PostgreSQL with the official image's interface, and a first start that survives a power cut."""

from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container

from tests.sandbox.images.containers import Run, eventually, says

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
    assert says(first, "sh", "-c", f"ls -A {DATA} | grep -c '^[.]init$'")[1] == "0"
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


def test_a_power_cut_while_the_cluster_is_made_is_made_good(
    run: Run, volume: str, secrets_folder: Path, init_scripts: str, tmp_path: Path
) -> None:
    """The official image takes a half-made cluster for a whole one and never runs the rest of its scripts."""
    slow = tmp_path / "init" / "03-slow.sh"
    slow.write_text("echo half-way; sleep 60\n")
    cut = run("postgres", **definition(volume, secrets_folder, init_scripts))
    eventually(lambda: b"half-way" in cut.logs())
    assert not is_ready(cut)
    cut.kill()
    slow.unlink()

    whole = run("postgres", **definition(volume, secrets_folder, init_scripts))
    eventually(lambda: is_ready(whole))
    assert sql(whole, "SELECT count(*) FROM runs") == "1"


def test_a_power_cut_while_the_finished_cluster_moves_up_is_made_good(
    run: Run, volume: str, secrets_folder: Path, init_scripts: str
) -> None:
    whole = run("postgres", **definition(volume, secrets_folder, init_scripts))
    eventually(lambda: is_ready(whole))
    whole.stop(timeout=30)
    # The state between two moves: a part is up, the rest and the mark are still in the staging folder.
    half = f"cd {DATA} && mkdir -m 700 .init && mv base global pg_wal PG_VERSION .init/ && touch .init/.complete"
    undo = run("postgres", command=["sh", "-c", half], **definition(volume, secrets_folder))
    assert undo.wait(timeout=20)["StatusCode"] == 0

    again = run("postgres", **definition(volume, secrets_folder, init_scripts))
    eventually(lambda: is_ready(again))
    assert sql(again, "SELECT count(*) FROM runs") == "1"


def test_refuses_a_folder_of_somebody_else(run: Run, volume: str, secrets_folder: Path) -> None:
    options = definition(volume, secrets_folder)
    writer = run("postgres", command=["sh", "-c", f"mkdir {DATA}/lost+found; echo 1 > {DATA}/photo.jpg"], **options)
    assert writer.wait(timeout=20)["StatusCode"] == 0
    refused = run("postgres", **options)
    assert refused.wait(timeout=20)["StatusCode"] == 1
    assert b"holds files but no cluster" in refused.logs()


def test_refuses_to_start_without_a_password(run: Run, volume: str, secrets_folder: Path) -> None:
    refused = run("postgres", **definition(volume, secrets_folder) | {"environment": {}})
    assert refused.wait(timeout=20)["StatusCode"] == 1
    assert b"POSTGRES_PASSWORD_FILE" in refused.logs()


def test_started_as_root_it_takes_over_the_volume(run: Run, secrets_folder: Path, tmp_path: Path) -> None:
    """A block volume's root directory: owned by root, with lost+found in it."""
    mount = tmp_path / "block"
    (mount / "lost+found").mkdir(parents=True)
    options = definition(str(mount), secrets_folder) | {
        "user": "",
        "cap_add": ["SETUID", "SETGID", "CHOWN", "FOWNER", "DAC_OVERRIDE"],
    }
    postgres = run("postgres", **options)
    eventually(lambda: is_ready(postgres))
    assert says(postgres, "stat", "-c", "%u", "/proc/1", DATA) == (0, "999\n999")
