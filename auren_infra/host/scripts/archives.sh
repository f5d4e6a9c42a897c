#!/usr/bin/env bash
# archives: what the machine has beside its stores, in the bucket of PostgreSQL's backups: the releases, and nginx's logs that were rotated.
# auren-backup sources it behind copies.sh.
#
# An archive is one object, machine/NAME/TIME-BYTES-SHA256.gz. NAME is `releases`: those of all services, without their secrets, and the
# history, once a day. Or NAME is that of a log, such as access.log: one for each rotated file, and TIME is when that was written last.
# shellcheck disable=SC2154 # what backups.sh and copies.sh set
set -euo pipefail

logs=$disk/nginx-logs

# ask_archives WORD…: a line in $work/archives for each, the oldest first: NAME TIME BYTES SHA256.
ask_archives() {
    ask_objects machine 'gz' "$@"
    whole_objects >"$work/archives"
}

# archive NAME TIME FILE: a file of gzip, in the bucket.
archive() {
    local sum object
    sum=$(sha256sum <"$3")
    object=$2-$(stat -c %s "$3")-${sum%% *}
    inside pgbackrest repo-put "machine/$1/$object.gz" <"$3" || fail "No archive of $1 was made. $(reason)"
    ask_archives
    grep -qxF "$1 ${object//-/ }" "$work/archives" || fail "An archive of $1 was made, but the bucket does not list it."
    echo "$1: an archive of $(stat -c %s "$3") bytes, listed in the bucket"
}

archive_releases() {
    local status=0
    local -a what=(--directory "${services%/*}" "${services##*/}")
    [ ! -e "$history" ] || what+=(--directory "${history%/*}" "${history##*/}")
    (umask 077; tar --create --gzip --numeric-owner --exclude secrets --file "$staging/releases.gz" "${what[@]}" 2>"$work/tar") || status=$?
    # With 1, a file has changed meanwhile.
    [ "$status" -le 1 ] || fail "The releases cannot be read: $(tail -n 1 "$work/tar")"
    archive releases "$(date -u +%Y%m%dT%H%M%SZ)" "$staging/releases.gz"
}

# archive_logs: each file once, and none that would go at once.
archive_logs() {
    local path name time oldest
    oldest=$(oldest_kept)
    ask_archives
    for path in "$logs"/*.log.[0-9]*; do
        [ -e "$path" ] || continue
        name=$(basename "$path") time=$(date -u -d "@$(stat -c %Y "$path")" +%Y%m%dT%H%M%SZ)
        name=${name%%.log.*}.log
        [[ ! $time < $oldest ]] || continue
        ! grep -q "^$name $time " "$work/archives" || continue
        case $path in
        *.gz) cp "$path" "$staging/log.gz" ;;
        *) gzip --stdout "$path" >"$staging/log.gz" ;;
        esac
        # logrotate may still compress it.
        ! gzip --test "$staging/log.gz" 2>/dev/null || archive "$name" "$time" "$staging/log.gz" </dev/null
    done
}

# expire_archives: those go that are older than backups are kept.
expire_archives() {
    local oldest name time bytes sum
    oldest=$(oldest_kept)
    ask_archives
    while read -r name time bytes sum _ <&3; do
        [[ ! $time < $oldest ]] || inside pgbackrest repo-rm "machine/$name/$time-$bytes-$sum.gz" >/dev/null </dev/null ||
            fail "An old archive of $name cannot be removed from the bucket. $(reason)"
    done 3<"$work/objects"
}

# archive_all: fails when there are `failures`.
archive_all() {
    alone_with_copies
    install -d -m 0700 "$staging"
    apart archive_releases
    apart archive_logs
    apart expire_archives
    rm -rf "$staging"
    [ "$failures" -eq 0 ]
}

# archive_missing: all of them, if there is none of the releases.
archive_missing() {
    ask_archives
    grep -q '^releases ' "$work/archives" || archive_all
}

# tell_archives WORD…: a line for each, the oldest first, as for copies. Without one of the releases, these have a line without a time.
tell_archives() {
    local name time bytes
    ask_archives "$@"
    grep -q '^releases ' "$work/archives" || printf 'machine\treleases\n'
    while read -r name time bytes _ <&3; do
        printf 'machine\t%s\t%s\t%s\n' "$name" "$(readable "$time")" "$bytes"
    done 3<"$work/archives"
}

# print_archive NAME TIME: as `tell_archives` names it, in base64, from the bucket as it was in the `past`.
print_archive() {
    local found
    ask_archives "${past[@]}"
    found=$(grep -F "$1 $(tr -d ':-' <<<"$2") " "$work/archives" | tail -n 1) || fail "The bucket has no archive of $1 of $2."
    found=${found#"$1 "}
    in_image bash /etc/auren/postgres-restore.sh get "machine/$1/${found// /-}.gz" "${past[@]}" >"$work/archive" || fail "$(reason)"
    [ "$(sha256sum <"$work/archive" | cut -d' ' -f1)" = "${found##* }" ] || fail "The archive of $1 of $2 in the bucket is damaged."
    base64 "$work/archive"
}
