#!/usr/bin/env bash
# copies: the volumes of the other stores, in the bucket of PostgreSQL's backups. auren-backup sources it behind backups.sh.
#
# The file `stores` has a line for each: SERVICE VOLUME KIND. A copy is one object in the bucket, volumes/VOLUME/TIME-BYTES-SHA256.tar.gz,
# where TIME is that of the run that made it. pgBackRest encrypts and sends it, and finds what was deleted later. What was cut while it
# was sent has another size, and is no copy. KIND is how the volume is copied while the service writes to it:
#   files    by links to its files. What a service replaces in one step is of that moment, and its logs may be longer. It starts from
#            them as after a power cut. Volumes of this kind belong together: they are restored from one run.
#   redis    what Redis saves when it is asked, as the beginning of its log
#   sqlite   a database by SQLite itself, and the other files
# shellcheck disable=SC2154,SC2329 # what backups.sh sets; functions that are called by their names
set -euo pipefail

stores=/usr/local/lib/auren/stores
staging=$disk/backup-copy
unfinished_store=$memory/restoring-store  # there while a restore of a store by auren-restore is not over
proving=auren-copy-drill  # the container that starts with what was unpacked
save_patience=300  # seconds for Redis

failures=0

# apart COMMAND…: in a shell of its own; if it fails, it counts in `failures`. Not to be called where `set -e` does not count.
apart() {
    ("$@") &
    wait $! || failures=$((failures + 1))
}

# ask_objects DIRECTORY ENDING WORD…: a line in $work/objects for each in the bucket, the oldest first: NAME TIME BYTES SHA256 STORED.
ask_objects() {
    asked repo-ls "$1" --recurse --output=json --io-timeout=10 "${@:3}" >"$work/listed" || fail "$(reason)"
    sed 's/},/&\n/g' "$work/listed" |
        sed -n 's|.*"\([a-z_.-]*\)/\([0-9TZ]*\)-\([0-9]*\)-\([0-9a-f]\{64\}\)\.'"$2"'":{.*"size":\([0-9]*\).*|\1 \2 \3 \4 \5|p' |
        sort >"$work/objects"
}

# whole_objects: those of $work/objects that were not cut while they were sent: NAME TIME BYTES SHA256.
whole_objects() {
    # Encrypted, it has 16 bytes before it, and fills its last block of 16.
    awk '$5 == 16 + (int($3 / 16) + 1) * 16 { print $1, $2, $3, $4 }' "$work/objects"
}

# ask_copies WORD…: a line in $work/copies for each copy, the oldest first: VOLUME TIME BYTES SHA256. $work/objects has what was cut, too.
ask_copies() {
    ask_objects volumes 'tar\.gz' "$@"
    whole_objects >"$work/copies"
}

# usable_copies VOLUME KIND: a line for each copy that it can be restored from, the oldest first: TIME BYTES SHA256. Of the kind `files`, those of
# runs that have all volumes of this kind.
usable_copies() {
    awk -v volume="$1" -v kind="$2" '
        NR == FNR { if ($3 == "files") { together[$2]; wanted++ }; next }
        ($1 in together) && !(($1, $2) in seen) { seen[$1, $2]; number[$2]++ }
        $1 == volume { found[++n] = $2 " " $3 " " $4; time[n] = $2 }
        END { for (i = 1; i <= n; i++) if (kind != "files" || number[time[i]] == wanted) print found[i] }
    ' "$stores" "$work/copies"
}

# newest_copy VOLUME KIND [TIME]: the newest one that is not later, or nothing.
newest_copy() {
    usable_copies "$1" "$2" | awk -v until="${3:-z}" '$1 <= until { found = $0 } END { if (found) print found }'
}

# room_for MEGABYTES WHAT
room_for() {
    local needs=$(($1 + 512)) has
    has=$(($(free) / 1048576))
    [ "$has" -ge "$needs" ] || fail "$2 needs $needs MB on the data disk, which has $has MB. Give it a larger volume."
}

# gather_KIND SERVICE DIRECTORY: what is copied is in $staging/tree.
gather_files() {
    # A file may go meanwhile.
    cp -al "$2" "$staging/tree" 2>/dev/null || { rm -rf "$staging/tree" && cp -al "$2" "$staging/tree"; }
    # Kafka and Chroma note that they have ended cleanly. They may have started since, and write to the files that are linked.
    rm -rf "$staging/tree/lost+found" "$staging/tree/.kafka_cleanshutdown" "$staging/tree/index-is-whole"
}

