#!/usr/bin/env bash
# backups: what auren-backup and auren-restore have in common. They source it, set `usage`, and call `begin` first.
# shellcheck disable=SC2034,SC2119,SC2120,SC2154 # both ways, for and by those that source this
set -euo pipefail

source releases.sh
source running.sh

service=postgres
directory=$services/$service
container=auren-$service
release=current  # or releases/ID, at the first start
disk=/mnt/auren-data
volume=$disk/postgres_data
memory=/var/lib/auren/backup
unfinished=$memory/restoring  # there while a restore by auren-restore is not over
restoring=auren-postgres-restore  # the container that restores

begin() {
    work=$(mktemp -d) said=$work/said
    trap 'rm -rf "$work"' EXIT
    install -d -m 0755 "$memory"
}

# alone: no other drill or restore runs until this script has ended. The container of one that was cut is removed.
alone() {
    exec 8>/run/lock/auren-backup
    flock --nonblock 8 || fail "A drill or a restore is under way. Try again when it has ended."
    docker rm --force "$restoring" >/dev/null 2>&1 || true
}

# make DIRECTORY…: as the volume is, PostgreSQL's own.
make() {
    local owner
    owner=$(stat -c %u:%g "$volume")
    install -d -m 0700 -o "${owner%:*}" -g "${owner#*:}" "$@"
}

# at TIME: as PostgreSQL writes it.
at() {
    local time
    if ! [[ $1 =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$ ]] || ! time=$(date -u -d "$1" '+%Y-%m-%d %H:%M:%S+00' 2>/dev/null); then
        fail "$1 is no time. Write it like this, in UTC: 2026-11-27T01:00:00Z"
    fi
    echo "$time"
}

# moment SECONDS: the time so many seconds after 1970.
moment() {
    date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ
}

