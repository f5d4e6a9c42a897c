#!/usr/bin/env bash
# move_in COMMAND …: on a stack's machine, the data of another machine takes the place of what is in its stores (`python -m auren_infra move-in`).
# A VOLUME is one of Docker's on the data disk. The data comes beside it first, and what was in it is kept.
#   look ADDRESS                     what is here, in lines of words with tabs between. ADDRESS is the machine that the data comes from, or `-`
#   key HOST-KEY-TYPE HOST-KEY       makes a key that lives until `forget` or a boot, and prints its public half
#   forget                           the key is gone
#   pull ADDRESS VOLUME PASS [FILE]  brings the difference here. PASS is `first` while files change there, else `last`. FILE is the only one
#   place USER DATABASE VOLUME…      all services are stopped, the data is in its place, and the stores run with it: healthy, and nobody else runs.
#                                    USER and DATABASE are what PostgreSQL's administrator and database are called there, or `-`
#   count STORE…                     what the stores hold
#   serve ADDRESS < COUNTS           everything runs. COUNTS is what the stores hold now
#   since                            those counts
#   undo                             what was in the stores before is back, and everything runs
#   back                             the services are stopped, since the other machine serves again
#   rest                             they run, though nobody asks them
#   discard                          what was kept, and what was brought here and is in no place, is deleted
set -euo pipefail

source releases.sh
source running.sh
source counting.sh

disk=/mnt/auren-data
inbox=$disk/moving-in
memory=/var/lib/auren/move-in
placed=$memory/placed  # while the data is in its place, and not accepted: the time that the kept ones are named by, and the volumes
served=$memory/served  # the same, since it was accepted
place=/run/auren-move-in
patience=300  # seconds for a container to become healthy
settling=auren-move-in-settle  # the container in which the database is given our names
stores=(zookeeper kafka redis chromadb postgres)  # each behind those that it needs

tell() {
    local IFS=$tab
    printf '%s\n' "$*"
}

# alone [SECONDS]: nobody else moves anything here until this script has ended. A command whose connection was cut goes on for a while.
alone() {
    exec 9>/run/lock/auren-move-in
    flock --wait "${1:-5}" 9 || fail "Another move-in works on this machine. Try again when it has ended."
}

# without_backups: none is made or tried until this script has ended.
without_backups() {
    exec 7>/run/lock/auren-copies 8>/run/lock/auren-backup
    { flock --wait 600 7 && flock --wait 600 8; } || fail "A backup, or a drill, has not ended within ten minutes."
}

bytes() {
    echo $(($(du -sk "$1" | cut -f1) * 1024))
}

look() {
    local store volume
    [ ! -e "$memory/from" ] || tell from "$(cat "$memory/from")"
    [ "$1" = - ] || tell address "$(ip -4 route get "$1" | sed -n 's/.* src \([0-9.]*\).*/\1/p')"
    tell free $(($(df --output=avail -k "$disk" | tail -n 1) * 1024))
    command -v rsync >/dev/null || tell lacks rsync
    ! [ -e "$placed" ] || tell state placed
    ! [ -e "$served" ] || tell state served
    [ ! -e /usr/local/sbin/auren-backup ] || tell backups yes
    for store in "${stores[@]}"; do
        is_running "auren-$store" || tell stopped "$store"
    done
    for volume in "$inbox"/*; do
        [ ! -d "$volume" ] || tell brought "${volume##*/}" "$(bytes "$volume")"
    done
    ! [ -e "$placed" ] || return 0
    tell fact postgres.version "$(cat "$disk/postgres_data/PG_VERSION")"
    if is_running auren-postgres; then
        tell fact postgres.extensions "$(psql_in auren-postgres auren auren <<<"SELECT string_agg(name, ',') FROM pg_available_extensions")"
    fi
    ! is_running auren-redis || tell fact redis.version "$(redis_release auren-redis)"
    [ ! -e "$disk/chromadb-data/chroma.sqlite3" ] || tell fact chromadb.version "$(chroma_format "$disk/chromadb-data/chroma.sqlite3")"
    ! is_running auren-kafka || tell fact kafka.version "$(kafka_release auren-kafka)"
    tell fact kafka.broker "$(sed -n 's/^broker\.id=//p' "$services/kafka/current/files/kafka.properties")"
}

# key TYPE HOST-KEY
key() {
    install -d -m 0700 "$place"
    echo "$1 $2" >"$place/host-key"
    rm -f "$place/key" "$place/key.pub"
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$place/key"
    cut -d' ' -f1,2 "$place/key.pub"
}

