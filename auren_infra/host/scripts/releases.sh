#!/usr/bin/env bash
# releases: what the scripts about releases have in common. They source it. Some functions take `service` and its `directory` as set.
# shellcheck disable=SC2034,SC2154 # both ways, for and by those that source this
set -euo pipefail

services=/opt/auren/services
history=/mnt/auren-data/history
deployment=/run/lock/auren-deployment

fail() {
    echo "$*" >&2
    exit 1
}

# compose FILE ARGUMENT…: the logins of auren:registries are in DOCKER_CONFIG. Compose pulls an image that is missing. It is ended after
# the seconds of `limit`.
compose() {
    DOCKER_CONFIG=/etc/auren/registries COMPOSE_IGNORE_ORPHANS=1 ${limit:+timeout --kill-after=30 "$limit"} docker compose --ansi never --progress quiet --file "$@"
}

# image_of DIRECTORY: the image of the release in it, or nothing.
image_of() {
    awk '$1 == "image:" { print $2; exit }' "$1/compose.yml" 2>/dev/null || true
}

# revision_of IMAGE: the commit that the image was built from, as it says itself, or nothing. Others have written it.
revision_of() {
    { docker image inspect --format '{{with .Config.Labels}}{{index . "org.opencontainers.image.revision"}}{{end}}' "$1" 2>/dev/null ||
        true; } | tr -cd '[:alnum:]._-' | head -c 64
}

# last_accepted: the release of the service that was accepted last, as the history says, or nothing.
last_accepted() {
    awk -F '\t' -v service="$service" '$2 == service && $4 == "accepted" { id = $3 } END { print id }' "$history" 2>/dev/null || true
}

# accept_link RELEASE [YES]: `advance`. With YES it is an earlier release that somebody wanted back. That is noted before, or after a cut the
# next rollback would lead back to the release that was left. The release of before, once more, changes nothing of it.
accept_link() {
    if [ "$(linked current)" != "$1" ]; then
        if [ -n "${2:-}" ]; then
            touch "$directory/rolled-back"
        else
            rm -f "$directory/rolled-back"
        fi
    fi
    advance "$1"
}

# asked_back RELEASE: whether a rollback to this release was the last that the history says of it.
asked_back() {
    awk -F '\t' -v service="$service" -v release="$1" '$2 == service && $3 == release { event = $4 }
        END { if (event == "rollback") print "yes" }' "$history" 2>/dev/null || true
}

# record RELEASE WORD: what became of a release of the service. The image says itself of which commit it is.
record() {
    local image
    image=$(image_of "$directory/releases/$1")
    add_event "$service" "$1" "$2" "$image" "$(revision_of "$image")"
}

# add_event SERVICE RELEASE EVENT WHAT COMMIT: a line in the history, which only grows, with the time and the address of whoever was logged in.
# A full disk does not stop a deployment.
add_event() {
    local from=${SSH_CONNECTION:--}
    if ! printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" "$2" "$3" "${4:--}" \
        "${5:--}" "${from%% *}" >>"$history" || ! sync "$history"; then
        echo "The history $history could not be written." >&2
    fi
}

# who_deploys: the deployment that holds this machine, or nothing.
who_deploys() {
    [ ! -e "$deployment" ] || (flock --shared --nonblock 9) 9<"$deployment" || cat "$deployment"
}