# read_target TARGET [--as-of TIME]: sets the words for postgres-restore, and those for pgBackRest.
read_target() {
    local time
    target=$1 as_of="" words=(latest) past=()
    if [ "$1" != latest ]; then
        time=$(at "$1")
        words=(time "$time")
    fi
    shift
    [ $# -gt 0 ] || return 0
    [ "$1" = --as-of ] && [ $# -eq 2 ] || fail "$usage"
    as_of=$2 time=$(at "$2")
    words+=(--as-of "$time")
    past=(--repo=1 "--repo-target-time=$time")
}

# beside OPTION…: runs a container like the database's, without its data, and with the memory of a drill.
beside() {
    compose "$directory/$release/compose.yml" --profile restore run --rm --no-deps --no-TTY "$@" 2>"$said" </dev/null
}

# restore_into DIRECTORY WORD…: prints what the restored database holds.
restore_into() {
    beside --name "$restoring" --volume "$1:/var/lib/postgresql/data" postgres-restore "${@:2}"
}

# inside COMMAND…: in the database's container.
inside() {
    docker exec --interactive "$container" "$@" 2>"$said"
}

# backrest WORD…: pgBackRest in the database's container.
backrest() {
    docker exec "$container" pgbackrest "$@" >"$said" 2>&1
}

sql() {
    inside psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --username auren --dbname auren
}

# in_image PROGRAM WORD…: in the database's container, or in one like it, with the bucket alone.
in_image() {
    if [ "$(docker inspect --format '{{.State.Status}}' "$container" 2>/dev/null)" = running ]; then
        inside "$@" </dev/null
    elif is_running "$restoring"; then
        docker exec "$restoring" "$@" 2>"$said"  # its address is taken
    else
        beside --entrypoint "$1" postgres-restore "${@:2}"
    fi
}

# asked WORD…: pgBackRest on the bucket alone. It goes without the database, too.
asked() {
    in_image pgbackrest "$@"
}

live_found() {
    inside bash /etc/auren/postgres-restore.sh found
}

# what_of FILE: what postgres-restore has found, in words.
what_of() {
    sed -n 's/.*"rows" : \([0-9]*\), "tables" : \([0-9]*\),.*/\1 rows in \2 tables/p' "$1"
}

# ask WORD…: what is in the bucket, in pgBackRest's JSON, in $work/info. pgBackRest ends with 0 whatever it found.
ask() {
    asked info --output=json --io-timeout=10 "$@" >"$work/info" || fail "$(reason)"
    if grep -aq '"code":99' "$work/info"; then
        mv "$work/info" "$said"
        fail "$(reason)"
    fi
}

# backups: a line for each that `ask` has found, the oldest first: LABEL END BYTES. END is in seconds since 1970.
backups() {
    sed 's/},{"archive"/\n/g' "$work/info" | sed -n \
        's/.*"size":\([0-9]*\)},"label":"\([0-9A-Z_-]*\)".*"timestamp":{"start":[0-9]*,"stop":\([0-9]*\)}.*/\2 \3 \1/p'
}

# free: the bytes that are free on the data disk.
free() {
    echo $(($(df --output=avail -k "$disk" | tail -n 1) * 1024))
}

# megabytes DIRECTORY: that it takes.
megabytes() {
    echo $(($(du -sk "$1" | cut -f1) / 1024))
}

# largest BYTES: in MB, the larger one of a backup with so many bytes and of the database of now. The log leads from the one to the other.
largest() {
    local now then=$(($1 / 1048576))
    now=$(megabytes "$volume")
    echo $((now > then ? now : then))
}

# back_up [full]: a full one if the newest is older than a week, else what has changed since then. A backup counts when it is listed in the
# bucket.
back_up() {
    local kind=${1:-diff} before full label bytes
    ask
    before=$(backups | tail -n 1)
    full=$(backups | awk '$1 ~ /F$/ { end = $2 } END { print end + 0 }')
    [ $(($(date +%s) - full)) -lt 604800 ] || kind=full
    backrest backup --type="$kind" || fail "No backup was made. $(reason)"
    ask
    read -r label _ bytes < <(backups | tail -n 1) || true
    [ -n "${label:-}" ] && [ "$label" != "${before%% *}" ] || fail "A backup was made, but the bucket does not list it."
    echo "$label: a backup ($kind) of $((bytes / 1048576)) MB of data, listed in the bucket" || true
}

# make_ready: the archive knows this database, and a segment arrives there. The sentinel has a table.
make_ready() {
    sql <<<'CREATE SCHEMA IF NOT EXISTS auren_backup;
        CREATE TABLE IF NOT EXISTS auren_backup.sentinel
            (id boolean PRIMARY KEY DEFAULT true CHECK (id), moment timestamptz NOT NULL);' || fail "$(reason)"
    write_sentinel
    if ! backrest stanza-create; then
        found "$other_database" || fail "$(reason)"
        ask
        [ -z "$(backups)" ] || fail "The bucket holds the backups of another database. Name another bucket in auren:backups." \
            "If it is this database's, which a newer PostgreSQL runs now: docker exec $container pgbackrest stanza-upgrade"
        # Of that one there was never a backup.
        backrest stanza-upgrade || fail "$(reason)"
    fi
    backrest check || fail "No WAL arrives in the bucket. $(reason)"
}

write_sentinel() {
    sql <<<'INSERT INTO auren_backup.sentinel (moment) VALUES (now()) ON CONFLICT (id) DO UPDATE SET moment = now()' || fail "$(reason)"
}

# What the bucket says, or pgBackRest of what it reads there.
wrong_key='InvalidAccessKeyId|SignatureDoesNotMatch'
no_right='AccessDenied|NoSuchBucket'
wrong_passphrase='key/value found outside of section|cipher header|unable to load cipher'
other_database='do not match the database'

# found WORDS: whether they were said. A wrong passphrase makes pgBackRest say what is no text.
found() {
    grep -aqE "$1" "$said"
}

# reason: why pgBackRest or PostgreSQL failed, in one sentence, from what was said. Else the last that was said.
reason() {
    if found 'RequestTimeTooSkewed'; then
        echo "The bucket refuses this machine because its clock is wrong: \`timedatectl\` shows it."
    elif found "$wrong_key"; then
        echo "The bucket refuses the key of this machine. Run pulumi up, which brings the key here."
    elif found "$no_right"; then
        echo "There is no such bucket, or the key of this machine has no right to it. See auren:backups."
    elif found 'HostConnectError|unable to (connect|get address)|timeout (connecting|waiting)'; then
        echo "The bucket cannot be reached from this machine."
    elif found 'unable to verify certificate'; then
        echo "The bucket's server has no certificate that this machine trusts."
    elif found "$wrong_passphrase"; then
        echo "The backups in the bucket have another passphrase. Give the one that they were made with: backup-passphrase in auren:secrets."
    elif found 'no backup set found|missing stanza path|no valid backups'; then
        echo "There is no such backup in the bucket. \`auren-backup list\` shows those that there are."
    elif found 'checksum|corrupt'; then
        echo "A file of the backup$(sed -n 's/.*restore backup set \([0-9A-Z_-]*\).*/ \1/p' "$said") in the bucket is damaged." \
            "An earlier one may be whole: take a time before it, or --as-of."
    elif [ ! -s "$said" ]; then
        echo "It was ended, and has said nothing."
    elif found 'unable to acquire lock'; then
        echo "A backup is under way already. Try again when it has ended."
    else
        tail -n 3 "$said" | tr -s ' \n' ' ' | sed 's/ $//'
    fi
}
