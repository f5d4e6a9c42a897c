#!/usr/bin/env bash
# auren-restore COMMAND: the database of before, from the backups in the bucket that auren:backups names. A TARGET is `latest`, or a time in
# UTC as 2026-11-27T01:00:00Z. With --as-of, the bucket counts as it was at that time, with what was deleted later.
#   look TARGET [--as-of TIME]  says from what it would be restored and what would be lost, in JSON. Nothing is changed.
#   to TARGET [--as-of TIME]    restores it in the place of the database, which is kept beside. A restore that was cut is finished by the
#                               same command. If it fails, the database of before runs again.
#   look-store SERVICE TARGET [--as-of TIME]
#                               from which copies a store beside PostgreSQL would be restored, in JSON. Nothing is changed.
#   store SERVICE TARGET [--as-of TIME]
#                               restores it in the place of what is there, which is kept beside. Kafka and ZooKeeper come back together.
#                               The rest is as for `to`.
#   kept                        what is kept of before
#   discard NAME                removes one of that
set -euo pipefail

source backups.sh
source copies.sh
source restore_store.sh

usage="usage: auren-restore look TARGET [--as-of TIME] | to TARGET [--as-of TIME] | look-store SERVICE TARGET [--as-of TIME] | store SERVICE TARGET [--as-of TIME] | kept | discard NAME"
patience=300  # seconds for what was restored to become healthy

# archived: when the newest segment in the bucket was archived, in seconds since 1970, or nothing.
archived() {
    list_log
    cut -d' ' -f2 "$work/log" | sort -n | tail -n 1
}

look() {
    local label ended bytes until newest="" rows="" loss=null from
    choose
    until=$(archived)
    [ "$target" = latest ] || [ "$(date -u -d "$target" +%s)" -gt "${until:-0}" ] || until=$(date -u -d "$target" +%s)
    if live_found >"$work/live"; then
        newest=$(sed -n 's/.*"newest" : "\([^"]*\)".*/\1/p' "$work/live")
        rows=$(sed -n 's/.*"rows" : \([0-9]*\),.*/\1/p' "$work/live")
        from=$(date -u -d "${newest:-now}" +%s)
        loss=$((from > ${until:-$ended} ? from - ${until:-$ended} : 0))
    fi
    printf '{"backup": "%s", "backupEnded": "%s", "until": "%s", "databaseBytes": %s, "freeBytes": %s, ' \
        "$label" "$(moment "$ended")" "$(moment "${until:-$ended}")" "$bytes" "$(free)"
    printf '"liveNewest": %s, "liveRows": %s, "lossSeconds": %s}\n' "${newest:+\"}${newest:-null}${newest:+\"}" "${rows:-null}" "$loss"
}

# The file `unfinished` says how far a restore is. Its lines: what was asked for, the directory that keeps the database of before, `only LABEL`
# if it is a backup without the log behind it, and the steps that are behind it: `aside`, `failed`, `restored`.
passed() {
    grep -qxF -- "$1" "$unfinished"
}

pass() {
    echo "$1" >>"$unfinished"
    sync "$unfinished"
}

# shift_content FROM TO: all but what a restore leaves. A database is one by its PG_VERSION.
shift_content() {
    find "$1" -mindepth 1 -maxdepth 1 ! -name lost+found ! -name .restored ! -name PG_VERSION -exec mv --target-directory "$2" {} +
}

# The container makes no database while there is .restored, and starts none without PG_VERSION: a reboot in between harms nothing.
put_aside() {
    # A time that is later than the last commit cannot be reached.
    (write_sentinel) 2>/dev/null || true
    docker stop "$container" >/dev/null 2>&1 || true
    ! is_running "$container" || fail "PostgreSQL cannot be stopped. Nothing was changed. The same command tries again."
    make "$volume/.restored" "$kept"
    [ ! -e "$volume/PG_VERSION" ] || mv "$volume/PG_VERSION" "$kept/"
    shift_content "$volume" "$kept"
    sync --file-system "$volume"
    pass aside
}

put_back() {
    [ ! -d "$kept" ] || shift_content "$kept" "$volume"
    [ ! -e "$kept/PG_VERSION" ] || mv "$kept/PG_VERSION" "$volume/"
    sync --file-system "$volume"
    rm -rf "$volume/.restored" "$kept"
}

# Compose makes the container if there is none.
run_again() {
    local deadline=$((SECONDS + patience))
    compose "$directory/current/compose.yml" up --detach --no-deps "$service" >"$said" 2>&1 || return 1
    becomes_healthy "$container" "$deadline"
}

# hold_machine WHAT: no deployment begins until this script has ended, and who tries is told why.
hold_machine() {
    exec 6<>"$deployment"
    flock --wait 300 6 || fail "A deployment is under way, and has not ended within five minutes: $(cat "$deployment"). Nothing was done."
    echo "auren-restore, since $(date -u +%Y-%m-%dT%H:%M:%SZ), commit -: restores $1" >"$deployment"
}

