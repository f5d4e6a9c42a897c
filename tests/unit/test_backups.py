"""What backups add to a stack: a bucket with its keys, pgBackRest in PostgreSQL's container, and a schedule."""

from collections.abc import Mapping
from typing import Any, TypeVar

import pytest
import yaml

from auren_infra import call
from auren_infra.files.firewall import container_rules
from auren_infra.files.releases import release
from auren_infra.host import orders
from auren_infra.host.orders import BackUp, BackUpFirst, Fill, Jobs, Order, Programs
from auren_infra.services.catalogue import described
from tests.unit.configuration import BACKED_UP, BACKED_UP_ELSEWHERE, FROM_ELSEWHERE, blueprint, planned, settings
from tests.unit.rehearsal import NAME, Rehearsal, deploy

KEY, BUCKET = "digitalocean:index/spacesKey:SpacesKey", "digitalocean:index/spacesBucket:SpacesBucket"
Found = TypeVar("Found", bound=Order)


def ordered(run: Rehearsal, kind: type[Found]) -> list[Found]:
    read = [orders.read(call.read(each.inputs["create"], each.inputs["stdin"])) for each in run.commands()]
    return [order for order in read if isinstance(order, kind)]


@pytest.fixture(scope="module")
def backed_up() -> Rehearsal:
    return deploy(**BACKED_UP)


@pytest.fixture(scope="module")
def postgres() -> Mapping[str, Any]:
    """The parts of its compose file."""
    found: Mapping[str, Any] = yaml.safe_load(release(planned(blueprint(**BACKED_UP)), "postgres").compose)["services"]
    return found


def test_the_bucket_keeps_what_is_deleted_and_is_protected(backed_up: Rehearsal) -> None:
    bucket = backed_up.only(BUCKET)
    assert bucket.inputs["name"] == "auren-test-backups"
    assert bucket.inputs["region"] == "fra1"
    assert bucket.inputs["versioning"] == {"enabled": True}
    (rule,) = bucket.inputs["lifecycleRules"]
    assert rule["noncurrentVersionExpiration"] == {"days": 30}
    assert bucket.inputs["forceDestroy"] is False
    assert deploy(**BACKED_UP, protectData="false").only(BUCKET).inputs["forceDestroy"] is True


def test_the_key_that_can_delete_versions_is_on_no_machine(backed_up: Rehearsal) -> None:
    grants = {key.name: key.inputs["grants"] for key in backed_up.of_type(KEY)}
    assert grants == {
        f"{NAME}-backups-owner": [{"bucket": "", "permission": "fullaccess"}],
        f"{NAME}-backups": [{"bucket": "auren-test-backups", "permission": "readwrite"}],
    }
    sent = "".join(str(command.inputs) for command in backed_up.commands())
    assert f"KEY-{NAME}-backups-KEY" in sent
    assert "backups-owner" not in sent


def test_without_backups_nothing_of_them_is_made(update: Rehearsal) -> None:
    assert not update.of_type(BUCKET)
    assert not update.of_type(KEY)
    assert not ordered(update, Fill)
    assert not ordered(update, BackUpFirst)
    assert not ordered(update, BackUp)
    (jobs,) = ordered(update, Jobs)
    assert not jobs.units
    (programs,) = ordered(update, Programs)
    assert not {"auren-backup", "auren-restore"} & programs.files.keys()


def test_the_database_reaches_the_bucket_and_nothing_else_outside() -> None:
    rules = container_rules(planned(blueprint(**BACKED_UP))).splitlines()
    for name, address in {"postgres": "172.18.0.12", "postgres-restore": "172.18.0.112"}.items():
        outside = [line for line in rules if f'"{name} to the internet"' in line]
        assert [line.split(" -m ")[0].split(" -s ")[1] for line in outside] == [
            f"{address} -p tcp --dport 443",
            f"{address} -p tcp --dport 53",
            f"{address} -p udp --dport 53",
        ]


def test_a_bucket_of_somebody_else_is_used_as_it_is() -> None:
    run = deploy(**BACKED_UP_ELSEWHERE)
    assert not run.of_type(BUCKET)
    assert not run.of_type(KEY)
    options = release(planned(blueprint(**BACKED_UP_ELSEWHERE)), "postgres").files["pgbackrest.conf"].splitlines()
    assert {
        "repo1-s3-endpoint=s3.example.org:9000",
        "repo1-s3-region=eu-central-1",
        "repo1-s3-bucket=auren.backups",
        "repo1-s3-uri-style=path",
    } <= {*options}
    sent = "".join(str(command.inputs) for command in run.commands())
    assert "repo1-s3-key=AKIA0" in sent
    assert "repo1-s3-key-secret=a key" in sent


