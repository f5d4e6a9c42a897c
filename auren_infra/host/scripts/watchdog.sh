#!/usr/bin/env bash
# On the machine, every ten seconds: a container of AUREN that does not run is started, and one that is unhealthy while all that
# it depends on is healthy is restarted. Docker itself does neither for a container that was killed by hand or that hangs.
# Left alone: a container that a deployment is working on, which holds its lock.
set -euo pipefail

project=label=com.docker.compose.project=auren

health() {
    docker inspect --format '{{if .State.Health}}{{.State.Health.Status}}{{end}}' "$1" 2>/dev/null || true
}

# The services that a container depends on. Not by Compose's own label, which is empty when a service is started alone.
needs() {
    docker inspect --format '{{index .Config.Labels "auren.needs"}}' "$1"
}

needs_are_healthy() {
    local need
    for need in $(needs "$1"); do
        [ "$(health "auren-$need")" = healthy ] || return 1
    done
}

with_lock() {
    local service=$1
    shift
    flock --nonblock "/run/lock/auren-$service" timeout 60 docker "$@" </dev/null >/dev/null
}

main() {
    local name service state
    # Not by asking Docker, which would start it.
    systemctl is-active --quiet docker || return 0
    docker ps --all --filter "$project" --format '{{.Names}} {{.Label "com.docker.compose.service"}} {{.State}}' |
        while read -r name service state; do
            # While Compose makes a container anew, the old one has another name.
            [ "$name" = "auren-$service" ] || continue
            case "$state" in
            exited | created)
                if with_lock "$service" start "$name"; then
                    echo "$name did not run: started"
                fi
                ;;
            running)
                if [ "$(health "$name")" = unhealthy ] && needs_are_healthy "$name"; then
                    if with_lock "$service" restart --time 10 "$name"; then
                        echo "$name was unhealthy: restarted"
                    fi
                fi
                ;;
            esac
        done
}

main "$@"; exit
