#!/usr/bin/env bash
# auren-releases [SERVICE]: the releases that are on this machine, and the last lines of the history. A release can be started again with
# `auren-rollback SERVICE RELEASE`.
set -euo pipefail

source releases.sh
source links.sh

lines=40  # of the history
row='%-11s %-16s %-8s %-20s %-12.12s %s\n'

# What the links say of a release.
state_of() {
    local link
    for link in current previous failed; do
        if [ "$(linked "$link")" = "$1" ]; then
            echo "$link"
            return
        fi
    done
    echo kept
}

# The releases of the service, the newest first.
list() {
    local release image revision
    find "$directory/releases" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %P\n' | sort -rn | cut -d' ' -f2 | while read -r release; do
        [ -e "$directory/releases/$release/text" ] || continue
        image=$(image_of "$directory/releases/$release")
        revision=$(revision_of "$image")
        # shellcheck disable=SC2059 # it is a constant
        printf "$row" "$service" "$release" "$(state_of "$release")" \
            "$(date -u -r "$directory/releases/$release" +%Y-%m-%dT%H:%M:%SZ)" "${revision:--}" "$image"
    done
}

main() {
    local deploys
    [ $# -le 1 ] || fail "usage: auren-releases [SERVICE]"
    [ $# -eq 0 ] || [ -d "$services/$1/releases" ] || fail "There is no service $1 on this machine."
    # shellcheck disable=SC2059 # it is a constant
    printf "$row" SERVICE RELEASE STATE SINCE COMMIT IMAGE
    for directory in "$services"/${1:-*}; do
        service=$(basename "$directory")
        list
    done
    printf '\n%-20s %-11s %-16s %-8s %-15s %-12s %s\n' TIME SERVICE RELEASE EVENT FROM COMMIT IMAGE
    [ ! -e "$history" ] || awk -F '\t' -v service="${1:-}" 'service == "" || $2 == service {
        printf "%-20s %-11s %-16s %-8s %-15s %-12.12s %s\n", $1, $2, $3, $4, $7, $6, $5 }' "$history" | tail -n "$lines"
    deploys=$(who_deploys)
    [ -z "$deploys" ] || printf '\nA deployment is under way: %s\n' "$deploys"
}

main "$@"; exit