# shellcheck disable=SC2016 # the container's own shell
redis_says() {
    docker exec "auren-$1" sh -c 'REDISCLI_AUTH=$(cat /run/secrets/redis_password) exec redis-cli "$@"' redis-cli "${@:2}"
}

gather_redis() {
    local answer deadline=$((SECONDS + save_patience))
    if ! is_running "auren-$1"; then
        gather_files "$@"
        return
    fi
    touch "$staging/asked"
    until answer=$(redis_says "$1" BGSAVE SCHEDULE) && [[ $answer = "Background saving "* ]]; do
        # It may be saving already, what it had before.
        [[ $answer = *"in progress"* ]] && [ "$SECONDS" -lt "$deadline" ] || fail "Redis does not save its data: $answer"
        sleep 1
    done
    until [ "$2/dump.rdb" -nt "$staging/asked" ]; do
        is_running "auren-$1" && [ "$SECONDS" -lt "$deadline" ] || fail "Redis has not saved its data. See: docker logs auren-$1"
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
        [ -e "$path" ] || fail "$1 has no database in $2."
        name=$(basename "$path")
        rm -f "$staging/tree/$name"*
        setpriv --reuid "$(stat -c %u "$path")" --regid "$(stat -c %g "$path")" --clear-groups \
            python3 -c 'import contextlib, sqlite3, sys
with contextlib.closing(sqlite3.connect(sys.argv[1], timeout=60)) as live, contextlib.closing(sqlite3.connect(sys.argv[2])) as copy:
    live.backup(copy)' "$path" "$staging/tree/$name"
    done
}