def test_the_ways_to_a_bucket_at_another_port_are_open() -> None:
    rules = container_rules(planned(blueprint(**BACKED_UP_ELSEWHERE)))
    for address in ("172.18.0.12", "172.18.0.112"):
        assert f" -s {address} -p tcp --dport 9000 " in rules
        assert f" -s {address} -p tcp --dport 443 " not in rules
    for configuration, ways in ((BACKED_UP_ELSEWHERE, 1), (BACKED_UP, 0)):
        firewall = deploy(**configuration).only("digitalocean:index/firewall:Firewall")
        assert [rule.get("portRange") for rule in firewall.inputs["outboundRules"]].count("9000") == ways


def test_the_restore_has_its_own_memory_network_and_directory(postgres: Mapping[str, Any]) -> None:
    runs, restores = postgres["postgres"], postgres["postgres-restore"]
    assert restores["entrypoint"] == ["bash", "/etc/auren/postgres-restore.sh"]
    assert restores["hostname"] == "postgres-restore", "or clients would be led to it"
    assert restores["networks"] == {"auren-network": {"ipv4_address": "172.18.0.112"}}
    assert restores["profiles"] == ["restore"]
    assert restores["mem_limit"] == "256m"
    assert not {"container_name", "network_mode", "healthcheck", "labels"} & restores.keys()
    assert not [mount for mount in restores["volumes"] if "/var/lib/postgresql/data" in mount]
    assert "/etc/ssl/certs:/etc/ssl/certs:ro" in runs["volumes"]
    assert restores["environment"] == runs["environment"]


def test_an_image_without_pgbackrest_is_refused_before_the_database_stops(postgres: Mapping[str, Any]) -> None:
    preflight = postgres["postgres-preflight"]
    assert [*preflight["entrypoint"], *preflight["command"]] == ["pgbackrest", "version"]


def test_the_volume_is_filled_before_the_database_starts(backed_up: Rehearsal) -> None:
    (fill,) = ordered(backed_up, Fill)
    assert fill.target == ()
    for restore, target in {
        "latest": ("latest",),
        "latest as of 2026-11-27T12:30:00Z": ("latest", "--as-of", "2026-11-27T12:30:00Z"),
    }.items():
        (fill,) = ordered(deploy(**BACKED_UP, restore=restore), Fill)
        assert fill.target == target
    before = {"postgres": "postgres-fill", "postgres-backups": "postgres", "jobs": "postgres-backups"}
    for name, first in before.items():
        assert backed_up.command(first).urn in backed_up.command(name).dependencies


def test_what_changes_is_backed_up_before_its_container_is_touched(backed_up: Rehearsal) -> None:
    (first,) = ordered(backed_up, BackUpFirst)
    assert first.minutes == 60
    assert first.staged is not None
    stores = [line.split()[0] for line in first.staged.splitlines()]
    (programs,) = ordered(backed_up, Programs)
    copied = {line.split()[0] for line in programs.files["stores"].splitlines()}
    assert sorted(stores) == sorted({"postgres", *copied})
    command = backed_up.command("postgres-backup-first")
    for store in stores:
        assert command.urn in backed_up.command(store).dependencies
        assert backed_up.command(f"{store}-release").urn in command.dependencies
    (first,) = ordered(deploy(**BACKED_UP, freshBackupMinutes="0"), BackUpFirst)
    assert first.minutes == 0


def test_every_volume_is_backed_up_or_copied_but_that_of_the_logs(backed_up: Rehearsal) -> None:
    (programs,) = ordered(backed_up, Programs)
    copied = [line.split() for line in programs.files["stores"].splitlines()]
    assert copied == [
        ["kafka", "kafka-data", "files"],
        ["zookeeper", "zookeeper-data", "files"],
        ["zookeeper", "zookeeper-log", "files"],
        ["chromadb", "chromadb-data", "sqlite"],
        ["redis", "redis-data", "redis"],
    ]
    volumes = {volume.name for service in described(settings()) for volume in service.volumes}
    assert volumes - {volume for _, volume, _ in copied} == {"postgres_data", "nginx-logs"}


