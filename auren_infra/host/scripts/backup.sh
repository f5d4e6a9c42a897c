#!/usr/bin/env bash
# auren-backup COMMAND: the backups of PostgreSQL, and copies of the other stores, in the bucket that auren:backups names.
#   run [full]             makes a backup now, a copy of each other store, and archives of the releases and of nginx's logs
#   list [--as-of TIME]    what is in the bucket, in pgBackRest's JSON; with a TIME, what was there then
#   copies [--as-of TIME]  the copies that are there: SERVICE, VOLUME, TIME, BYTES in a line, with tabs. A store without one has the first two.
#   archives [--as-of TIME]
#                          the archives that are there: `machine`, NAME, TIME, BYTES in a line, with tabs
#   fetch NAME TIME [--as-of TIME]
#                          one of these archives, of gzip, in base64
#   drill [LENDER…]        restores beside the database, and compares; then tries the copies of the stores. The containers of the LENDERs are stopped meanwhile: it needs their
#                          memory. Its result is in /var/lib/auren/backup/drill.json, and for a monitoring in /var/lib/auren/metrics.
#   log                    how many seconds ago the newest WAL segment has arrived in the bucket; behind it, in a line of its own, which one
#                          is missing there since the newest backup
#   lost                   which backups and copies the bucket had, and should still have: NAME TIME in a line
#   sentinel               writes the time into the database. How old it is in what a drill has restored tells what would be lost.
#   ready                  after a start: WAL arrives in the bucket, and there is a backup, a copy of each other store, and an archive
#   fresh MINUTES [SERVICE…]
#                          before a change: what these services have, or all, is in the bucket as it is now, or as it was so many minutes ago.
#                          With 0, or without a PostgreSQL that could make backups, nothing is done.
#   fill RELEASE [[anonymised|real] TARGET [--as-of TIME]]
#                          before the first start: empty volumes are restored to TARGET. Those that hold something are left alone. With
#                          `anonymised` or `real`, the database alone, from the bucket of another stack, which auren:restoreFrom names.
set -euo pipefail

source backups.sh
source copies.sh
source archives.sh
source lending.sh

usage="usage: auren-backup run [full] | list [--as-of TIME] | copies [--as-of TIME] | archives [--as-of TIME] | fetch NAME TIME [--as-of TIME] | drill [LENDER...] | log | lost | sentinel | ready | fresh MINUTES [SERVICE...] | fill RELEASE [[anonymised|real] TARGET [--as-of TIME]]"
metrics=/var/lib/auren/metrics
place=$disk/backup-drill
patience=120  # seconds for a segment to arrive