# copy TIME SERVICE VOLUME KIND
copy() {
    local time=$1 status=0 sum object
    shift
    rm -rf "$staging"
    room_for "$(megabytes "$disk/$2")" "A copy of $2"
    install -d -m 0711 "$staging"
    "gather_$3" "$1" "$disk/$2"
    (umask 077; tar --create --gzip --sparse --numeric-owner --directory "$staging/tree" --file "$staging/copy.tar.gz" . 2>"$work/tar") || status=$?
    # With 1, a file has changed meanwhile, such as a log that has grown.
    [ "$status" -le 1 ] || fail "$2 cannot be read: $(tail -n 1 "$work/tar")"
    sum=$(sha256sum <"$staging/copy.tar.gz")
    object="$time $(stat -c %s "$staging/copy.tar.gz") ${sum%% *}"
    inside pgbackrest repo-put "volumes/$2/${object// /-}.tar.gz" <"$staging/copy.tar.gz" || fail "No copy of $2 was made. $(reason)"
    rm -rf "$staging"
    ask_copies
    grep -qxF "$2 $object" "$work/copies" || fail "A copy of $2 was made, but the bucket does not list it."
    expire_copies "$2" "$3"
    object=${object#* }
    echo "$2: a copy of ${object% *} bytes, listed in the bucket"
}

# expire_copies VOLUME KIND: those go that are not kept.
expire_copies() {
    local oldest time bytes sum
    oldest=$(oldest_kept)
    usable_copies "$1" "$2" | keep >"$work/kept"
    while read -r _ time bytes sum _ <&3; do
        if [[ ! $time < $oldest ]] || grep -qxF "$time $bytes $sum" "$work/kept"; then
            continue
        fi
        forget "$1/$time"
        inside pgbackrest repo-rm "volumes/$1/$time-$bytes-$sum.tar.gz" >/dev/null </dev/null ||
            fail "An old copy of $1 cannot be removed from the bucket. $(reason)"
    done 3< <(grep "^$1 " "$work/objects")
}

# alone_with_copies: nobody else makes or reads a copy until this shell has ended. What a cut has left is gone.
alone_with_copies() {
    exec 7>/run/lock/auren-copies
    flock --wait 3600 7 || fail "Copies are being made already, for more than an hour."
    rm -rf "$staging"
    [ -e "$unfinished_store" ] || rm -rf "$disk"/*.restored
}

# copy_all [VOLUME…]: those, or all. One that cannot be copied does not keep the others from it. Fails when there are `failures`.
copy_all() {
    local service volume kind time
    alone_with_copies
    time=$(date -u +%Y%m%dT%H%M%SZ)
    while read -r service volume kind <&4; do
        [ $# -eq 0 ] || [[ " $* " == *" $volume "* ]] || continue
        apart copy "$time" "$service" "$volume" "$kind" </dev/null
    done 4<"$stores"
    rm -rf "$staging"
    [ "$failures" -eq 0 ]
}

# copy_missing: all of them, if a store has none.
copy_missing() {
    local volume
    ask_copies
    while read -r _ volume _ <&3; do
        if ! grep -q "^$volume " "$work/copies"; then
            copy_all
            return
        fi
    done 3<"$stores"
}

# copy_older SECONDS [SERVICE…]: a new copy of each volume of those services, or of all, that has none since then.
# Those of the kind `files` are of one run.
copy_older() {
    local oldest service volume kind found
    local -a old=() together
    oldest=$(date -u -d "@$1" +%Y%m%dT%H%M%SZ)
    shift
    mapfile -t together < <(awk '$3 == "files" { print $2 }' "$stores")
    ask_copies
    while read -r service volume kind <&3; do
        [ $# -eq 0 ] || [[ " $* " == *" $service "* ]] || continue
        found=$(newest_copy "$volume" "$kind")
        [[ -z $found || $found < $oldest ]] || continue
        old+=("$volume")
        [ "$kind" != files ] || old+=("${together[@]}")
    done 3<"$stores"
    [ "${#old[@]}" -eq 0 ] || copy_all "${old[@]}"
}

# readable TIME: a time of a name, as people read it.
readable() {
    echo "${1:0:4}-${1:4:2}-${1:6:5}:${1:11:2}:${1:13}"
}

# tell_copies WORD…: a line for each copy, the oldest first: SERVICE, VOLUME, TIME, BYTES. A store without one has a line without the last two.
tell_copies() {
    local service volume found
    ask_copies "$@"
    while read -r service volume _ <&3; do
        found=$(sed -n "s/^$volume \(....\)\(..\)\(..T..\)\(..\)\(..Z\) \([0-9]*\) [0-9a-f]*$/$service\t$volume\t\1-\2-\3:\4:\5\t\6/p" "$work/copies")
        printf '%s\n' "${found:-$service$'\t'$volume}"
    done 3<"$stores"
}

# fetch VOLUME TIME BYTES SHA256: prints the copy, as the bucket was in the `past`.
fetch() {
    in_image bash /etc/auren/postgres-restore.sh get "volumes/$1/$2-$3-$4.tar.gz" "${past[@]}"
}

# is_intact VOLUME TIME BYTES SHA256. In $work/unpacked-VOLUME is how many bytes it will have when it is unpacked.
is_intact() {
    local sum reader
    rm -f "$work/pipe"
    mkfifo "$work/pipe"
    { gzip --decompress --stdout 2>/dev/null || cat >/dev/null; } <"$work/pipe" | wc -c >"$work/unpacked-$1" &
    reader=$!
    # At the end of a damaged object, pgBackRest misses what it has filled the last block with.
    sum=$(fetch "$@" | tee "$work/pipe" | sha256sum) || found 'unable to flush|cipher header invalid' || fail "$(reason)"
    wait "$reader"
    [ "${sum%% *}" = "$4" ]
}

# unpack_copy DIRECTORY VOLUME TIME BYTES SHA256: it is fetched a second time, so that it needs no room beside what is in it.
unpack_copy() {
    fetch "${@:2}" | tar --extract --gzip --numeric-owner --preserve-permissions --directory "$1" 2>"$work/tar" ||
        fail "The copy of $2 of $3 cannot be unpacked: $(tail -n 1 "$work/tar") $(reason)"
}

# prove_KIND SERVICE DIRECTORY: fails when what was unpacked cannot be used.
prove_files() {
    [ -n "$(find "$2" -type f -print -quit)" ] || fail "There is no file in it."
}

# shellcheck disable=SC2016 # the container's own shell
prove_redis() {
    local image memory
    [ -e "$2/appendonlydir/appendonly.aof.manifest" ] || fail "There is no append-only file in it."
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
        exit 1' >/dev/null 2>"$said" || fail "Redis does not start with it. $(reason)"
}

prove_sqlite() {
    local path
    for path in "$2"/*.sqlite3; do
        [ "$(python3 -c 'import sqlite3, sys
copy = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
tables, = copy.execute("SELECT count(*) FROM sqlite_master").fetchone()
print(copy.execute("PRAGMA integrity_check").fetchone()[0] if tables else "empty")' "$path" 2>&1 | tail -n 1)" = ok ] ||
            fail "$(basename "$path") is damaged, or empty."
    done
}

# drill_copies: the newest copy of each store is unpacked, and used as far as that can be done here.
drill_copies() {
    local service volume kind found live
    past=()
    alone_with_copies
    ask_copies
    while read -r service volume kind <&4; do
        found=$(newest_copy "$volume" "$kind")
        [ -n "$found" ] || fail "There is no copy of $volume in the bucket."
        live=$(megabytes "$disk/$volume")
        room_for $((live + $(cut -d' ' -f2 <<<"$found") / 1048576)) "A drill of the copy of $volume"
        install -d -m 0711 "$staging" "$staging/tree"
        # shellcheck disable=SC2086 # three words
        is_intact "$volume" $found || fail "The copy of $volume of ${found%% *} in the bucket is damaged."
        # shellcheck disable=SC2086 # three words
        unpack_copy "$staging/tree" "$volume" $found
        ("prove_$kind" "$service" "$staging/tree") 2>"$work/unproven" || fail "The copy of $volume of ${found%% *} cannot be used: $(cat "$work/unproven")"
        rm -rf "$staging"
    done 4<"$stores"
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

# wanted_stores: a line in $work/wanted for each that was marked: SERVICE VOLUME KIND.
wanted_stores() {
    local service volume kind
    : >"$work/wanted"
    while read -r service volume kind <&3; do
        [ -e "$(filling "$volume")" ] || continue
        echo "$service $volume $kind" >>"$work/wanted"
        [ -n "$target" ] || fail "The volume $volume was to be restored, and that did not come to its end. Set auren:restore again. To begin it" \
            "empty instead, remove $(filling "$volume")."
        ! is_running "auren-$service" || fail "auren-$service runs, so its empty volume is not filled. Stop it first: docker stop auren-$service"
    done 3<"$stores"
}

# choose_copies HINT: in $work/copies, the newest one up to the `target` is intact for each store that is wanted. Fails with the HINT, for its
# VOLUME, when a store has none.
choose_copies() {
    local volume kind found
    while read -r _ volume kind <&4; do
        found=$(newest_copy "$volume" "$kind" "$until")
        [ -n "$found" ] || fail "The bucket has no copy of $volume${until:+ from before $target}, so nothing was restored. ${1//VOLUME/$volume}"
        # shellcheck disable=SC2086 # three words
        if ! grep -qxF "$volume $found" "$work/intact" && ! is_intact "$volume" $found; then
            echo "The copy of $volume of ${found%% *} in the bucket is damaged, so the one before it is taken." >&2
            grep -vxF "$volume $found" "$work/copies" >"$work/others" || true
            mv "$work/others" "$work/copies"
            return 1
        fi
        echo "$volume $found" >>"$work/intact"
    done 4<"$work/wanted"
}

# ask_copies_of_target: as the bucket was in the `past`. Sets `until`, the `target` as the time in a name.
ask_copies_of_target() {
    ask_copies "${past[@]}"
    until=""
    [ "$target" = latest ] || until=$(date -u -d "$target" +%Y%m%dT%H%M%SZ)
}

# find_copies HINT: those that are to be used, in $work/copies.
find_copies() {
    ask_copies_of_target
    : >"$work/intact"
    until choose_copies "$1"; do :; done
}

# fill_stores: what was marked is filled. Nothing is, before all copies are known to be intact.
fill_stores() {
    local volume kind found
    wanted_stores
    [ -s "$work/wanted" ] || return 0
    alone_with_copies
    find_copies "If somebody has deleted it, set auren:restore to \`$target as of\` a time when it was there. To begin it empty, remove $(filling VOLUME) and auren:restore."
    while read -r _ volume kind <&4; do
        find "$disk/$volume" -mindepth 1 -maxdepth 1 ! -name lost+found -exec rm -rf {} +
        found=$(newest_copy "$volume" "$kind" "$until")
        # shellcheck disable=SC2086 # three words
        unpack_copy "$disk/$volume" "$volume" $found
        sync --file-system "$disk"
        rm "$(filling "$volume")"
        echo "$volume: restored from its copy of ${found%% *}"
    done 4<"$work/wanted"
}