forget() {
    rm -rf "$place"
}

# pull ADDRESS VOLUME PASS [FILE]. Seconds alone do not tell that a file has changed, so their fractions count.
pull() {
    local address=$1 volume=$2 pass=$3 file=${4:-} status=0 began=$SECONDS
    local -a login=(BatchMode=yes IdentitiesOnly=yes "IdentityFile=$place/key" "UserKnownHostsFile=$place/known"
        GlobalKnownHostsFile=/dev/null StrictHostKeyChecking=yes ConnectTimeout=15 ServerAliveInterval=15 LogLevel=ERROR)
    local -a only=(--exclude=/postmaster.pid --exclude=/postmaster.opts --exclude=/lost+found --exclude=/.lock)
    alone
    [ -e "$place/key" ] || fail "The key for the other machine is gone, as after a boot. Try again."
    # One directory may have both there, and ZooKeeper refuses to start when one of ours has.
    case "$volume" in
    zookeeper-data) only+=('--exclude=/version-2/log.*') ;;
    zookeeper-log) only+=('--include=/version-2' '--include=/version-2/log.*' '--exclude=*') ;;
    esac
    [ -z "$file" ] || only=("--include=/$file" '--exclude=*')
    echo "$address $(cat "$place/host-key")" >"$place/known"
    install -d -m 0711 "$inbox"
    install -d -m 0700 "$inbox/$volume"
    rsync --archive --no-owner --no-group --no-devices --no-specials --sparse --numeric-ids --modify-window=-1 --delete --delete-excluded \
        "${only[@]}" --timeout=120 --rsh="ssh -F /dev/null ${login[*]/#/-o }" \
        "root@$address:$volume/" "$inbox/$volume/" >"$place/said" 2>&1 || status=$?
    # 24: files have gone meanwhile, as they do while the services there run.
    [ "$status" -eq 0 ] || { [ "$status" -eq 24 ] && [ "$pass" = first ]; } ||
        fail "$volume could not be copied (rsync ended with $status): $(tail -n 3 "$place/said" | tr '\n' ' ')"
    sync --file-system "$inbox"
    tell pulled "$volume" "$(bytes "$inbox/$volume")" $((SECONDS - began))
}

ready_postgres() {
    local name
    # What is set there by hand stays there, and who may log in is said here.
    for name in postgresql.conf pg_hba.conf pg_ident.conf; do
        cp --preserve=mode "$disk/postgres_data/$name" "$inbox/postgres_data/$name"
    done
    : >"$inbox/postgres_data/postgresql.auto.conf"
}

# ready_redis: what it has saved is the beginning of an append-only file.
ready_redis() {
    local file
    for file in "$inbox"/redis-data/*; do
        case ${file##*/} in
        appendonlydir) rm -rf "$file" ;;
        *) ln -f "$file" "$inbox/redis-data/.saved" ;;
        esac
    done
    [ -e "$inbox/redis-data/.saved" ] || fail "Redis has left no file with what it holds."
    mkdir "$inbox/redis-data/appendonlydir"
    mv "$inbox/redis-data/.saved" "$inbox/redis-data/appendonlydir/appendonly.aof.1.base.rdb"
    echo "file appendonly.aof.1.base.rdb seq 1 type b" >"$inbox/redis-data/appendonlydir/appendonly.aof.manifest"
}

# ready VOLUME: what was brought becomes what our service starts with. It belongs to whom the volume belongs, and is written as the volume is.
ready() {
    local path=$inbox/$1
    [ -d "$path" ] || fail "$1 was not copied."
    case "$1" in
    postgres_data) ready_postgres ;;
    redis-data) ready_redis ;;
    chromadb-data) rm -f "$path/index-is-whole" ;;
    esac
    chown -R --no-dereference --reference="$disk/$1" "$path"
    chmod --reference="$disk/$1" "$path"
    case "$(lsattr -d "$disk/$1" | cut -d' ' -f1)" in
    *S*) find "$path" \( -type f -o -type d \) -exec chattr +S {} + ;;
    esac
}