# fill RELEASE [[anonymised|real] TARGET [--as-of TIME]]
fill() {
    local -a elsewhere=()
    release=releases/$1 target="" past=()
    shift
    if [[ ${1:-} =~ ^(anonymised|real)$ ]]; then
        [ $# -gt 1 ] || fail "$usage"
        elsewhere=("$1")
        shift
    fi
    if [ -n "${1:-}" ]; then
        read_target "$@"
        [ "${#elsewhere[@]}" -gt 0 ] || mark_stores
    fi
    fill_database
    # The copies in another stack's bucket are the data of people as well, and no SQL makes them anonymous.
    [ "${#elsewhere[@]}" -eq 0 ] || target=""
    fill_stores
}

fill_database() {
    local newest label ended bytes
    # It has the identity of its origin, so that bucket would take its backups for those of the origin.
    if [ -e "$volume/.restored-from" ] && [ "$(cat "$volume/.restored-from")" = "$(bucket "$release")" ]; then
        fail "PostgreSQL was restored from another stack's backups in the bucket that auren:backups names, and would write among them." \
            "Name another bucket in auren:backups."
    fi
    [ ! -e "$unfinished" ] || grep -qx restored "$unfinished" || fail "A restore was cut. Finish it on the machine first: auren-restore to $(head -n 1 "$unfinished")"
    if [ ! -e "$volume/.restored" ] && { [ -e "$volume/PG_VERSION" ] || [ -e "$volume/.init/.complete" ]; }; then
        return
    fi
    if [ -z "$target" ]; then
        [ ! -e "$volume/.restored" ] || fail "The volume of PostgreSQL was to be restored, and that did not come to its end. Set" \
            "auren:restore again. For an empty database instead, remove $volume/.restored."
        ask
        newest=$(backups | tail -n 1 | cut -d' ' -f2)
        [ -z "$newest" ] || fail "The volume of PostgreSQL is empty, and the bucket has backups up to $(moment "$newest"). Set auren:restore" \
            "to latest to have them restored, or name another bucket in auren:backups for an empty database."
        return
    fi
    alone
    if [ "${#elsewhere[@]}" -gt 0 ]; then
        has_new_bucket
        asks_elsewhere
    else
        choose
    fi
    restore_into "$volume" "${elsewhere[@]}" "${words[@]}" >"$work/restored" || fail "PostgreSQL was not restored. $(reason)"
    echo "PostgreSQL was restored to $target: $(what_of "$work/restored")"
}

# has_new_bucket: what the release backs up to, if it does, knows no database yet.
has_new_bucket() {
    [ -n "$(bucket "$release")" ] || return 0
    ask
    grep -q '"code":1,' "$work/info" || fail "The bucket that auren:backups names has backups of another database, and those of the one" \
        "that auren:restoreFrom brings would not fit them. Name another bucket in auren:backups, or remove auren:restoreFrom to" \
        "restore what is there."
}

# room: the database fits beside itself, with what its server writes. Sets the `label` of the newest backup.
room() {
    local bytes
    ask
    read -r label _ bytes < <(backups | tail -n 1) || true
    [ -n "$label" ] || fail "There is no backup in the bucket."
    echo "$label" >"$work/label"
    room_for "$(largest "${bytes:-0}")" "A drill"
}

# Up to a restore point of now, with what the database holds before and after it.
rehearse() {
    local point segment label="" deadline=$((SECONDS + patience))
    room
    point=drill-$(date -u +%Y%m%dT%H%M%SZ)
    live_found >"$work/before" || fail "PostgreSQL could not be asked. $(reason)"
    sql <<<"SELECT pg_create_restore_point('$point')" >/dev/null || fail "$(reason)"
    live_found >"$work/after" || fail "PostgreSQL could not be asked. $(reason)"
    segment=$(sql <<<'SELECT pg_walfile_name(pg_switch_wal())') || fail "$(reason)"
    until [ "$(sql <<<"SELECT last_archived_wal >= '$segment' FROM pg_stat_archiver")" = t ]; do
        [ "$SECONDS" -lt "$deadline" ] || fail "The WAL segment $segment has not arrived in the bucket within $patience s. See: docker logs $container"
        sleep 1
    done
    borrow "$@"
    make "$place"
    restore_into "$place" drill "$point" "$label" >"$work/restored" || fail "$(reason)"
    rm -rf "$place"
    drill_copies
    give_back
    compare >"$work/compared" || fail "What was restored could not be compared. $(reason)"
}

# compare: the sentinel's moment, its age in seconds, the rows, the tables, and what is wrong, a line each. A table has as many rows as
# before or after the restore point, or between them, give or take what was inserted and deleted meanwhile.
compare() {
    local what
    {
        echo 'CREATE TEMP TABLE seen (what text, found jsonb);'
        echo 'COPY seen FROM STDIN;'
        for what in before after restored; do
            printf '%s\t' "$what"
            sed 's/\\/\\\\/g' "$work/$what"
        done
        echo '\.'
        cat <<'SQL'
WITH restored AS (SELECT found FROM seen WHERE what = 'restored'),
before AS (SELECT found FROM seen WHERE what = 'before'),
after AS (SELECT found FROM seen WHERE what = 'after'),
bounds AS (
    SELECT
        name,
        least((b.value ->> 0)::bigint, (a.value ->> 0)::bigint)
        - greatest(coalesce(pg_stat_get_tuples_deleted(to_regclass(name)), 0) - (b.value ->> 2)::bigint, 0) AS least,
        greatest((b.value ->> 0)::bigint, (a.value ->> 0)::bigint)
        + greatest(coalesce(pg_stat_get_tuples_inserted(to_regclass(name)), 0) - (b.value ->> 1)::bigint, 0) AS most
    FROM before, after, jsonb_each(before.found -> 'counts') AS b (name, value)
    JOIN jsonb_each(after.found -> 'counts') AS a (name, value) USING (name)
),
faults AS (
    SELECT format('%s has %s rows where %s to %s were.', name, coalesce(restored.found -> 'counts' -> name ->> 0, 'no'), least, most) AS fault
    FROM bounds, restored
    WHERE coalesce((restored.found -> 'counts' -> name ->> 0)::bigint NOT BETWEEN least AND most, true)
    UNION ALL
    SELECT format('The sentinel is of %s, and should be of %s.', coalesce(restored.found ->> 'newest', 'no time'), before.found ->> 'newest')
    FROM restored, before, after
    WHERE
        before.found ->> 'newest' IS NOT NULL
        AND coalesce(restored.found ->> 'newest' NOT BETWEEN before.found ->> 'newest' AND after.found ->> 'newest', true)
)
SELECT unnest(ARRAY[
    found ->> 'newest',
    extract(epoch FROM date_trunc('second', now()) - (found ->> 'newest')::timestamptz)::bigint::text,
    found ->> 'rows',
    found ->> 'tables',
    coalesce((SELECT string_agg(fault, ' ' ORDER BY fault) FROM faults), '')
])
FROM restored;
SQL
    } | sql
}

# quoted: as a string of JSON.
quoted() {
    printf '"%s"' "$(tr '\n\t' '  ' | tr -d '\000-\037' | sed 's/[\\"]/\\&/g; s/ *$//')"
}

