#!/usr/bin/env bash
# hold SECONDS WHO COMMIT MESSAGE < lines: this machine belongs to one deployment, until the lines end or none comes for SECONDS. It prints
# `held` when that begins. While it belongs to another one, the script says whose it is and ends with status 3.
# A line is the name of a command that is about to run, or empty. The beginning, the commands and the end are in the history.
# Nothing of the lock is left behind by a run that dies, or by a boot.
set -euo pipefail

source releases.sh

# in_history EVENT WHAT. The data disk may not be there yet.
in_history() {
    ! mountpoint -q "${history%/*}" || add_event - - "$1" "$2" "$commit"
}

main() {
    local silence=$1 who=$2 commit=$3 message=$4 line status=0
    exec 9<>"$deployment"
    if ! flock --wait 2 9; then  # who_deploys holds it for a moment
        cat "$deployment" >&2
        exit 3
    fi
    echo "$who, since $(date -u +%Y-%m-%dT%H:%M:%SZ), commit $commit: $message" >"$deployment"
    in_history begun "$who: $message"
    echo held
    until [ "$status" -gt 0 ]; do
        line=
        read -r -t "$silence" line || status=$?
        [ -z "$line" ] || in_history command "$line"
    done
    if [ "$status" -gt 128 ]; then  # by the time limit
        in_history cut-off "$who: $message"
    else
        in_history ended "$who: $message"
    fi
}

main "$@"; exit
