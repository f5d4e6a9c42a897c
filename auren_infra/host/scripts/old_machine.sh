#!/usr/bin/env bash
# old_machine COMMAND …: on the machine that a stack's data comes from (`python -m auren_infra move-in`). It needs Docker, systemd, python3 and
# rsync there, and leaves everything as it was but what `stop-writers` and `stop-stores` stop. A STORE=CONTAINER names a container that holds a store.
#   look [STORE=CONTAINER…]          what there is, in lines of words with tabs between. Nothing is changed.
#   count STORE=CONTAINER…           what the stores hold
#   allow ADDRESS TYPE KEY VOLUME=PATH…
#                                    this key may read those directories, from there, for half a day, and nothing else
#   forbid                           no longer
#   stop-writers SECONDS STORE=CONTAINER… < THIS SCRIPT
#                                    all that may write is stopped. After SECONDS everything is started again, if nobody says anything else
#   stop-stores STORE=CONTAINER…     the stores have ended in order, with all that they hold on the disk
#   hand-over                        another machine serves: nothing is started by itself any more
#   start [by-itself]                all that was stopped runs again
# shellcheck disable=SC2329 # functions that are called by their names
set -euo pipefail

source counting.sh

memory=/var/lib/auren-move-in
stopped=$memory/stopped  # what ran: a line for each, `store` or `writer`, its name, and when Docker starts it by itself
handed=$memory/handed-over
looked=$memory/looked  # what `look` found before anything was stopped
place=/run/auren-move-in
keys=/root/.ssh/authorized_keys
mark=auren-move-in  # the comment of the key
back=auren-move-in-return
declare -A container=()

fail() {
    echo "$*" >&2
    exit 1
}

# tell WORD…: a line of words with tabs between.
tell() {
    local IFS=$tab
    printf '%s\n' "$*"
}

