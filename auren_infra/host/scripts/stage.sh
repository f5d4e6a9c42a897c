#!/usr/bin/env bash
# stage SERVICE [SECRET=DIGEST…] < RELEASE: the release is on the machine with its secrets and its image, and its preflight accepts it.
# Nothing that runs is touched. Prints the release's id and the time of this attempt.
#
# /opt/auren/services/SERVICE holds releases/ID (compose.yml, files/, secrets/, text), and links to them: `current` is the release that
# was accepted last, `previous` the one before it, `failed` the one that was refused last. secrets/ holds every secret once.
# RELEASE is written by auren_infra/release_text.py. The id is the digest of all that is sent, so the same is the same release.
set -euo pipefail

source releases.sh

# names KIND: what the lines of this kind name.
names() {
    awk -v kind="$1" '$1 == kind && !/^ / { print $2 }' "$text"
}

# place NAME: the file from .new is in the release. One that is as it should be keeps its inode.
place() {
    local from=$release/.new/$1 to=$release/$1
    if [ -f "$to" ] && [ ! -L "$to" ] && cmp -s "$from" "$to" && [ "$(stat -c %a:%u:%g "$to")" = "$(stat -c %a:%u:%g "$from")" ]; then
        return
    fi
    [ ! -d "$to" ] || [ -L "$to" ] || rm -rf "$to"
    mv -T "$from" "$to"
    # A container may have read what was wrong. What starts the release acts on these names.
    [ ! -e "$release/text" ] || echo "$1" >>"$release/repaired"
}

# What is there already and is not right, as after an edit by hand or a cut, is put right.
write() {
    local name
    install -d -m 0755 "$release" "$release/files"
    rm -rf "$release/.new"
    install -d -m 0755 "$release/.new" "$release/.new/files"
    awk -v new="$release/.new" '
        /^compose$/ { out = new "/compose.yml"; printf "" >out; next }
        /^file / { close(out); out = new "/files/" substr($0, 6); printf "" >out; next }
        /^ / { print substr($0, 2) >out }' "$text"
    sed -i "s/@RELEASE@/$id/g" "$release/.new/compose.yml"
    names file | while read -r name; do
        sed -i "s/@RELEASE@/$id/g" "$release/.new/files/$name"
    done
    place compose.yml
    names file | while read -r name; do
        place "files/$name"
    done
    rm -rf "$release/.new"
    names file | only files
}

write_secrets() {
    local secret name digest owner
    owner=$(names owner)
    install -d -m 0500 -o "${owner%:*}" -g "${owner#*:}" "$release/secrets"
    for secret in "${secrets[@]}"; do
        name=${secret%%=*} digest=${secret#*=}
        [ -f "$directory/secrets/$name.$digest" ] || fail "$service needs another secret $name than this machine has." \
            "Run pulumi up without --target, or name the command of the secret as well."
        [ "$directory/secrets/$name.$digest" -ef "$release/secrets/$name" ] ||
            ln --force --no-target-directory "$directory/secrets/$name.$digest" "$release/secrets/$name"
    done
    printf '%s\n' "${secrets[@]%%=*}" | only secrets
}

# only DIRECTORY < NAMES: what is not named goes.
only() {
    local wanted name
    wanted=$(cat)
    find "$release/$1" -mindepth 1 -maxdepth 1 -printf '%P\n' | while IFS= read -r name; do
        grep -qxF -- "$name" <<<"$wanted" || rm -rf "${release:?}/$1/$name"
    done
}

# To ask Docker for the image is cheaper than to start Compose.
pull() {
    if ! docker image inspect --format '{{.Id}}' "$(image_of "$release")" >/dev/null 2>&1 &&
        ! compose "$release/compose.yml" pull --quiet --policy missing "$service" >"$log" 2>&1; then
        tail -n 10 "$log" >&2
        fail "The image of $service could not be pulled. What ran before still runs."
    fi
    # Docker does not flush the layers that it unpacks: a power cut would leave an image with holes. Nobody knows when an image
    # that is there was pulled.
    sync --file-system /var/lib/docker
}

# The preflight runs in a container of its own. One of a run that was cut is removed first.
preflight() {
    local name=auren-preflight-$service judge
    judge=$(names preflight)
    [ -n "$judge" ] || return 0
    docker rm --force "$name" >/dev/null 2>&1 || true
    if ! compose "$release/compose.yml" run --rm --no-deps --no-TTY --name "$name" "$judge" >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        fail "$service does not accept its new configuration. What ran before still runs."
    fi
}

main() {
    local id release
    service=$1 directory=$services/$1
    shift
    local -a secrets=("$@")
    text=$(mktemp) log=$(mktemp)
    trap 'rm -f "$text" "$log"' EXIT
    cat >"$text"
    id=$({ cat "$text" && [ $# -eq 0 ] || printf '%s\n' "$@"; } | sha256sum | cut -c1-16)
    release=$directory/releases/$id
    umask 022
    install -d -m 0700 "$services"
    install -d -m 0755 "$directory" "$directory/releases"
    write
    write_secrets
    pull
    preflight
    # With it the release is complete.
    install -m 0644 "$text" "$release/text"
    sync --file-system "$release"
    echo "$id $(date -u +%Y-%m-%dT%H:%M:%S.%NZ)"
}

main "$@"; exit
