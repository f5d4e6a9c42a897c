"""A machine with PostgreSQL's container and its bucket, for the scripts of the backups: a stand-in for Docker."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from tests.unit.host.bench import Bench

SERVICES = "/opt/auren/services/postgres"
VOLUME = "/mnt/auren-data/postgres_data"
MEMORY = "/var/lib/auren/backup"
HISTORY = "/mnt/auren-data/history"
RELEASE = f"{1:016x}"
STORES = (
    ("redis", "redis-data", "redis"),
    ("chromadb", "chromadb-data", "sqlite"),
    ("kafka", "kafka-data", "files"),
    ("zookeeper", "zookeeper-data", "files"),
)
CONFIGURATION = "repo1-s3-bucket=auren-backups\n"
RETENTION = "30 0 0\n"
HOLDS = (
    '{"newest" : "2026-11-27T01:00:00Z", "rows" : 3, "tables" : 1, "counts" : { "public.\\"a\\\\b\\"" : [3, 3, 0] }}\n'
)
"""Of a table with a name that needs quoting twice."""
DOCKER = r"""
fails() {
    [ ! -e "$state/$1.fails" ] || { cat "$state/$1.fails" >&2; exit 1; }
}
case "$*" in
"rm --force auren-postgres-restore" | "rm --force auren-postgres-restore auren-copy-drill") ;;
"stop auren-postgres") fails stop; echo exited >"$state/status" ;;
"stop "*) fails stop; touch "$state/$2.stopped" ;;
"start "*)
    [ ! -e "$state/start.fails" ] || { cat "$state/start.fails" >&2; rm "$state/start.fails"; exit 1; }
    rm -f "$state/$2.stopped" ;;
"exec --interactive auren-postgres psql "*)
    words=$(cat)
    printf '%s\n' "$words" >>"$state/sql"
    fails psql
    case $words in
    *"COPY seen"*) cat "$state/compared" ;;
    *pg_switch_wal*) echo 00000001000000000000000A ;;
    *last_archived_wal*) cat "$state/archived" ;;
    *last_archived_time*) cat "$state/silence" ;;
    esac ;;
"exec --interactive auren-postgres bash "*" found") fails found; cat "$state/live" ;;
"exec --interactive auren-postgres bash "*" gap 000000000000000000000009") fails gap; cat "$state/gap" ;;
"exec --interactive auren-postgres pgbackrest repo-put "*)
    fails repo-put
    mkdir -p "$state/bucket/${6%/*}"
    cat >"$state/bucket/$6" ;;
"exec --interactive auren-postgres pgbackrest repo-rm "*) fails repo-rm; rm "$state/bucket/$6" ;;
*" auren-postgres pgbackrest repo-ls "[vm]* | *" --entrypoint pgbackrest postgres-restore repo-ls "[vm]*)
    fails repo-ls
    cd "$state"
    listed=volumes
    [[ $* != *"repo-ls machine "* ]] || listed=machine
    mkdir -p "bucket/$listed"
    printf '{".":{"type":"path"}'
    find "bucket/$listed" -type f -printf '%P %s\n' |  # encrypted
        awk '{ printf ",\"%s\":{\"type\":\"file\",\"size\":%d,\"time\":1}", $1, 16 + (int($2 / 16) + 1) * 16 }'
    printf '}\n' ;;
*"/etc/auren/postgres-restore.sh get "*)
    [[ $* != *"$(cat "$state/broken" 2>/dev/null || echo none)"* ]] || fails get
    words="$*"
    words=${words#* get }
    cat "$state/bucket/${words%% *}" ;;
"exec auren-redis sh -c "*BGSAVE*)
    [ ! -e "$state/BGSAVE.fails" ] || exec cat "$state/BGSAVE.fails"  # redis-cli ends with 0 all the same
    [ ! -e "$state/busy" ] || { rm "$state/busy"; echo ERR Background save already in progress; exit; }
    echo Background saving started
    echo saved >"${state%/state}/mnt/auren-data/redis-data/dump.rdb"
    touch -d "1 second" "${state%/state}/mnt/auren-data/redis-data/dump.rdb" ;;
