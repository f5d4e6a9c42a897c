#!/usr/bin/env bash
# copies: the volumes of the other stores, in the bucket of PostgreSQL's backups. auren-backup sources it behind backups.sh.
#
# The file `stores` has a line for each: SERVICE VOLUME KIND. A copy is one object in the bucket, volumes/VOLUME/TIME-SHA256.tar.gz.
# pgBackRest encrypts and sends it, and finds what was deleted later. KIND is how the volume is copied while the service writes to it:
#   files    by links to its files. What a service replaces in one step is of that moment, and its logs may be longer.
#   redis    what Redis saves when it is asked, as the beginning of its log
#   sqlite   a database by SQLite itself, and the other files
# shellcheck disable=SC2154,SC2329 # what backups.sh sets; functions that are called by their names
set -euo pipefail

stores=/usr/local/lib/auren/stores
staging=$disk/backup-copy
proving=auren-copy-drill  # the container that starts with what was unpacked
save_patience=300  # seconds for Redis

failures=0

# apart COMMAND…: in a shell of its own; if it fails, it counts in `failures`. Not to be called where `set -e` does not count.
apart() {
    ("$@") &
    wait $! || failures=$((failures + 1))
}

# ask_copies WORD…: a line in $work/copies for each copy, the oldest first: VOLUME TIME SHA256 BYTES.
ask_copies() {
    asked repo-ls volumes --recurse --output=json --io-timeout=10 "$@" >"$work/objects" || fail "$(reason)"
    sed 's/},/&\n/g' "$work/objects" |
        sed -n 's|.*"\([a-z_-]*\)/\([0-9TZ]*\)-\([0-9a-f]\{64\}\)\.tar\.gz":{.*"size":\([0-9]*\).*|\1 \2 \3 \4|p' | sort >"$work/copies"
}

# copy_of VOLUME [TIME]: TIME SHA256 BYTES of its newest copy, or of the newest one that is not later, or nothing.
copy_of() {
    awk -v volume="$1" -v until="${2:-z}" '$1 == volume && $2 <= until { found = $2 " " $3 " " $4 } END { if (found) print found }' "$work/copies"
}

# megabytes DIRECTORY: that it takes.
megabytes() {
    echo $(($(du -sk "$1" | cut -f1) / 1024))
}

# room_for MEGABYTES WHAT
room_for() {
    local needs=$(($1 + 512)) has
    has=$(($(df --output=avail -k "$disk" | tail -n 1) / 1024))
    [ "$has" -ge "$needs" ] || fail "$2 needs $needs MB on the data disk, which has $has MB. Give it a larger volume."
}

# gather_KIND SERVICE DIRECTORY: what is copied is in $staging/tree.
gather_files() {
    # A file may go meanwhile.
    cp -al "$2" "$staging/tree" 2>/dev/null || { rm -rf "$staging/tree" && cp -al "$2" "$staging/tree"; }
    rm -rf "$staging/tree/lost+found"
}

# shellcheck disable=SC2016 # the container's own shell
redis_says() {
    docker exec "auren-$1" sh -c 'REDISCLI_AUTH=$(cat /run/secrets/redis_password) exec redis-cli "$@"' redis-cli "${@:2}"
}

gather_redis() {
    local saved answer deadline=$((SECONDS + save_patience))
    if ! is_running "auren-$1"; then
        gather_files "$@"
        return
    fi
    saved=$(redis_says "$1" LASTSAVE)
    sleep 1  # its time has no parts of a second
    answer=$(redis_says "$1" BGSAVE SCHEDULE)
    [[ $answer = "Background saving "* ]] || fail "Redis does not save its data: $answer"
    until [ "$(redis_says "$1" LASTSAVE)" != "$saved" ]; do
        [ "$SECONDS" -lt "$deadline" ] || fail "Redis has not saved its data within $save_patience s. See: docker logs auren-$1"
        sleep 1
    done
    mkdir -p "$staging/tree/appendonlydir"
    ln "$2/dump.rdb" "$staging/tree/appendonlydir/appendonly.aof.1.base.rdb"
    echo "file appendonly.aof.1.base.rdb seq 1 type b" >"$staging/tree/appendonlydir/appendonly.aof.manifest"
    chown -R --reference="$2" "$staging/tree"
    chmod --reference="$2" "$staging/tree"
}

