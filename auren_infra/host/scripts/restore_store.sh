#!/usr/bin/env bash
# restore_store: a store beside PostgreSQL, as its newest copy has it. auren-restore sources it behind backups.sh and copies.sh.
#
# What is restored is unpacked beside the volume while the service runs, then takes the volume's place, and what was there is kept. Between the
# two there is no directory of the volume, and without it no container starts.
# shellcheck disable=SC2154 # what backups.sh and copies.sh set
set -euo pipefail

unfinished_store=$memory/restoring-store  # while the volumes are exchanged: what was asked for, what the kept ones are called, maybe `failed`

# wanted_of SERVICE: a line in $work/wanted for each of its volumes. Kafka's and ZooKeeper's belong together.
wanted_of() {
    awk -v service="$1" '$1 == service' "$stores" >"$work/wanted"
    [ -s "$work/wanted" ] ||
        fail "$1 has no copies. These have: $(awk '!seen[$1]++ { printf "%s ", $1 }' "$stores" | sed 's/ $//'). The database is restored without --only."
    ! grep -q ' files$' "$work/wanted" || grep ' files$' "$stores" >"$work/wanted"
    mapfile -t restored < <(awk '!seen[$1]++ { print $1 }' "$work/wanted")
}

no_copy="\`auren-backup copies\` shows what there is."

# look_store SERVICE: in JSON, which copies the volumes would be restored from. Nothing is changed.
look_store() {
    local name volume kind found separator=""
    wanted_of "$1"
    find_copies "$no_copy"
    printf '{"copies": ['
    while read -r name volume kind <&4; do
        found=$(newest_copy "$volume" "$kind" "$until")
        printf '%s{"service": "%s", "volume": "%s", "made": "%s"}' "$separator" "$name" "$volume" "$(readable "${found%% *}")"
        separator=", "
    done 4<"$work/wanted"
    printf ']}\n'
}

# unpack_beside: each volume that is wanted, from its copy.
unpack_beside() {
    local volume kind found
    find_copies "$no_copy"
    while read -r _ volume kind <&4; do
        found=$(newest_copy "$volume" "$kind" "$until")
        rm -rf "$disk/$volume.restored"
        room_for $(($(megabytes "$disk/$volume") + $(cut -d' ' -f2 <<<"$found") / 1048576)) "A restore of $volume"
        install -d -m 0700 "$disk/$volume.restored"
        # shellcheck disable=SC2086 # three words
        unpack_copy "$disk/$volume.restored" "$volume" $found
        echo "$volume: unpacked, from its copy of $(readable "${found%% *}")" || true
    done 4<"$work/wanted"
    sync --file-system "$disk"
}

# stop_restored: none of the services runs, and Docker has none of the volumes mounted, so the next start finds what is there then.
stop_restored() {
    local name volume
    for name in "${restored[@]}"; do
        docker stop "auren-$name" >/dev/null 2>&1 || true
        ! is_running "auren-$name" || fail "auren-$name cannot be stopped. The same command tries again."
    done
    while read -r _ volume _ <&4; do
        ! mountpoint -q "/var/lib/docker/volumes/$volume/_data" ||
            fail "Docker has the volume $volume mounted, though no container of AUREN has it. See: docker ps --filter volume=$volume"
    done 4<"$work/wanted"
}

# start_restored: in the reverse order.
start_restored() {
    local place deadline=$((SECONDS + patience))
    for ((place = ${#restored[@]} - 1; place >= 0; place--)); do
        name=auren-${restored[place]}
        docker start "$name" >"$said" 2>&1 || return 1
        until [ "$(docker inspect --format '{{.State.Health.Status}}' "$name")" = healthy ]; do
            [ "$SECONDS" -lt "$deadline" ] || return 1
            sleep 1
        done
    done
}

# exchange STAMP
exchange() {
    local volume
    while read -r _ volume _ <&4; do
        [ -d "$disk/$volume.restored" ] || continue
        [ ! -d "$disk/$volume" ] || mv --no-target-directory "$disk/$volume" "$disk/$volume.before-$1"
        mv --no-target-directory "$disk/$volume.restored" "$disk/$volume"
    done 4<"$work/wanted"
    sync --file-system "$disk"
}

# exchange_back STAMP
exchange_back() {
    local volume
    while read -r _ volume _ <&4; do
        rm -rf "$disk/$volume.restored"
        [ -d "$disk/$volume.before-$1" ] || continue
        [ ! -d "$disk/$volume" ] || mv --no-target-directory "$disk/$volume" "$disk/$volume.restored"
        mv --no-target-directory "$disk/$volume.before-$1" "$disk/$volume"
        rm -rf "$disk/$volume.restored"
    done 4<"$work/wanted"
    sync --file-system "$disk"
}

# refuse_store STAMP: what was there before runs again.
refuse_store() {
    local after="What was there before runs again."
    grep -qx failed "$unfinished_store" || echo failed >>"$unfinished_store"
    sync "$unfinished_store"
    stop_restored
    exchange_back "$1"
    start_restored || after="What was there before is in its place, and $name did not become healthy: docker logs $name"
    tell_restored restore-failed
    rm "$unfinished_store"
    fail "${restored[*]} could not be started with what was restored. $after"
}

# tell_restored WORD: in the history, for each service.
tell_restored() {
    local one
    for one in "${restored[@]}"; do
        add_event "$one" "$(basename "$(readlink "$services/$one/current" || echo -)")" "$1" "$target${as_of:+ --as-of $as_of}"
    done
}

# store SERVICE
store() {
    local wish="$1 $target${as_of:+ --as-of $as_of}" stamp name lock
    wanted_of "$1"
    trap '' PIPE  # whoever has asked may be gone
    for name in "${restored[@]}"; do
        exec {lock}>"/run/lock/auren-$name"
        flock --wait 300 "$lock" || fail "A deployment of $name is under way, and has not ended within five minutes. Nothing was done."
    done
    alone
    alone_with_copies
    if [ -e "$unfinished_store" ]; then
        [ "$(head -n 1 "$unfinished_store")" = "$wish" ] ||
            fail "Another restore was cut. Finish it first: auren-restore store $(head -n 1 "$unfinished_store")"
        echo "Going on with the restore that was cut." >&2
    else
        unpack_beside
        printf '%s\n' "$wish" "$(date -u +%Y%m%dT%H%M%SZ)" >"$unfinished_store.new"
        mv "$unfinished_store.new" "$unfinished_store"
        sync "$unfinished_store" "$memory"
        tell_restored restoring
    fi
    stamp=$(sed -n 2p "$unfinished_store")
    ! grep -qx failed "$unfinished_store" || refuse_store "$stamp"
    stop_restored
    exchange "$stamp"
    start_restored || refuse_store "$stamp"
    tell_restored restored
    rm "$unfinished_store"
    echo "${restored[*]}: restored. What was there before is kept, each volume as VOLUME.before-$stamp." || true
}
