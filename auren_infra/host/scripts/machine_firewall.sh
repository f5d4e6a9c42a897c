#!/usr/bin/env bash
# machine_firewall < UFW RULES, one a line: UFW is on, denies what comes in but for these, and holds no older rule of ours.
# Ours are known by their comment, so what somebody added by hand stays.
set -euo pipefail

mark() {
    echo "auren-$(sha256sum <<<"$1" | cut -c1-12)"
}

add() {
    local -a rule
    read -r -a rule <<<"$1"
    # A denial must stand before whatever allows more.
    [ "${rule[0]}" != deny ] || rule=(prepend "${rule[@]}")
    ufw "${rule[@]}" comment "$(mark "$1")"
}

# The number of a rule that carries our mark and is not WANTED: lines such as "[ 3] 22/tcp  ALLOW IN  198.51.100.1  # auren-0123456789ab".
stale() {
    ufw status numbered | awk -v wanted="$1" '
        / # auren-[0-9a-f]+ *$/ && !found && !index(wanted, $NF) { gsub(/^\[ *|\].*/, ""); print; found = 1 }'
}

apply() {
    local rules=$1 rule wanted="" present number
    present=$(ufw show added)
    # What lets us in is added before anything is taken away.
    while read -r rule; do
        wanted+="$(mark "$rule") "
        grep -qF "'$(mark "$rule")'" <<<"$present" || add "$rule"
    done <<<"$rules"
    ufw default deny incoming
    ufw default allow outgoing
    ufw default deny routed
    ufw --force enable
    # By number: what UFW shows of "from ::/0" and "from 0.0.0.0/0" is the same "22/tcp", which would delete both. Numbers shift.
    number=$(stale "$wanted")
    while [ -n "$number" ]; do
        ufw --force delete "$number"
        number=$(stale "$wanted")
    done
}

main() {
    apply "$(cat)" >/tmp/auren-ufw
    ufw status
}

main "$@"; exit