# keep_deployments_away SERVICE: until this script has ended. A rollback is no deployment.
keep_deployments_away() {
    local lock
    exec {lock}>"/run/lock/auren-$1"
    flock --wait 300 "$lock" || fail "Something is at work on $1, such as a rollback, and has not ended within five minutes. Nothing was done."
}

# event WORD
event() {
    add_event "$service" "$(linked current)" "$1" "$wish"
}

# There is room for both databases.
check_room() {
    local label ended bytes needs
    choose
    needs=$(($(largest "$bytes") + 512))
    [ $(($(free) / 1048576)) -ge "$needs" ] || fail "The restored database needs $needs MB on the data disk beside the one of now, and" \
        "$(($(free) / 1048576)) MB are free. auren-restore kept shows what earlier restores have kept."
}

# take_up: begins a restore, or goes on with one that was cut.
take_up() {
    local only
    if [ -e "$unfinished" ]; then
        [ "$(head -n 1 "$unfinished")" = "$wish" ] || fail "Another restore was cut. Finish it first: auren-restore to $(head -n 1 "$unfinished")"
        kept=$(sed -n 2p "$unfinished")
        only=$(sed -n 's/^only //p' "$unfinished")
        [ -z "$only" ] || restore_only "$only"
        echo "Going on with the restore to $wish that was cut." >&2
        return
    fi
    check_room
    kept=$volume.before-$(date -u +%Y%m%dT%H%M%SZ)
    printf '%s\n' "$wish" "$kept" ${only:+"only $only"} >"$unfinished.new"
    mv "$unfinished.new" "$unfinished"
    sync "$unfinished" "$memory"
    event restoring
}

# is_whole: what was restored is in its place.
is_whole() {
    [ ! -e "$volume/.restored" ] && [ -e "$volume/PG_VERSION" ]
}

# refuse SENTENCE: the database of before runs again. Nothing is in its place yet, unless what was restored is whole.
refuse() {
    local after="The database of before runs again, and nothing of it was changed."
    [ ! -e "$volume/.restored/.complete" ] || fail "What was restored is whole, and could not be moved to its place. $1" \
        "Try again: auren-restore to $wish"
    passed failed || pass failed
    put_back
    run_again || after="The database of before is in its place, and its container did not become healthy: docker logs $container"
    event restore-failed
    rm "$unfinished"
    fail "PostgreSQL was not restored. $1 $after"
}

to() {
    local wish=$target${as_of:+ --as-of $as_of} kept
    trap '' PIPE  # whoever has asked may be gone
    hold_machine "postgres to $wish"
    keep_deployments_away "$service"
    alone
    take_up
    passed restored || replace
    live_found >"$work/live" || fail "$(reason)"
    echo "PostgreSQL was restored to $wish: $(what_of "$work/live"). What was there before is kept as ${kept##*/}." || true
    make_ready
    back_up full
    rm "$unfinished"
}

# replace: what was restored is in the place of the database of before, and runs. Services write to it from its last line on.
replace() {
    ! passed failed || refuse "It was cut when it had failed."
    passed aside || put_aside
    # Whoever ran the container may have failed behind its end.
    is_whole || restore_into "$volume" "${words[@]}" >/dev/null || is_whole || refuse "$(reason)"
    run_again || fail "PostgreSQL was restored to $wish, but its container did not become healthy: docker logs $container." \
        "What was there before is in $kept."
    event restored
    pass restored
}

kept() {
    local path
    for path in "$disk"/*.before-*; do
        [ ! -d "$path" ] || printf '%s\t%s MB\n' "${path##*/}" "$(megabytes "$path")"
    done
}

discard() {
    [[ $1 =~ ^[a-z_-]+\.before-[0-9]{8}T[0-9]{6}Z$ && -d $disk/$1 ]] || fail "Nothing is kept as $1. auren-restore kept shows what is."
    if [ -e "$unfinished" ] && passed "$disk/$1" || grep -qx "${1##*.before-}" "$unfinished_store" 2>/dev/null; then
        fail "A restore is not over that may still need $1."
    fi
    rm -rf "${disk:?}/$1"
}

main() {
    local command=${1:-}
    begin
    [ $# -eq 0 ] || shift
    case "$command $#" in
    "look 1" | "look 3")
        read_target "$@"
        look
        ;;
    "to 1" | "to 3")
        read_target "$@"
        to
        ;;
    "look-store 2" | "look-store 4")
        read_target "${@:2}"
        look_store "$1"
        ;;
    "store 2" | "store 4")
        read_target "${@:2}"
        store "$1"
        ;;
    "kept 0") kept ;;
    "discard 1") discard "$1" ;;
    *) fail "$usage" ;;
    esac
}

main "$@"; exit