# stop_all: no service runs, and Docker has none of these volumes mounted, so the next start finds what is there then.
stop_all() {
    local volume
    systemctl stop auren
    [ -z "$(docker ps --quiet --filter label=com.docker.compose.project=auren)" ] || fail "Not all services could be stopped."
    for volume in "$@"; do
        ! mountpoint -q "/var/lib/docker/volumes/$volume/_data" ||
            fail "Docker has the volume $volume mounted, though no container of AUREN has it. See: docker ps --filter volume=$volume"
    done
}

# put_in STAMP VOLUME…: all are away before the first one is there.
put_in() {
    local stamp=$1 volume
    shift
    for volume in "$@"; do
        [ ! -d "$inbox/$volume" ] || [ ! -d "$disk/$volume" ] || mv --no-target-directory "$disk/$volume" "$disk/$volume.before-$stamp"
    done
    sync --file-system "$disk"
    for volume in "$@"; do
        [ ! -d "$inbox/$volume" ] || mv --no-target-directory "$inbox/$volume" "$disk/$volume"
    done
    sync --file-system "$disk"
}

# put_out STAMP VOLUME…: where they were before. What was brought counts for the next copy again.
put_out() {
    local stamp=$1 volume
    shift
    for volume in "$@"; do
        [ -d "$disk/$volume.before-$stamp" ] || continue
        [ ! -d "$disk/$volume" ] || mv --no-target-directory "$disk/$volume" "$inbox/$volume"
        mv --no-target-directory "$disk/$volume.before-$stamp" "$disk/$volume"
    done
    sync --file-system "$disk"
}

# settle USER DATABASE: the administrator and the database are called `auren`, and no index is sorted as another system sorts. Nobody but this
# reaches the server, which runs in a container of its own.
settle() {
    local image memory
    read -r image memory < <(docker inspect --format '{{.Image}} {{.HostConfig.Memory}}' auren-postgres)
    docker rm --force "$settling" >/dev/null 2>&1 || true
    docker run --rm --interactive --name "$settling" --network none --memory "$memory" --shm-size 128m --user "$(stat -c %u:%g "$disk/postgres_data")" \
        --env PGDATA=/var/lib/postgresql/data --volume "$disk/postgres_data:/var/lib/postgresql/data" --entrypoint bash "$image" \
        -s -- "$1" "$2" >"$said" 2>&1 <<'SETTLE' || fail "The database could not be prepared: $(tail -n 4 "$said" | tr '\n' ' ')"
set -euo pipefail
user=$1 database=$2
export PGHOST=/tmp PGDATABASE=template1
echo "local all all trust" >/tmp/hba
pg_ctl --pgdata "$PGDATA" --silent --wait --timeout 600 --log /tmp/log -o "-c listen_addresses='' -c unix_socket_directories=/tmp \
    -c hba_file=/tmp/hba -c archive_mode=off -c shared_preload_libraries=''" start || { tail -n 5 /tmp/log >&2; exit 1; }
trap 'pg_ctl --pgdata "$PGDATA" --silent --wait --mode fast stop' EXIT
ask() { psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --set from="$user" --set base="$database" "$@"; }
has() { [ -n "$(ask --username "$user" <<<"$1")" ]; }
if has "SELECT 1 FROM pg_roles WHERE rolname = 'auren'"; then
    ask --username "$user" <<<'ALTER ROLE auren LOGIN SUPERUSER'
else
    # Nobody can rename the role that they are logged in as.
    ask --username "$user" <<<'CREATE ROLE auren_moving LOGIN SUPERUSER'
    ask --username auren_moving <<<'ALTER ROLE :"from" RENAME TO auren'
    ask --username auren <<<'DROP ROLE auren_moving'
    user=auren
fi
has "SELECT 1 FROM pg_database WHERE datname = 'auren'" || ask --username "$user" <<<'ALTER DATABASE :"base" RENAME TO auren'
if has "SELECT 1 WHERE current_setting('server_version_num')::int < 150000"; then
    reindexdb --quiet --username "$user" --all  # this release does not know how its databases are sorted
    exit
fi
for name in $(ask --username "$user" <<<"SELECT datname FROM pg_database WHERE datallowconn AND datcollate NOT IN ('C', 'POSIX')
    AND datcollversion IS DISTINCT FROM pg_database_collation_actual_version(oid)"); do
    reindexdb --quiet --username "$user" "$name"
    ask --username "$user" --set name="$name" <<<'ALTER DATABASE :"name" REFRESH COLLATION VERSION'
done
SETTLE
}

# place USER DATABASE VOLUME…
place() {
    local user=$1 database=$2 stamp volume name
    shift 2
    trap '' PIPE HUP  # whoever has asked may be gone
    alone
    [ ! -e "$placed" ] || fail "Data is in its place already. First: undo."
    without_backups
    for volume in "$@"; do
        ready "$volume"
    done
    stamp=$(date -u +%Y%m%dT%H%M%SZ)
    stop_all "$@"
    install -d -m 0755 "$memory"
    printf '%s\n' "$stamp" "$@" >"$placed.new"
    mv "$placed.new" "$placed"
    sync "$placed" "$memory"
    put_in "$stamp" "$@"
    [[ " $* " != *" postgres_data "* ]] || settle "$user" "$database"
    for name in "${stores[@]}"; do
        docker start "auren-$name" >"$said" 2>&1 || fail "auren-$name could not be started: $(tail -n 1 "$said")"
        becomes_healthy "auren-$name" $((SECONDS + patience)) || fail "auren-$name did not become healthy with what was moved: $(docker logs --tail 5 "auren-$name" 2>&1 | tr '\n' ' ')"
    done
}

count() {
    local store
    for store in "$@"; do
        case "$store" in
        postgres) count_postgres auren-postgres auren auren ;;
        redis) count_redis auren-redis ;;
        chromadb) count_chroma "$disk/chromadb-data/chroma.sqlite3" ;;
        kafka) count_kafka auren-kafka ;;
        esac
    done
}

