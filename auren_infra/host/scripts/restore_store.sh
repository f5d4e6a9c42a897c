#!/usr/bin/env bash
# restore_store: a store beside PostgreSQL, as its newest copy has it. auren-restore sources it behind backups.sh and copies.sh.
#
# What is restored is unpacked beside the volume while the service runs, then takes the volume's place, and what was there is kept. Between the
# two there is no directory of the volume, and without it no container starts.
# shellcheck disable=SC2154 # what backups.sh and copies.sh set
set -euo pipefail

# While the volumes are exchanged, the file `unfinished_store` has: what was asked for, what the kept ones are called, and maybe `failed`.

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
    ask_copies_of_target
    printf '{"copies": ['
    while read -r name volume kind <&4; do
        found=$(newest_copy "$volume" "$kind" "$until")
        [ -n "$found" ] || fail "The bucket has no copy of $volume${until:+ from before $target}. $no_copy"
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
        room_for $(($(cat "$work/unpacked-$volume") / 1048576)) "A restore of $volume"
        install -d -m 0700 "$disk/$volume.restored"
        # Chroma's is written through, as data_disk.sh has set it.
        case "$(lsattr -d "$disk/$volume" | cut -d' ' -f1)" in
        *S*) chattr +S "$disk/$volume.restored" ;;
        esac
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
        becomes_healthy "$name" "$deadline" || return 1
    done
}

# each_wanted FUNCTION STAMP: calls the function with each volume. What came before is on the disk then.
each_wanted() {
    local volume
    while read -r _ volume _ <&4; do
        "$1" "$volume" "$2" </dev/null
    done 4<"$work/wanted"
    sync --file-system "$disk"
}

# put_volume_aside VOLUME STAMP: after a cut, somebody may have made the directory anew.
put_volume_aside() {
    local stamp=$2
    [ -d "$disk/$1.restored" ] && [ -d "$disk/$1" ] || return 0
    [ ! -d "$disk/$1.before-$stamp" ] || stamp=$(date -u +%Y%m%dT%H%M%SZ)
    mv --no-target-directory "$disk/$1" "$disk/$1.before-$stamp"
}

put_restored_in() {
    [ ! -d "$disk/$1.restored" ] || mv --no-target-directory "$disk/$1.restored" "$disk/$1"
}

# put_restored_out VOLUME STAMP
put_restored_out() {
    [ -d "$disk/$1.before-$2" ] || return 0
    rm -rf "$disk/$1.restored"
    [ ! -d "$disk/$1" ] || mv --no-target-directory "$disk/$1" "$disk/$1.restored"
}

# put_volume_back VOLUME STAMP
put_volume_back() {
    [ ! -d "$disk/$1.before-$2" ] || mv --no-target-directory "$disk/$1.before-$2" "$disk/$1"
    rm -rf "$disk/$1.restored"
}

# exchange STAMP: all are away before the first one is there again, so Kafka never starts with another day's ZooKeeper.
exchange() {
    each_wanted put_volume_aside "$1"
    each_wanted put_restored_in "$1"
}

# exchange_back STAMP
exchange_back() {
    each_wanted put_restored_out "$1"
    each_wanted put_volume_back "$1"
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
    local wish="$1 $target${as_of:+ --as-of $as_of}" stamp name
    wanted_of "$1"
    trap '' PIPE  # whoever has asked may be gone
    hold_machine "$wish"
    for name in "${restored[@]}"; do
        keep_deployments_away "$name"
    done
    alone
    alone_with_copies
    if [ -e "$unfinished_store" ]; then
        [ "$(head -n 1 "$unfinished_store")" = "$wish" ] ||
            fail "Another restore was cut. Finish it first: auren-restore store $(head -n 1 "$unfinished_store")"
        echo "Going on with the restore that was cut." >&2
    else
        trap 'rm -rf "$work"; [ -e "$unfinished_store" ] || rm -rf "$disk"/*.restored' EXIT
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