gather_sqlite() {
    local path name
    gather_files "$@"
    for path in "$2"/*.sqlite3; do
        [ -e "$path" ] || continue
        name=$(basename "$path")
        rm -f "$staging/tree/$name"*
        setpriv --reuid "$(stat -c %u "$path")" --regid "$(stat -c %g "$path")" --clear-groups \
            python3 -c 'import contextlib, sqlite3, sys
with contextlib.closing(sqlite3.connect(sys.argv[1], timeout=60)) as live, contextlib.closing(sqlite3.connect(sys.argv[2])) as copy:
    live.backup(copy)' "$path" "$staging/tree/$name"
    done
}

# copy SERVICE VOLUME KIND
copy() {
    local status=0 time sum
    room_for "$(megabytes "$disk/$2")" "A copy of $2"
    rm -rf "$staging"
    install -d -m 0711 "$staging"
    time=$(date -u +%Y%m%dT%H%M%SZ)
    "gather_$3" "$1" "$disk/$2"
    tar --create --gzip --sparse --numeric-owner --directory "$staging/tree" --file "$staging/copy.tar.gz" . 2>"$work/tar" || status=$?
    # With 1, a file has changed meanwhile, such as a log that has grown.
    [ "$status" -le 1 ] || fail "$2 cannot be read: $(tail -n 1 "$work/tar")"
    sum=$(sha256sum <"$staging/copy.tar.gz")
    inside pgbackrest repo-put "volumes/$2/$time-${sum%% *}.tar.gz" <"$staging/copy.tar.gz" || fail "No copy of $2 was made. $(reason)"
    rm -rf "$staging"
    ask_copies
    [[ $(copy_of "$2") = "$time ${sum%% *} "* ]] || fail "A copy of $2 was made, but the bucket does not list it."
    expire_copies "$2" || fail "An old copy of $2 cannot be removed from the bucket. $(reason)"
    echo "$2: a copy of $(($(copy_of "$2" | cut -d' ' -f3) / 1024)) kB, listed in the bucket"
}

# expire_copies VOLUME: those go that are older than backups are kept.
expire_copies() {
    local days oldest time sum
    days=$(sed -n 's/^repo1-retention-full=//p' "$directory/current/files/pgbackrest.conf")
    oldest=$(date -u -d "$days days ago" +%Y%m%dT%H%M%SZ)
    while read -r _ time sum _ <&3; do
        [[ ! $time < $oldest ]] || inside pgbackrest repo-rm "volumes/$1/$time-$sum.tar.gz" >/dev/null </dev/null || return 1
    done 3< <(grep "^$1 " "$work/copies")
}

# alone_with_copies: nobody else makes or reads a copy until this shell has ended.
alone_with_copies() {
    exec 7>/run/lock/auren-copies
    flock --wait 3600 7 || fail "Copies are being made already, for more than an hour."
}

# copy_all [missing]: each store, or those that have no copy yet. One that cannot be copied does not keep the others from it. Fails when
# there are `failures`.
copy_all() {
    local service volume kind
    alone_with_copies
    ask_copies
    cp "$work/copies" "$work/known"
    while read -r service volume kind <&4; do
        [ -z "${1:-}" ] || ! grep -q "^$volume " "$work/known" || continue
        apart copy "$service" "$volume" "$kind" </dev/null
    done 4<"$stores"
    rm -rf "$staging"
    [ "$failures" -eq 0 ]
}

# tell_copies WORD…: a line for each copy, the oldest first: SERVICE, VOLUME, TIME, BYTES. A store without one has a line without the last two.
tell_copies() {
    local service volume found
    ask_copies "$@"
    while read -r service volume _ <&3; do
        found=$(sed -n "s/^$volume \(....\)\(..\)\(..T..\)\(..\)\(..Z\) [0-9a-f]* \([0-9]*\)$/$service\t$volume\t\1-\2-\3:\4:\5\t\6/p" "$work/copies")
        printf '%s\n' "${found:-$service$'\t'$volume}"
    done 3<"$stores"
}

# fetch VOLUME TIME SHA256 FILE: the copy, whole, and as the bucket was in the `past`.
fetch() {
    local sum
    in_image bash /etc/auren/postgres-restore.sh get "volumes/$1/$2-$3.tar.gz" "${past[@]}" >"$4" || fail "$(reason)"
    sum=$(sha256sum <"$4")
    [ "${sum%% *}" = "$3" ] || fail "The copy of $1 of $2 in the bucket is damaged."
}

# unpack_copy FILE DIRECTORY
unpack_copy() {
    tar --extract --gzip --numeric-owner --preserve-permissions --directory "$2" --file "$1" 2>"$work/tar" ||
        fail "A copy cannot be unpacked: $(tail -n 1 "$work/tar")"
}

# prove_KIND SERVICE DIRECTORY: fails when what was unpacked cannot be used.
prove_files() {
    [ -n "$(find "$2" -type f -print -quit)" ] || fail "There is no file in it."
}

# shellcheck disable=SC2016 # the container's own shell
prove_redis() {
    local image memory
    read -r image memory < <(docker inspect --format '{{.Image}} {{.HostConfig.Memory}}' "auren-$1") || fail "auren-$1 has no container."
    docker rm --force "$proving" >/dev/null 2>&1 || true
    docker run --rm --name "$proving" --network none --memory "$memory" --user "$(stat -c %u:%g "$2")" --volume "$2:/data" --entrypoint sh "$image" -c '
        redis-server --dir /data --appendonly yes --save "" --port 0 --unixsocket /tmp/redis --logfile /tmp/log --daemonize yes >/dev/null
        for _ in $(seq 120); do
            answer=$(redis-cli -s /tmp/redis ping 2>/dev/null) || true
            [ "$answer" != PONG ] || exec redis-cli -s /tmp/redis dbsize
            sleep 1
        done
        tail -n 3 /tmp/log >&2
        exit 1' >"$work/keys" 2>"$said" || fail "Redis does not start with it. $(reason)"
}

prove_sqlite() {
    local path
    for path in "$2"/*.sqlite3; do
        [ "$(python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("PRAGMA integrity_check").fetchone()[0])' "$path" 2>&1 | tail -n 1)" = ok ] ||
            fail "$(basename "$path") is damaged."
    done
}

# drill_copies: the newest copy of each store is unpacked, and used as far as that can be done here.
drill_copies() {
    local service volume kind found
    past=()
    alone_with_copies
    ask_copies
    while read -r service volume kind <&4; do
        found=$(copy_of "$volume")
        [ -n "$found" ] || fail "There is no copy of $volume in the bucket."
        room_for "$(megabytes "$disk/$volume")" "A drill of the copy of $volume"
        rm -rf "$staging"
        install -d -m 0711 "$staging" "$staging/tree"
        # shellcheck disable=SC2046 # two words
        fetch "$volume" $(cut -d' ' -f1,2 <<<"$found") "$staging/copy.tar.gz"
        unpack_copy "$staging/copy.tar.gz" "$staging/tree"
        ("prove_$kind" "$service" "$staging/tree") 2>"$work/unproven" || fail "The copy of $volume of ${found%% *} cannot be used: $(cat "$work/unproven")"
    done 4<"$stores"
    rm -rf "$staging"
}

# A volume that is being filled has a file beside it, until it is whole.
filling() {
    echo "$disk/.filling-$1"
}

is_empty() {
    [ -z "$(find "$1" -mindepth 1 -maxdepth 1 ! -name lost+found -print -quit)" ]
}

# mark_stores: those that are to be filled. Before PostgreSQL is filled, so that none is forgotten after a cut.
mark_stores() {
    local volume
    while read -r _ volume _ <&3; do
        ! is_empty "$disk/$volume" || touch "$(filling "$volume")"
    done 3<"$stores"
    sync --file-system "$disk"
}

# fill_stores: what was marked is filled from its copy of the `target`.
fill_stores() {
    local service volume found until=""
    while read -r service volume _ <&4; do
        [ -e "$(filling "$volume")" ] || continue
        [ -n "$target" ] || fail "The volume $volume was to be restored, and that did not come to its end. Set auren:restore again. To begin it" \
            "empty instead, remove $(filling "$volume")."
        [ "$target" = latest ] || until=$(date -u -d "$target" +%Y%m%dT%H%M%SZ)
        [ -e "$work/copies" ] || ask_copies "${past[@]}"
        find "$disk/$volume" -mindepth 1 -maxdepth 1 ! -name lost+found -exec rm -rf {} +
        found=$(copy_of "$volume" "$until")
        if [ -n "$found" ]; then
            rm -rf "$staging"
            install -d -m 0700 "$staging"
            # shellcheck disable=SC2046 # two words
            fetch "$volume" $(cut -d' ' -f1,2 <<<"$found") "$staging/copy.tar.gz"
            unpack_copy "$staging/copy.tar.gz" "$disk/$volume"
            rm -rf "$staging"
            sync --file-system "$disk"
        fi
        rm "$(filling "$volume")"
        echo "$volume: $([ -n "$found" ] && echo "restored from its copy of ${found%% *}" || echo "left empty, since the bucket has no copy of it")"
    done 4<"$stores"
}
