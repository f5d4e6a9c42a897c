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
held=$memory/held  # the name of the bucket, then a line for each backup and copy that it had: NAME TIME
retention=/usr/local/lib/auren/retention  # DAYS WEEKS MONTHS: for how long backups and copies are kept
unfinished=$memory/restoring  # there while a restore by auren-restore is not over
restoring=auren-postgres-restore  # the container that restores
setting=auren:backups given=backup  # what names the bucket that is asked, and how the names of its secrets begin

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

# asks_elsewhere: the bucket that is asked is another stack's.
asks_elsewhere() {
    setting=auren:restoreFrom given=restore
}

# read_target TARGET [--as-of TIME]: sets the words for postgres-restore, and those for pgBackRest.
read_target() {
    local time
    target=$1 as_of="" words=(latest) past=() past_words=()
    if [ "$1" != latest ]; then
        time=$(at "$1")
        words=(time "$time")
    fi
    shift
    [ $# -gt 0 ] || return 0
    [ "$1" = --as-of ] && [ $# -eq 2 ] || fail "$usage"
    as_of=$2 time=$(at "$2")
    past_words=(--as-of "$time")
    words+=("${past_words[@]}")
    past=(--repo=1 "--repo-target-time=$time")
}

# restore_only LABEL: the words for postgres-restore are those for the moment at which this backup ended.
restore_only() {
    words=(backup "$1" "${past_words[@]}")
}

# choose: sets the backup that the target is restored from: its `label`, its end in seconds since 1970, and its `bytes`. `only` is its label as
# well if the log behind it is not kept, so that it is restored as it is.
choose() {
    local wanted stop next
    wanted=$(date +%s) only=""
    [ "$target" = latest ] || wanted=$(date -u -d "$target" +%s)
    ask "${past[@]}"
    read -r label ended bytes < <(backups | awk -v wanted="$wanted" '$2 <= wanted { found = $0 } END { print found }') || true
    [ -n "$label" ] || fail "There is no backup in the bucket${as_of:+ of $as_of}$([ "$target" = latest ] || echo " from before $target")." \
        "auren-backup list shows what there is."
    [ "$target" != latest ] || return 0
    stop=$(sed 's/},{"archive"/\n/g' "$work/info" | sed -n "s/.*\"stop\":\"\([0-9A-F]\{24\}\)\".*\"label\":\"$label\".*/\1/p")
    [ -n "$stop" ] || fail "The list of the backups does not say which log (WAL) $label needs."
    next=$((16#${stop:8:8} * 256 + 16#${stop:16:8} + 1))  # each file of the log has 256 segments
    printf -v next '%08X%08X' $((next / 256)) $((next % 256))
    list_log
    awk -v behind="$next" '{ name = substr($1, 9) } name == behind { found = 1 } name > behind { later = 1 } END { exit found || !later }' \
        "$work/log" || return 0
    [ "$wanted" -eq "$ended" ] || fail "The log (WAL) of $target is not in the bucket any more. Only the moments at which a backup ended can be" \
        "restored there. The last one before it is $(moment "$ended"); auren-backup list shows all."
    only=$label
    restore_only "$label"
}

# list_log: a line in $work/log for each segment of the log (WAL) in the bucket: NAME TIME. TIME is when it was archived, in seconds since 1970.
list_log() {
    asked repo-ls archive/auren --recurse --output=json --io-timeout=10 "${past[@]}" >"$work/wal" || fail "$(reason)"
    sed 's/},/&\n/g' "$work/wal" | sed -n 's|.*/\([0-9A-F]\{24\}\)-[^"]*":{.*"time":\([0-9]*\).*|\1 \2|p' >"$work/log"
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
    expire_backups
    echo "$label: a backup ($kind) of $((bytes / 1048576)) MB of data, listed in the bucket" || true
}

# oldest_kept: from this time on, everything is kept. It is written as in the names of copies.
oldest_kept() {
    read_retention
    date -u -d "$days days ago" +%Y%m%dT%H%M%SZ
}

read_retention() {
    { read -r days weeks months <"$retention" && [[ "$days $weeks $months" =~ ^[1-9][0-9]*\ [0-9]+\ [0-9]+$ ]]; } 2>/dev/null ||
        fail "$retention does not say for how long backups are kept. Run pulumi up."
}

# keep: of the lines on stdin, which begin with a time, the oldest first, those that are kept: those of the last DAYS, the one before them, and the
# last one of each week and of each month. A week begins on Monday. The current week and month count.
keep() {
    local oldest week month
    read_retention
    oldest=$(oldest_kept)
    week=$(date -u -d "$((1 - weeks)) weeks" +w%G%V)
    month=$(date -u -d "$(date -u +%Y-%m-01) $((1 - months)) months" +m%Y%m)
    cat >"$work/lines"
    cut -c1-8 "$work/lines" | date -u -f - '+w%G%V m%Y%m' >"$work/periods"
    awk -v oldest="$oldest" -v week="$week" -v month="$month" '
        NR == FNR { of_week[FNR] = $1; of_month[FNR] = $2; last[$1] = FNR; last[$2] = FNR; next }
        { line[FNR] = $0; time[FNR] = $1; n = FNR; if ($1 < oldest) before = FNR }
        function is_last(period, first, i) { return period >= first && last[period] == i }
        END {
            for (i = 1; i <= n; i++)
                if (time[i] >= oldest || i == before || is_last(of_week[i], week, i) || is_last(of_month[i], month, i)) print line[i]
        }
    ' "$work/periods" "$work/lines"
}

# expire_backups: of the full ones, those go that are not kept. One that is kept for a week or a month has no later ones that build on it, and
# of the WAL behind it only what it needs.
expire_backups() {
    local label whole oldest
    oldest=$(oldest_kept)
    ask
    backups | awk '$1 ~ /F$/ { print "@" $2 }' | date -u -f - +%Y%m%dT%H%M%SZ >"$work/times"
    backups | awk '$1 ~ /F$/ { print $1 }' | paste -d ' ' "$work/times" - | keep >"$work/kept"
    # Those of the last days, with the one before them.
    whole=$(awk -v oldest="$oldest" '$1 >= oldest { n++ } $1 < oldest { before = 1 } END { print n + before }' "$work/kept")
    tail -n "$whole" "$work/kept" | cut -d' ' -f2 >"$work/whole"
    while read -r label <&3; do
        forget "$label"
        backrest expire --set="$label" || fail "The old backup $label cannot be removed from the bucket. $(reason)"
    done 3< <(backups | awk '
        FILENAME == ARGV[1] { kept[$2]; next }
        FILENAME == ARGV[2] { whole[$1]; next }
        { full = substr($1, 1, 16) }
        !(full in kept) || ($1 != full && !(full in whole)) { print $1 }
    ' "$work/kept" "$work/whole" - | sort -r)
    backrest expire --repo1-retention-archive="$whole" || fail "The old log (WAL) cannot be removed from the bucket. $(reason)"
}

# forget NAME: before it is removed. It is not missed in the bucket from now on.
forget() {
    [ ! -e "$held" ] || { awk -v name="$1" 'NR == 1 || $1 != name' "$held" >"$held.new" && mv "$held.new" "$held"; }
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
    if found 'of auren:sqlAnonymise'; then
        grep -a 'of auren:sqlAnonymise' "$said" | tail -n 1
    elif found 'RequestTimeTooSkewed'; then
        echo "The bucket refuses this machine because its clock is wrong: \`timedatectl\` shows it."
    elif found "$wrong_key"; then
        echo "The bucket refuses the key of this machine. Run pulumi up, which brings the key here. Of a bucket that the program did not make, set" \
            "the right key before: $given-key-id and $given-key-secret in auren:secrets."
    elif found "$no_right"; then
        echo "There is no such bucket, or the key of this machine has no right to it. See $setting."
    elif found 'HostConnectError|unable to (connect|get address)|timeout (connecting|waiting)'; then
        echo "The bucket cannot be reached from this machine."
    elif found 'unable to verify certificate'; then
        echo "The bucket's server has no certificate that this machine trusts."
    elif found "$wrong_passphrase"; then
        echo "The backups in the bucket have another passphrase. Give the one that they were made with: $given-passphrase in auren:secrets."
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