# run_all: everything runs, and is healthy.
run_all() {
    local service
    systemctl start auren
    for service in "$services"/*/; do
        service=$(live "$(basename "$service")")
        docker inspect "auren-$service" >/dev/null 2>&1 || continue
        # Compose's own unit starts nothing that was stopped by hand.
        is_running "auren-$service" || docker start "auren-$service" >"$said" 2>&1 || fail "auren-$service could not be started: $(tail -n 1 "$said")"
    done
    for service in "$services"/*/; do
        service=$(live "$(basename "$service")")
        docker inspect "auren-$service" >/dev/null 2>&1 || continue
        becomes_healthy "auren-$service" $((SECONDS + patience)) || fail "auren-$service did not become healthy: $(docker logs --tail 5 "auren-$service" 2>&1 | tr '\n' ' ')"
    done
}

serve() {
    alone
    [ -e "$placed" ] || fail "No data is in its place."
    cat >"$memory/counts"
    echo "$1" >"$memory/from"
    run_all
    # The bucket has the backups of the database that was here before.
    [ ! -e /usr/local/sbin/auren-backup ] || docker exec auren-postgres pgbackrest stanza-upgrade >"$said" 2>&1 ||
        fail "The bucket of the backups does not take the database that was moved: $(tail -n 2 "$said" | tr '\n' ' ')"
    mv "$placed" "$served"
    sync "$memory"
}

undo() {
    local -a lines
    trap '' PIPE HUP
    alone 900
    docker rm --force "$settling" >/dev/null 2>&1 || true
    if [ -e "$placed" ]; then
        mapfile -t lines <"$placed"
        stop_all "${lines[@]:1}"
        put_out "${lines[@]}"
        rm "$placed"
    fi
    run_all
}

back() {
    alone
    [ -e "$served" ] || fail "This machine does not serve what was moved, so there is nothing to go back from."
    systemctl stop auren
}

rest() {
    alone
    [ ! -e "$served" ] || mv "$served" "$memory/left-$(head -n 1 "$served")"
    run_all
}

discard() {
    local file volume
    local -a lines
    alone
    [ ! -e "$placed" ] || fail "A switch is under way. Finish it first: move-in switch."
    for file in "$served" "$memory"/left-*; do
        [ -e "$file" ] || continue
        mapfile -t lines <"$file"
        for volume in "${lines[@]:1}"; do
            rm -rf "${disk:?}/$volume.before-${lines[0]}"
        done
    done
    rm -rf "$inbox" "$memory"
}

main() {
    local command=$1
    shift
    said=$(mktemp)
    trap 'rm -f "$said"' EXIT
    case "$command" in
    look) look "$@" ;;
    key) key "$@" ;;
    forget) forget ;;
    pull) pull "$@" ;;
    place) place "$@" ;;
    count) count "$@" ;;
    serve) serve "$@" ;;
    since) cat "$memory/counts" ;;
    undo) undo ;;
    back) back ;;
    rest) rest ;;
    discard) discard ;;
    *) fail "There is no command $command." ;;
    esac
}

main "$@"; exit
