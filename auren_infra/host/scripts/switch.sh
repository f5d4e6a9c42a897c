#!/usr/bin/env bash
# switch SERVICE SECONDS < "ID TIME": the service's container runs the staged release ID and is healthy, and `current` leads to it.
# A container that runs this release and is healthy is left alone. A release that is not healthy within SECONDS is refused: the container
# of `current` is started again, from files that were never touched, and the script fails with what happened.
set -euo pipefail

source starting.sh

# What ran before runs again. A deployment before there were releases has left its compose file.
go_back() {
    local before earlier=/var/lib/auren/started/$service.yml
    before=$(linked current)
    if [ "$before" = "$id" ]; then
        echo "It is the release that was accepted last, so there is no other to go back to."
    elif [ -n "$before" ]; then
        if start "$directory/releases/$before/compose.yml"; then
            echo "The release before it, $before, runs again."
        else
            echo "The release before it, $before, could not be started either."
        fi
    elif [ -e "$earlier" ]; then
        if start "$earlier"; then
            echo "The container of the last good deployment runs again."
        else
            echo "The container of the last good deployment could not be started either."
        fi
    else
        echo "There is no earlier release of $service to go back to."
    fi
}

main() {
    local began
    staged "$1"
    instance=$service container=auren-$service bound=$2
    if ! was_repaired && [ "$(linked current)" = "$id" ] && [ "$(release_of "$container")" = "$id" ] && works_now; then
        was_right
        echo "$container runs $id and is healthy"
        return
    fi
    began=$SECONDS
    if start "$directory/releases/$id/compose.yml"; then
        accept
        echo "$container runs $id, of $(docker inspect --format '{{.Config.Image}}' "$container")"
        return
    fi
    refuse explain "$began"
    go_back >>"$work/failure"
    cat "$work/failure" >&2
    exit 1
}

main "$@"; exit