# report OK FAULT SECONDS
report() {
    local newest="" age=0 rows=0 tables=0 label ended now
    now=$(date +%s) ended=$(moment "$(date +%s)")
    [ ! -s "$work/compared" ] || { read -r newest && read -r age && read -r rows && read -r tables; } <"$work/compared"
    label=$(cat "$work/label" 2>/dev/null || true)
    printf '{"ended": "%s", "ok": %s, "fault": %s, "backup": "%s", "seconds": %d, "newest": "%s", "ageSeconds": %d, "rows": %d, "tables": %d}\n' \
        "$ended" "$1" "$(quoted <<<"$2")" "$label" "$3" "$newest" "${age:-0}" "$rows" "$tables" >"$memory/drill.json.new"
    if [ "$1" = true ]; then
        cp "$memory/drill.json.new" "$memory/good-drill.json.new"
        mv "$memory/good-drill.json.new" "$memory/good-drill.json"
        printf 'auren_backup_drill_%s %s\n' timestamp_seconds "$now" age_seconds "${age:-0}" rows "$rows" duration_seconds "$3" \
            >"$memory/good-drill.prom.new"
        mv "$memory/good-drill.prom.new" "$memory/good-drill.prom"
    fi
    mv "$memory/drill.json.new" "$memory/drill.json"
    install -d -m 0755 "$metrics"
    {
        cat "$memory/good-drill.prom" 2>/dev/null || true
        echo "auren_backup_drill_ok $([ "$1" = true ] && echo 1 || echo 0)"
    } >"$metrics/backup.prom.new"
    mv "$metrics/backup.prom.new" "$metrics/backup.prom"
    cat "$memory/drill.json"
}

drill() {
    local began=$SECONDS fault="" status=0
    alone
    rm -rf "$place"
    exec 5>"$drilling"
    flock 5
    # In the background, or `set -e` would not count in it. In a process group of its own, so that a deployment can end it.
    set -m
    (
        trap 'give_back; rm -rf "$place" "$staging"' EXIT
        rehearse "$@"
    ) 2>"$work/fault" &
    set +m
    echo $! >&5
    wait $! || status=$?
    exec 5>&-
    [ "$status" -ne 143 ] || fail "The drill was ended, because a deployment needed its memory. Run it again: auren-backup drill"
    [ "$status" -eq 0 ] || fault=$(cat "$work/fault")
    [ ! -s "$work/compared" ] || fault=$(tail -n +5 "$work/compared")
    if [ -n "$fault" ] || [ "$status" -ne 0 ]; then
        report false "${fault:-The drill was ended.}" $((SECONDS - began))
        fail "The drill failed. $fault"
    fi
    report true "" $((SECONDS - began))
}

# run [full]: what goes wrong with the database does not keep the other stores from their copies.
run() {
    apart run_database "$@"
    apart copy_all
    apart archive_all
    apart remember
    [ "$failures" -eq 0 ]
}

run_database() {
    make_ready
    back_up "$@"
}

