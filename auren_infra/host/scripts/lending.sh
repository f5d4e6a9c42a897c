#!/usr/bin/env bash
# lending: what the scripts have in common that need memory of other services for a while. They source it behind `running.sh`, and call
# `give_back` at their end.
set -euo pipefail

lent=()  # the containers that are stopped meanwhile
drilling=/run/auren-drill  # the process group of a drill of the backups, which holds this file

# borrow LENDER…: stops these services. Their locks keep the watchdog away, until this script ends in any way.
borrow() {
    local lender number
    for lender in "$@"; do
        exec {number}>"/run/lock/auren-$lender"
        flock --wait 5 "$number" || end_drill
        # Its own deployment can be under way in the same update. It may fail, and go back.
        flock --wait 280 "$number" || fail "$lender is being deployed, and its memory is needed. Try again when that has ended."
        if is_running "auren-$lender"; then
            docker stop "auren-$lender" >/dev/null
            lent+=("auren-$lender")
        fi
    done
}

# end_drill: a drill of the backups that has the memory. It can be made at any other time.
end_drill() {
    local group
    [ -s "$drilling" ] && ! (flock --shared --nonblock 9) 9<"$drilling" || return 0
    group=$(cat "$drilling")
    [ "$group" != "$BASHPID" ] || return 0
    echo "A drill of the backups had the memory that is needed, and was ended." >&2
    kill -TERM -- "-$group" 2>/dev/null || true
    docker rm --force auren-postgres-restore auren-copy-drill >/dev/null 2>&1 || true
}

# shellcheck disable=SC2329 # called at the end of the script
give_back() {
    [ "${#lent[@]}" -eq 0 ] || docker start "${lent[@]}" >/dev/null
    lent=()
}