"inspect --format {{.Image}} "*) echo sha256:redis 268435456 ;;
"rm --force auren-copy-drill") ;;
"run --rm --name auren-copy-drill "*) fails prove; echo 3 ;;
"exec auren-postgres pgbackrest "*)
    fails "$4"
    [ "$4" != backup ] || [ ! -e "$state/info.after" ] || cp "$state/info.after" "$state/info" ;;
"inspect --format {{.State.Status}} auren-postgres") cat "$state/status" ;;
*" --entrypoint pgbackrest postgres-restore info "*) cat "$state/info" ;;
*" --entrypoint pgbackrest postgres-restore repo-ls archive/auren "*) cat "$state/wal" ;;
"exec --interactive auren-postgres pgbackrest info "*) cat "$state/info" ;;
"exec --interactive auren-postgres pgbackrest repo-ls "*) cat "$state/wal" ;;
*" run --rm --no-deps --no-TTY --name auren-postgres-restore --volume "*)
    into=$* into=${into#*--volume } into=${into%%:*}
    echo "INFO: repo1: restore backup set 20261127-010000F, recovery will start at 2026-11-27 01:00:00" >&2
    fails restore
    if [ -e "$state/restore.takes-long" ]; then
        touch "$state/restores"
        exec /bin/sleep 60
    fi
    [ ! -e "$state/late.fails" ] || trap 'fails late' EXIT
    if [[ $* != *" postgres-restore drill "* ]]; then
        [ ! -e "$into/what" ] || { echo "$into is not empty" >&2; exit 1; }
        echo 17 >"$into/PG_VERSION"
        echo restored >"$into/what"
        rm -rf "$into/.restored"
    fi
    cat "$state/restored" ;;
*" up --detach --no-deps postgres")
    fails up
    echo running >"$state/status"
    cat "${state%/state}/mnt/auren-data/postgres_data/what" >>"$state/served" ;;
"inspect --format {{.State.Health.Status}} "*) echo healthy ;;
"exec auren-postgres-restore pgbackrest info "*) cat "$state/info" ;;
"inspect --format {{.State.Running}} auren-postgres") sed 's/running/true/' "$state/status" ;;
"inspect --format {{.State.Running}} auren-postgres-restore") [ ! -e "$state/restoring" ] || echo true ;;
"inspect --format {{.State.Running}} auren-redis")
    [ -e "$state/no-redis" ] || [ -e "$state/$4.stopped" ] || [ ! -e "$state/status" ] || echo true ;;
"inspect --format {{.State.Running}} "*) [ -e "$state/$4.stopped" ] || [ ! -e "$state/status" ] || echo true ;;
*) echo "not expected: docker $*" >&2; exit 98 ;;
esac
"""


def set_up(bench: Bench, stores: Iterable[Sequence[str]] = ()) -> Bench:
    """The database has what the bucket's one backup has, and the WAL behind it."""
    bench.path("/run/lock").mkdir(parents=True)
    for directory in (f"{SERVICES}/releases/{RELEASE}", VOLUME):
        bench.path(directory).mkdir(parents=True)
    bench.path(f"{SERVICES}/current").symlink_to(f"releases/{RELEASE}")
    bench.path(f"{VOLUME}/PG_VERSION").write_text("17\n")
    bench.path(f"{VOLUME}/what").write_text("of before\n")
    for _, volume, _ in stores:
        bench.path(f"/mnt/auren-data/{volume}").mkdir()
    bench.path("/usr/local/lib/auren").mkdir(parents=True)
    bench.path("/usr/local/lib/auren/stores").write_text("".join(f"{' '.join(store)}\n" for store in stores))
    bench.path("/usr/local/lib/auren/retention").write_text(RETENTION)
    bench.path(f"{SERVICES}/releases/{RELEASE}/files").mkdir()
    bench.path(f"{SERVICES}/releases/{RELEASE}/files/pgbackrest.conf").write_text(CONFIGURATION)
    bench.stub("docker", DOCKER)
    bench.stub("setpriv", 'shift 5; exec "$@"')
    bench.stub("du", r"printf '102400\t%s\n' \"$2\"")
    bench.stub("df", "echo Avail; echo 4194304")
    listed(bench, "info", [("20261127-010000F", 1795741200, 104857600)])
    logged(bench, 9, 10)
    bench.state("status", "running")
    for name, text in {
        "live": HOLDS,
        "restored": HOLDS,
        "archived": "t\n",
        "compared": "2026-11-27T01:00:00Z\n70\n3\n1\n\n",
    }.items():
        bench.path(f"/state/{name}").write_text(text)
    return bench


