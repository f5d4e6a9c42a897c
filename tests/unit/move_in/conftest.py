"""Both machines, as a test has them answer: a `pulumi` and an `ssh` on PATH that note what they are asked."""

import io
import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from auren_infra.move_in import new, records
from tests.unit.rehearsal import Rehearsal

OLD_ADDRESS = "198.51.100.7"
LOGIN = f"root@{OLD_ADDRESS}"
LOOK_OLD = """\
host-key	ssh-ed25519 AAAAold
store	postgres	auren-db	postgres:17
store	redis	auren-cache	redis:7.4
store	chromadb	auren-chroma	chroma:1.0
store	kafka	auren-kafka	cp-kafka:7.5.0
store	zookeeper	auren-zk	cp-zookeeper:7.5.0
writer	auren-api
writer	auren-nginx
other	grafana
fact	postgres.user	auren_user
fact	postgres.superuser	auren_user
fact	postgres.database	auren_production
fact	postgres.databases	auren_production,postgres
fact	postgres.version	17
fact	postgres.extensions	plpgsql
fact	postgres.roles	auren_user,reader
volume	postgres_data	/var/lib/docker/volumes/pg/_data	80000000
count	postgres	auren_production public.events	12
count	postgres	auren_production public.users	3
fact	redis.version	7.4.1
fact	redis.file	dump.rdb
volume	redis-data	/var/lib/docker/volumes/redis/_data	1000
count	redis	db0	5
count	redis	db0 with an expiry	2
fact	chromadb.version	embeddings_queue=2,sysdb=9
volume	chromadb-data	/var/lib/docker/volumes/chroma/_data	2000000
count	chromadb	1 memories	40
count	chromadb	the last write	41
fact	kafka.version	7.5.0-ccs
fact	kafka.broker	1
volume	kafka-data	/srv/kafka	3000000
count	kafka	biometric.events:0	7
count	kafka	__consumer_offsets:0	9
volume	zookeeper-data	/srv/zookeeper/data	4000
volume	zookeeper-log	/srv/zookeeper/log	5000
"""
LOOK_NEW = """\
address	198.51.100.10
free	30000000000
fact	postgres.version	17
fact	postgres.extensions	plpgsql,vector
fact	redis.version	8.0.6
fact	chromadb.version	embeddings_queue=2,sysdb=9
fact	kafka.version	7.9.2-ccs
fact	kafka.broker	1
"""
COUNTS = "".join(f"{line}\n" for line in LOOK_OLD.splitlines() if line.startswith("count"))
COUNTS_HERE = COUNTS.replace("auren_production ", "auren ")
VOLUMES = ["postgres_data", "redis-data", "chromadb-data", "kafka-data", "zookeeper-data", "zookeeper-log"]

_PULUMI = """
printf 'pulumi %s\\n' "$*" >>calls
case "$*" in up*) [ -n "$AUREN_WITHOUT_SMOKE_TEST" ] || exit 97 ;; esac
[ ! -e fails/pulumi ] || case "$*" in *"$(cat fails/pulumi)"*) echo "the cloud refused" >&2; exit 1 ;; esac
case "$*" in
"stack output"*) cat shown ;;
"stack --show-name"*) echo prod ;;
"config --json"*) cat config ;;
"stack export"*) cat export ;;
"config rm"*) sed -i 's/198.51.100.7//' config ;;
esac
"""
_SSH = r"""
eval "words=\${$#}"
eval "set -- $words"
shift 2
where=new
[ "$OLD" = no ] || where=old
[ "$1" != bash ] || shift 3
cat >sent
printf '%s %s\n' "$where" "$*" >>calls
if [ -e "fails/$where $1" ]; then
    cat "fails/$where $1" >&2
    exit 1
fi
[ ! -e "said/$where $1" ] || cat "said/$where $1"
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Machines:
    directory: Path

    def says(self, where: str, command: str, text: str) -> None:
        (self.directory / "said" / f"{where} {command}").write_text(text)

    def fails(self, where: str, command: str, text: str) -> None:
        (self.directory / "fails" / f"{where} {command}").write_text(text)

    def pulumi_fails(self, words: str) -> None:
        (self.directory / "fails" / "pulumi").write_text(words)

    def works(self, what: str) -> None:
        (self.directory / "fails" / what).unlink()

    @property
    def calls(self) -> list[str]:
        """Those that change something, in order."""
        path = self.directory / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        reading = ("pulumi stack ", "pulumi config --json", "old look", "new look", "pulumi preview")
        return [line for line in lines if not line.startswith(reading)]

    def forget_calls(self) -> None:
        (self.directory / "calls").unlink(missing_ok=True)


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update: Rehearsal) -> Machines:
    for name in ("bin", "said", "fails"):
        (tmp_path / name).mkdir()
    programs = {
        "pulumi": _PULUMI,
        # The stack's machine is asked with a configuration of its own.
        "ssh": f'case " $* " in *" -F "*) OLD=no ;; *) OLD=yes ;; esac\n{_SSH}',
    }
    for name, body in programs.items():
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/sh\nset -e\ncd {shlex.quote(str(tmp_path))}\n{body}")
        program.chmod(0o755)
    (tmp_path / "shown").write_text(json.dumps(update.outputs))
    (tmp_path / "export").write_text(json.dumps({"deployment": {}}))
    (tmp_path / "config").write_text(
        json.dumps(
            {
                key: {"value": value}
                for key, value in {
                    records.SETTING: OLD_ADDRESS,
                    "auren:domain": "aupex.ai",
                    "auren:cloudflareZone": "aupex.ai",
                    "auren:proxied": "true",
                }.items()
            }
        )
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))  # no terminal
    monkeypatch.setattr(new.NewMachine, "hold", lambda _self: None)
    monkeypatch.setattr("auren_infra.move_in.__main__._again", lambda _stack: ())
    found = Machines(tmp_path)
    found.says("old", "look", LOOK_OLD)
    found.says("new", "look", LOOK_NEW)
    found.says("new", "key", "ssh-ed25519 AAAAthrowaway\n")
    found.says("new", "pull", "pulled\tpostgres_data\t80000000\t3\n")
    found.says("old", "count", COUNTS)
    found.says("new", "count", COUNTS_HERE)
    return found
