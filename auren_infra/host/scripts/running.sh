#!/usr/bin/env bash
# running: which container of a service is asked, and which release it runs. The scripts that start, look and watch source it, and set
# `services`, where the releases are.
#
# Most containers read the files of the release that they were made from. A container with `Update.RELOAD` reads the files of the release
# that the link `live` leads to, at its start and at each reload. Releases that differ in their files only have the same such container.
# shellcheck disable=SC2154 # `services` is set by those that source this
set -euo pipefail

source links.sh

slots=/mnt/auren-data/slots

# live SERVICE: its instance that nginx asks. Most services have one.
live() {
    if [ -e "$slots/$1-green" ]; then
        echo "$1-green"
    else
        echo "$1"
    fi
}

# other SERVICE INSTANCE: the one in the service's other slot.
other() {
    if [ "$2" = "$1" ]; then
        echo "$1-green"
    else
        echo "$1"
    fi
}

# lead SERVICE INSTANCE: from now on, nginx asks this one.
lead() {
    if [ "$2" = "$1" ]; then
        rm -f "$slots/$1-green"
    else
        : >"$slots/$1-green"
    fi
    sync "$slots"
}

is_running() {
    [ "$(docker inspect --format '{{.State.Running}}' "$1" 2>/dev/null)" = true ]
}

# becomes_healthy CONTAINER DEADLINE: by Docker's own health check, before this time in seconds of this shell.
becomes_healthy() {
    until [ "$(docker inspect --format '{{.State.Health.Status}}' "$1" 2>/dev/null)" = healthy ]; do
        [ "$SECONDS" -lt "$2" ] || return 1
        sleep 0.5
    done
}

# release_of CONTAINER: the release that it was made from, or nothing.
release_of() {
    docker inspect --format '{{index .Config.Labels "auren.release"}}' "$1" 2>/dev/null || true
}

# reloads SERVICE ID: whether the release's container reads `live`.
reloads() {
    grep -q -- "- $services/$1:" "$services/$1/releases/$2/compose.yml" 2>/dev/null
}

# alike SERVICE ID ID: whether the compose files of the two releases differ in the id only.
alike() {
    local one=$services/$1/releases/$2/compose.yml other=$services/$1/releases/$3/compose.yml
    [ -e "$one" ] && [ -e "$other" ] && cmp -s <(sed "s/$2/@RELEASE@/g" "$one") <(sed "s/$3/@RELEASE@/g" "$other")
}

# read_by SERVICE ID: the release whose files a container that was made from ID reads at its next start. It is nothing when `live`
# leads nowhere, or to a release with another container.
read_by() {
    local live
    if ! reloads "$1" "$2"; then
        echo "$2"
        return
    fi
    live=$(readlink "$services/$1/live" || true)
    live=${live##*/}
    ! alike "$1" "$2" "$live" || echo "$live"
}

# told_by CONTAINER: the release whose files nginx has read last, as it says itself.
told_by() {
    timeout 10 docker exec "$1" curl -fsS --max-time 5 http://127.0.0.1:8079/ 2>/dev/null
}

# read_anew CONTAINER RELEASE: nginx reads what `live` leads to, which is the release. From its end on, processes of nginx that have read
# it answer. nginx does not tell whoever asks for a reload whether it has reloaded.
read_anew() {
    local deadline=$((SECONDS + 15))
    timeout 30 docker exec "$1" nginx -q -c /etc/auren/live/files/nginx.conf -s reload || return 1
    until [ "$(told_by "$1")" = "$2" ]; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

# running SERVICE CONTAINER: the release that the container runs. One that does not answer reads `live` when it starts again.
running() {
    local release
    release=$(read_by "$1" "$(release_of "$2")")
    if [ -n "$release" ] && reloads "$1" "$release"; then
        told_by "$2" || echo "$release"
    else
        echo "$release"
    fi
}
