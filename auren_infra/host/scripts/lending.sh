#!/usr/bin/env bash
# lending: what the scripts have in common that need memory of other services for a while. They source it behind `running.sh`, and call
# `give_back` at their end.
set -euo pipefail

lent=()  # the containers that are stopped meanwhile

# borrow LENDER…: stops these services. Their locks keep the watchdog away, until this script ends in any way.
borrow() {
    local lender number
    for lender in "$@"; do
        exec {number}>"/run/lock/auren-$lender"
        # Its own deployment can be under way in the same update. It may fail, and go back.
        flock --wait 280 "$number" || fail "$lender is being deployed, and its memory is needed. Try again when that has ended."
        if is_running "auren-$lender"; then
            docker stop "auren-$lender" >/dev/null
            lent+=("auren-$lender")
        fi
    done
}

# shellcheck disable=SC2329 # called at the end of the script
give_back() {
    [ "${#lent[@]}" -eq 0 ] || docker start "${lent[@]}" >/dev/null
    lent=()
}