take_stores() {
    local word
    for word in "$@"; do
        container[${word%%=*}]=${word#*=}
    done
}

# named CONTAINER: its image without registry and tag, its own name, and that of its service.
named() {
    docker inspect --format '{{.Config.Image}} {{.Name}} {{index .Config.Labels "com.docker.compose.service"}}' "$1"
}

# candidates PATTERN: the running containers whose image has such a name; if there are none, those that have it themselves.
candidates() {
    local ids id image own service
    ids=$(docker ps --quiet)
    for id in $ids; do
        read -r image own service < <(named "$id")
        image=${image%%@*} image=${image##*/}
        if grep -qxE -- "$1" <<<"${image%%:*}"; then
            echo "image ${own#/}"
        elif grep -qxE -- "$1" <<<"${service:-${own#/}}"; then
            echo "name ${own#/}"
        fi
    done | sort | awk 'NR == 1 { kind = $1 } $1 == kind { print $2 }'
}

patterns() {
    cat <<'TEXT'
postgres postgres|postgresql|postgis|pgvector|timescaledb|timescaledb-ha
redis redis|redis-stack|redis-stack-server
chromadb chroma|chromadb
kafka kafka|cp-kafka|cp-server
zookeeper zookeeper|cp-zookeeper
TEXT
}

find_stores() {
    local store pattern
    local -a found
    while read -r store pattern <&3; do
        [ -z "${container[$store]:-}" ] || continue
        mapfile -t found < <(candidates "$pattern")
        if [ "${#found[@]}" -eq 1 ]; then
            container[$store]=${found[0]}
        else
            tell missing "$store" "${found[*]:-}"
        fi
    done 3< <(patterns)
}

# on_disk CONTAINER PATH: where the container's directory is on this machine, or nothing when it is in the container itself.
on_disk() {
    docker inspect --format '{{range .Mounts}}{{println .Destination .Source}}{{end}}' "$1" |
        awk -v path="$2" 'NF == 2 && (path == $1 || index(path, $1 "/") == 1) && length($1) > length(best) { best = $1; source = $2 }
            END { if (best != "") print source substr(path, length(best) + 1) }'
}

# with_file CONTAINER NAME: the directories of this machine that the container has and that hold such a file, at most two levels below.
with_file() {
    local source
    docker inspect --format '{{range .Mounts}}{{println .Source}}{{end}}' "$1" | while read -r source; do
        [ ! -d "$source" ] || find "$source" -maxdepth 3 -name "$2" -printf '%h\n'
    done | sort -u
}

# tell_volume VOLUME PATH: it takes so much room.
tell_volume() {
    [ -d "$2" ] || return 0
    tell volume "$1" "$2" $(($(du -sk "$2" | cut -f1) * 1024))
}

look_postgres() {
    local name=$1 user database data
    user=$(docker exec "$name" sh -c 'echo "${POSTGRES_USER:-${POSTGRESQL_USERNAME:-postgres}}"')
    database=$(docker exec "$name" sh -c 'echo "${POSTGRES_DB:-${POSTGRESQL_DATABASE:-${POSTGRES_USER:-postgres}}}"')
    data=$(psql_in "$name" "$user" "$database" <<<'SHOW data_directory')
    tell fact postgres.user "$user"
    tell fact postgres.database "$database"
    tell fact postgres.version "$(psql_in "$name" "$user" "$database" <<<"SELECT current_setting('server_version_num')::int / 10000")"
    tell fact postgres.uid "$(docker exec "$name" stat -c %u "$data")"
    tell fact postgres.tablespaces "$(psql_in "$name" "$user" "$database" <<<"SELECT count(*) FROM pg_tablespace WHERE spcname !~ '^pg_'")"
    tell fact postgres.superuser "$(psql_in "$name" "$user" "$database" <<<'SELECT rolname FROM pg_roles WHERE oid = 10')"
    tell fact postgres.extensions "$(psql_in "$name" "$user" "$database" <<<"SELECT coalesce(string_agg(extname, ','), '') FROM pg_extension")"
    tell fact postgres.roles "$(psql_in "$name" "$user" "$database" <<<"SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE rolname !~ '^pg_'")"
    tell fact postgres.databases "$(psql_in "$name" "$user" "$database" <<<'SELECT string_agg(datname, $$,$$ ORDER BY datname) FROM pg_database WHERE NOT datistemplate')"
    tell_volume postgres_data "$(on_disk "$name" "$data")"
    count_postgres "$name" "$user" "$database"
}

look_redis() {
    local data
    data=$(redis_in "$1" CONFIG GET dir | sed -n 2p)
    tell fact redis.version "$(redis_release "$1")"
    tell fact redis.file "$(redis_in "$1" CONFIG GET dbfilename | sed -n 2p)"
    tell_volume redis-data "$(on_disk "$1" "$data")"
    count_redis "$1"
}

look_chromadb() {
    local data
    data=$(with_file "$1" chroma.sqlite3 | head -n 1)
    [ -n "$data" ] || return 0
    tell fact chromadb.version "$(chroma_format "$data/chroma.sqlite3")"
    tell_volume chromadb-data "$data"
    count_chroma "$data/chroma.sqlite3"
}

look_kafka() {
    local data
    data=$(with_file "$1" meta.properties | head -n 1)
    tell fact kafka.version "$(kafka_release "$1")"
    [ -n "$data" ] || return 0
    tell fact kafka.broker "$(sed -n 's/^broker\.id=//p' "$data/meta.properties")"
    tell_volume kafka-data "$data"
    count_kafka "$1"
}

look_zookeeper() {
    local data log
    data=$(with_file "$1" 'snapshot.*' | grep '/version-2$' | head -n 1 || true)
    log=$(with_file "$1" 'log.*' | grep '/version-2$' | head -n 1 || true)
    [ -z "$data" ] || tell_volume zookeeper-data "${data%/version-2}"
    [ -z "$log" ] || tell_volume zookeeper-log "${log%/version-2}"
}

# others: a line for each running container that holds no store: `writer` when it is of the same project or in a network of a store.
others() {
    local store name project networks line id ids
    local -A known=() near=()
    for store in "${!container[@]}"; do
        name=${container[$store]}
        known[$name]=yes
        project=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.project"}}' "$name")
        [ -z "$project" ] || near["project $project"]=yes
        for line in $(docker inspect --format '{{range $name, $_ := .NetworkSettings.Networks}}{{println $name}}{{end}}' "$name"); do
            near["network $line"]=yes
        done
    done
    ids=$(docker ps --quiet)
    for id in $ids; do
        name=$(docker inspect --format '{{.Name}}' "$id")
        name=${name#/}
        [ -z "${known[$name]:-}" ] || continue
        project=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.project"}}' "$id")
        networks=$(docker inspect --format '{{range $name, $_ := .NetworkSettings.Networks}}{{println $name}}{{end}}' "$id")
        line=other
        [ -z "$project" ] || [ -z "${near["project $project"]:-}" ] || line=writer
        for project in $networks; do
            [ -z "${near["network $project"]:-}" ] || line=writer
        done
        tell "$line" "$name"
    done
}

look() {
    local program key
    for program in docker python3 rsync systemd-run flock; do
        command -v "$program" >/dev/null || tell lacks "$program"
    done
    command -v docker >/dev/null && command -v python3 >/dev/null || return 0
    for key in /etc/ssh/ssh_host_ed25519_key.pub /etc/ssh/ssh_host_ecdsa_key.pub /etc/ssh/ssh_host_rsa_key.pub; do
        if [ -r "$key" ]; then
            tell host-key "$(cut -d' ' -f1,2 "$key")"
            break
        fi
    done
    if [ -e "$stopped" ]; then
        tell state "$([ -e "$handed" ] && echo handed-over || echo stopped)"
        tell since "$(stat -c %Y "$stopped")"
        cat "$looked"
    else
        look_around
    fi
}

look_around() {
    local store
    find_stores
    for store in postgres redis chromadb kafka zookeeper; do
        [ -n "${container[$store]:-}" ] || continue
        docker inspect "${container[$store]}" >/dev/null 2>&1 || { tell missing "$store" ""; continue; }
        tell store "$store" "${container[$store]}" "$(docker inspect --format '{{.Config.Image}}' "${container[$store]}")"
    done
    others
    for store in postgres redis chromadb kafka zookeeper; do
        [ -z "${container[$store]:-}" ] || "look_$store" "${container[$store]}"
    done
}

count() {
    local user
    if [ -n "${container[postgres]:-}" ]; then
        user=$(docker exec "${container[postgres]}" sh -c 'echo "${POSTGRES_USER:-${POSTGRESQL_USERNAME:-postgres}}"')
        count_postgres "${container[postgres]}" "$user" postgres
    fi
    [ -z "${container[redis]:-}" ] || count_redis "${container[redis]}"
    [ -z "${container[chromadb]:-}" ] || count_chroma "$(with_file "${container[chromadb]}" chroma.sqlite3 | head -n 1)/chroma.sqlite3"
    [ -z "${container[kafka]:-}" ] || count_kafka "${container[kafka]}"
}

# without_key: the keys of before.
without_key() {
    [ -e "$keys" ] || return 0
    (umask 077; grep -v " $mark\$" "$keys" >"$keys.$mark" || true)
    chmod --reference="$keys" "$keys.$mark"
    chown --reference="$keys" "$keys.$mark"
    mv "$keys.$mark" "$keys"
}

# allow ADDRESS TYPE KEY VOLUME=PATH…: whoever has the key gets rsync's reading side on one of the directories, whatever they ask for.
allow() {
    local address=$1 type=$2 key=$3
    shift 3
    install -d -m 0700 "$place" "${keys%/*}"
    printf '%s\n' "$@" >"$place/volumes"
    cat >"$place/serve" <<'SERVE'
set -euo pipefail
asked='^rsync --server --sender (-[A-Za-z.]+)(( --(numeric-ids|timeout=[0-9]+))*) \. ([a-z_-]+)/$'
[[ ${SSH_ORIGINAL_COMMAND:-} =~ $asked ]] || { echo "This key may only read what is moved." >&2; exit 1; }
path=$(sed -n "s/^${BASH_REMATCH[5]}=//p" /run/auren-move-in/volumes)
[ -n "$path" ] || { echo "There is no such volume." >&2; exit 1; }
# shellcheck disable=SC2086 # words
exec rsync --server --sender ${BASH_REMATCH[1]} ${BASH_REMATCH[2]} . "$path/"
SERVE
    without_key
    touch "$keys"
    [ -z "$(tail -c 1 "$keys")" ] || echo >>"$keys"
    chmod go-w "$keys"
    printf 'restrict,expiry-time="%s",from="%s",command="bash %s/serve" %s %s %s\n' \
        "$(date -d '12 hours' +%Y%m%d%H%M)" "$address" "$place" "$type" "$key" "$mark" >>"$keys"
}

forbid() {
    without_key
    rm -rf "$place"
}

is_running() {
    [ "$(docker inspect --format '{{.State.Running}}' "$1" 2>/dev/null)" = true ]
}

# alone: nobody stops or starts here meanwhile.
alone() {
    exec 9>/run/lock/auren-move-in
    flock --wait 600 9 || fail "Another move stops or starts the services here, and has not ended within ten minutes."
}

policy_of() {
    docker inspect --format '{{.HostConfig.RestartPolicy.Name}}{{with .HostConfig.RestartPolicy.MaximumRetryCount}}:{{.}}{{end}}' "$1"
}

note_what_runs() {
    local store kind name
    look_around >"$looked"
    for store in postgres redis chromadb zookeeper kafka; do
        [ -z "${container[$store]:-}" ] || echo "store ${container[$store]} $(policy_of "${container[$store]}")"
    done >"$stopped.new"
    others | while IFS=$tab read -r kind name; do
        [ "$kind" = other ] || echo "writer $name $(policy_of "$name")"
    done >>"$stopped.new"
    mv "$stopped.new" "$stopped"
    sync "$stopped"
}

# listed KIND: the names of those that ran.
listed() {
    awk -v kind="$1" '$1 == kind { print $2 }' "$stopped"
}

# stop-writers SECONDS STORE=CONTAINER…
stop_writers() {
    local seconds=$1
    local -a writers clients
    shift
    install -d -m 0700 "$memory"
    cat >"$memory/program"
    take_stores "$@"
    alone
    [ ! -e "$handed" ] || fail "This machine has been handed over already. To go back to it: move-in back."
    [ -e "$stopped" ] || note_what_runs
    systemctl stop "$back.timer" 2>/dev/null || true
    # What was started for an earlier timer may be at work.
    [ -e "$stopped" ] || fail "This machine was started again by itself just now. Try again."
    systemd-run --quiet --collect --unit="$back" --on-active="$seconds" --timer-property=AccuracySec=1s bash "$memory/program" start by-itself
    mapfile -t writers < <(listed writer)
    [ "${#writers[@]}" -eq 0 ] || docker stop -t 30 "${writers[@]}" >/dev/null
    [ -n "${container[postgres]:-}" ] && is_running "${container[postgres]}" || return 0
    mapfile -t clients < <(psql_in "${container[postgres]}" "$(docker exec "${container[postgres]}" sh -c 'echo "${POSTGRES_USER:-${POSTGRESQL_USERNAME:-postgres}}"')" postgres <<<"
        SELECT DISTINCT format('%s as %s', coalesce(host(client_addr), 'this machine'), usename) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
    [ "${#clients[@]}" -eq 0 ] || fail "All containers that are known to write are stopped, and PostgreSQL still has clients: ${clients[*]}. End them, and try again."
}

# stop-stores STORE=CONTAINER…: Redis saves all first, in one file that every Redis reads.
stop_stores() {
    local store name code said
    take_stores "$@"
    alone
    [ -e "$stopped" ] && [ ! -e "$handed" ] || fail "The writers run, so the stores are not stopped."
    if [ -n "${container[redis]:-}" ] && is_running "${container[redis]}"; then
        said=$(redis_in "${container[redis]}" SAVE)
        [ "$said" = OK ] || fail "Redis does not save its data: $said"
    fi
    for store in kafka zookeeper chromadb redis postgres; do
        name=${container[$store]:-}
        [ -n "$name" ] || continue
        is_running "$name" || continue
        docker stop -t 120 "$name" >/dev/null
        code=$(docker inspect --format '{{.State.ExitCode}}' "$name")
        # Killed: it may not have written all that it has.
        [ "$code" -ne 137 ] || [ "$store" = chromadb ] || fail "$name did not end within two minutes, and was killed."
    done
    sync
}

# answers CONTAINER: it runs, and is healthy if it can tell.
answers() {
    [[ $(docker inspect --format '{{.State.Running}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' "$1") =~ ^true( healthy)?\ ?$ ]]
}

# wait_for NAME…: two minutes at most. Who cannot be waited for is started all the same.
wait_for() {
    local name deadline=$((SECONDS + 120))
    for name in "$@"; do
        until answers "$name" || [ "$SECONDS" -ge "$deadline" ]; do
            sleep 1
        done
    done
}

start() {
    local name policy
    local -a stores writers waited=()
    alone
    if [ ! -e "$stopped" ] || { [ "${1:-}" = by-itself ] && [ -e "$handed" ]; }; then
        return 0
    fi
    mapfile -t stores < <(listed store)
    mapfile -t writers < <(listed writer)
    while read -r _ name policy; do
        [ ! -e "$handed" ] || docker update --restart="$policy" "$name" >/dev/null
    done <"$stopped"
    for name in "${stores[@]}"; do
        docker start "$name" >/dev/null
        # Kafka ends when ZooKeeper is not there, and PostgreSQL may have to recover.
        wait_for "$name"
    done
    [ "${#writers[@]}" -eq 0 ] || docker start "${writers[@]}" >/dev/null
    wait_for "${writers[@]}"
    for name in "${stores[@]}" "${writers[@]}"; do
        answers "$name" || waited+=("$name")
    done
    rm -f "$stopped" "$handed"
    [ "${1:-}" = by-itself ] || systemctl stop "$back.timer" 2>/dev/null || true
    [ "${#waited[@]}" -eq 0 ] || fail "Everything was started again, and these are not healthy after two minutes: ${waited[*]}."
}

# hand-over: from here on, this machine serves only when somebody says so.
hand_over() {
    local name
    alone
    [ -e "$stopped" ] || fail "This machine was started again by itself: the time of the window is over."
    systemctl stop "$back.timer" 2>/dev/null || true
    while read -r _ name _; do
        ! is_running "$name" || fail "$name runs again on the old machine, so it is not handed over."
    done <"$stopped"
    touch "$handed"
    sync "$handed"
    while read -r _ name _; do
        docker update --restart=no "$name" >/dev/null
    done <"$stopped"
}

main() {
    local command=$1
    shift
    case "$command" in
    look) take_stores "$@"; look ;;
    count) take_stores "$@"; count ;;
    allow) allow "$@" ;;
    forbid) forbid ;;
    stop-writers) stop_writers "$@" ;;
    stop-stores) stop_stores "$@" ;;
    hand-over) hand_over ;;
    start) start "$@" ;;
    *) fail "There is no command $command." ;;
    esac
}

main "$@"; exit