def listed(
    bench: Bench, name: str, backups: Iterable[tuple[str, int, int]], code: int = 0, message: str = "ok"
) -> None:
    """What pgBackRest tells of the bucket: label, end and bytes of each backup."""
    told = [
        {
            "archive": {"start": f"{9:024X}", "stop": f"{9:024X}"},
            "backrest": {"format": 5, "version": "2.55.1"},
            "database": {"id": 1, "repo-key": 1},
            "error": False,
            "info": {"delta": 1, "repository": {"delta": 2, "delta-map": 3, "size-map": 4}, "size": size},
            "label": label,
            "lsn": {"start": "0/9000028", "stop": "0/9000120"},
            "prior": None,
            "timestamp": {"start": end - 7, "stop": end},
            "type": "full",
        }
        for label, end, size in backups
    ]
    status = {"code": code, "message": message}
    answer = [{"archive": [{"database": {"id": 1}, "id": "17-1"}], "backup": told, "name": "auren", "status": status}]
    bench.path(f"/state/{name}").write_text(json.dumps(answer, separators=(",", ":")))


def kept(moments: Iterable[datetime], now: datetime, days: int, weeks: int, months: int) -> set[datetime]:
    """Which backups of these moments are kept, worked out backwards from the calendar."""
    moments = sorted(moments)
    oldest = now - timedelta(days=days)
    found = {moment for moment in moments if moment > oldest} | set([one for one in moments if one <= oldest][-1:])
    monday = datetime.combine(now.date() - timedelta(days=now.weekday()), time.min, UTC)
    bounds = [(monday - timedelta(weeks=back), monday - timedelta(weeks=back - 1)) for back in range(weeks)]
    for back in range(months):
        year, month = divmod(now.year * 12 + now.month - 1 - back, 12)
        until, above = divmod(now.year * 12 + now.month - back, 12)
        bounds.append((datetime(year, month + 1, 1, tzinfo=UTC), datetime(until, above + 1, 1, tzinfo=UTC)))
    for start, end in bounds:
        found |= set([one for one in moments if start <= one < end][-1:])
    return found


def logged(bench: Bench, *numbers: int) -> None:
    """The segments of the log (WAL) in the bucket."""
    segments = {
        f"17-1/0000000100000000/{number:024X}-{'a' * 40}.zst": {"time": 1795741200 + number} for number in numbers
    }
    bench.path("/state/wal").write_text(json.dumps(segments, separators=(",", ":")))


def fails(bench: Bench, what: str, said: str) -> None:
    bench.state(f"{what}.fails", said)


def events(bench: Bench) -> list[list[str]]:
    path = bench.path(HISTORY)
    return [line.split("\t")[1:5] for line in path.read_text().splitlines()] if path.exists() else []


def content(path: Path) -> dict[str, str]:
    return {str(file.relative_to(path)): file.read_text() for file in path.rglob("*") if file.is_file()}
