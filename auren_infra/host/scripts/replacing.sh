#!/usr/bin/env bash
# replacing: how a new container takes the place of the old one, and how the old one comes back. switch.sh and reload.sh source it.
# shellcheck disable=SC2154 # those of starting.sh
set -euo pipefail

source starting.sh

# start_release ID
start_release() {
    ! reloads "$service" "$1" || point "$directory" live "$1"
    start "$directory/releases/$1/compose.yml"
}

# What ran before runs again. A deployment before there were releases has left its compose file.
go_back() {
    local before earlier=/var/lib/auren/started/$service.yml
    before=$(linked current)
    if [ "$before" = "$id" ]; then
        echo "It is the release that was accepted last, so there is no other to go back to."
    elif [ -n "$before" ]; then
        if start_release "$before"; then
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

# The container of the staged release takes the place of what is there. The script ends here. A review reads the seconds.
replace() {
    local began=$SECONDS
    if start_release "$id"; then
        accept
        echo "$container runs $id, of $(docker inspect --format '{{.Config.Image}}' "$container"), healthy after $((SECONDS - began)) s"
        exit
    fi
    refuse explain "$began"
    go_back >>"$work/failure"
    cat "$work/failure" >&2
    exit 1
}