def test_the_first_copies_are_made_when_everything_runs(backed_up: Rehearsal) -> None:
    first = backed_up.command("postgres-backups").dependencies
    for service in ("redis", "kafka", "chromadb", "zookeeper"):
        assert any(urn.endswith(f"-{service}") or f"-{service}-" in urn for urn in first)


def test_the_machine_makes_backups_and_tries_them(backed_up: Rehearsal) -> None:
    (jobs,) = ordered(backed_up, Jobs)
    assert [*jobs.units] == [
        f"auren-{name}.{kind}" for name in ("backup", "drill", "sentinel") for kind in ("service", "timer")
    ]
    # The smallest droplet has no memory for a second database beside all services.
    assert "ExecStart=/usr/local/sbin/auren-backup drill kafka-ui\n" in jobs.units["auren-drill.service"]
    assert "OnCalendar=Sun *-*-* 05:10:00 UTC\n" in jobs.units["auren-drill.timer"]
    (jobs,) = ordered(deploy(**BACKED_UP, dropletSize="s-4vcpu-8gb"), Jobs)
    assert "auren-backup drill\n" in jobs.units["auren-drill.service"]


@pytest.fixture(scope="module")
def from_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A stack without backups of its own, and with SQL that makes people's data anonymous."""
    directory = tmp_path_factory.mktemp("anonymise")
    (directory / "10-people.sql").write_text("UPDATE people SET name = 'somebody';\n")
    return {**FROM_ELSEWHERE, "realData": "false", "sqlAnonymise": str(directory)}


def test_the_bucket_of_another_stack_is_only_read(from_elsewhere: dict[str, Any]) -> None:
    run = deploy(**from_elsewhere)
    (key,) = run.of_type(KEY)
    assert key.name == f"{NAME}-restore"
    assert key.inputs["grants"] == [{"bucket": "auren-prod-backups", "permission": "read"}]
    assert not run.of_type(BUCKET)
    assert not ordered(run, BackUp)
    assert not ordered(run, BackUpFirst)
    (jobs,) = ordered(run, Jobs)
    assert not jobs.units
    (programs,) = ordered(run, Programs)
    assert {"fill-volumes", "stores"} <= programs.files.keys()
    assert not {"auren-backup", "auren-restore"} & programs.files.keys()
    elsewhere = deploy(
        **{
            **FROM_ELSEWHERE,
            "restoreFrom": "s3://s3.example.org:9000/eu-central-1/others",
            "secrets": '{"restore-passphrase": "theirs", "restore-key-id": "AKIA0", "restore-key-secret": "a key"}',
        }
    )
    assert not elsewhere.of_type(KEY)


def test_what_is_restored_from_another_stack_is_made_anonymous_first(from_elsewhere: dict[str, Any]) -> None:
    run = deploy(**from_elsewhere)
    (fill,) = ordered(run, Fill)
    assert fill.target == ("anonymised", "latest")
    assert run.command("sql-anonymise").urn in run.command("postgres-fill").dependencies
    assert run.command("postgres-fill").urn in run.command("postgres").dependencies
    services = yaml.safe_load(release(planned(blueprint(**from_elsewhere)), "postgres").compose)["services"]
    assert "/opt/auren/sql/anonymise:/anonymise:ro" in services["postgres-restore"]["volumes"]
    (fill,) = ordered(deploy(**FROM_ELSEWHERE), Fill)
    assert fill.target == ("real", "latest")


def test_the_two_buckets_are_never_mixed_up() -> None:
    """pgBackRest reads each *.conf in the directory of the secrets, and pushes to each bucket that it knows."""
    both = {**BACKED_UP, **FROM_ELSEWHERE, "secrets": '{"backup-passphrase": "ours", "restore-passphrase": "theirs"}'}
    made = release(planned(blueprint(**both)), "postgres")
    assert "auren-prod-backups" not in made.files["pgbackrest.conf"]
    assert "auren-test-backups" not in made.files["restore-from.conf"]
    assert "repo1-s3-bucket=auren-prod-backups\n" in made.files["restore-from.conf"]
    for text in made.files.values():
        assert "repo2" not in text
    (postgres,) = (service for service in described(settings(**both)) if service.name == "postgres")
    assert [file.name for file in postgres.secrets if file.name.endswith(".conf")] == [
        *("backup-key-id.conf", "backup-key.conf", "backup-passphrase.conf")
    ]
    alone = release(planned(blueprint(**FROM_ELSEWHERE)), "postgres").files
    assert "repo1" not in alone["pgbackrest.conf"]
    assert "archive_mode" not in alone["postgresql.conf"]