# fresh MINUTES [SERVICE…]
fresh() {
    local minutes=$1 oldest
    [[ $minutes =~ ^[0-9]+$ ]] || fail "$usage"
    shift
    [ "$minutes" -gt 0 ] || return 0
    oldest=$(($(date +%s) - minutes * 60))
    if [ -z "$(bucket current)" ] || ! is_running "$container" || ! sql <<<'SELECT' >/dev/null; then
        echo "PostgreSQL does not answer, or has no backups yet. So nothing is backed up before this change."
        return
    fi
    if [[ " $* " == *" $service "* ]] && is_locked_out; then
        echo "The bucket cannot be used with what this machine has. So nothing is backed up before this change, which may repair that. $(reason)"
        return
    fi
    [[ $# -gt 0 && " $* " != *" $service "* ]] || fresh_database "$oldest"
    copy_older "$oldest" "$@"
}

# is_locked_out: by what a release of PostgreSQL has: the key, the bucket, the passphrase, or the database that the bucket knows.
is_locked_out() {
    if (ask) 2>/dev/null; then
        ! backrest check && found "$other_database"
    else
        found "$wrong_key|$no_right|$wrong_passphrase"
    fi
}

# fresh_database SECONDS: the newest backup is not older, and the log behind it is in the bucket.
fresh_database() {
    local newest
    ask
    newest=$(backups | awk '{ end = $2 } END { print end + 0 }')
    if [ "$newest" -ge "$1" ]; then
        backrest check || fail "No WAL arrives in the bucket. $(reason)"
    else
        run_database diff
    fi
}

# holds: a line for each backup and copy in the bucket: NAME TIME.
holds() {
    local label end
    ask
    ask_copies
    while read -r label end _ || [ -n "$label" ]; do  # the last line has no end
        echo "$label $(date -u -d "@$end" +%Y%m%dT%H%M%SZ)"
    done < <(backups)
    awk '{ print $1 "/" $2, $2 }' "$work/copies"
}

# remembered: what this bucket had, but for what was removed because it was too old.
remembered() {
    [ ! -e "$held" ] || [ "$(head -n 1 "$held")" != "$(name_of_bucket)" ] || tail -n +2 "$held"
}

name_of_bucket() {
    sed -n 's/^repo1-s3-bucket=//p' "$directory/current/files/pgbackrest.conf"
}

# bucket RELEASE: what the release backs up to, in two lines, or nothing.
bucket() {
    sed -n '/^repo1-s3-endpoint=/p; /^repo1-s3-bucket=/p' "$directory/$1/files/pgbackrest.conf" 2>/dev/null || true
}

# remember: what the bucket holds now is not forgotten before it is removed.
remember() {
    holds >"$work/holds"
    { name_of_bucket; { cat "$work/holds"; remembered; } | sort -u; } >"$held.new"
    mv "$held.new" "$held"
}

tell_lost() {
    local name time
    holds >"$work/holds"
    remembered >"$work/remembered"
    while read -r name time <&3; do
        grep -qxF "$name $time" "$work/holds" || echo "$name $(readable "$time")"
    done 3<"$work/remembered"
}

tell_log() {
    local segment
    sql <<<'SELECT extract(epoch FROM now() - coalesce(last_archived_time, stats_reset))::bigint FROM pg_stat_archiver' ||
        fail "PostgreSQL could not be asked. $(reason)"
    ask
    segment=$(sed 's/.*"archive":{"start":"\([0-9A-F]*\)".*/\1/' "$work/info")
    [[ ! $segment =~ ^[0-9A-F]{24}$ ]] || inside bash /etc/auren/postgres-restore.sh gap "$segment" || fail "$(reason)"
}

main() {
    local command=${1:-}
    begin
    [ $# -eq 0 ] || shift
    case "$command $#" in
    "run 0" | "run 1")
        [ "${1:-full}" = full ] || fail "$usage"
        run "$@"
        ;;
    "list 0" | "list 2")
        read_target latest "$@"
        ask "${past[@]}"
        cat "$work/info"
        ;;
    "copies 0" | "copies 2")
        read_target latest "$@"
        tell_copies "${past[@]}"
        ;;
    "archives 0" | "archives 2")
        read_target latest "$@"
        tell_archives "${past[@]}"
        ;;
    "fetch 2" | "fetch 4")
        read_target latest "${@:3}"
        print_archive "$1" "$2"
        ;;
    "drill "*) drill "$@" ;;
    "log 0") tell_log ;;
    "lost 0") tell_lost ;;
    "sentinel 0") write_sentinel ;;
    "ready 0")
        make_ready
        ask
        [ -n "$(backups)" ] || back_up full
        copy_missing
        archive_missing
        remember
        ;;
    fresh\ [1-9]*) fresh "$@" ;;
    fill\ [1-5]) fill "$@" ;;
    *) fail "$usage" ;;
    esac
}

main "$@"; exit
