#!/usr/bin/env bash
# machine_firewall < UFW RULES, one a line: UFW is on, denies what comes in but for these, and holds no older rule of ours.
# Ours are known by their comment, so what somebody added by hand stays.
set -euo pipefail

mark() {
    echo "'auren-$(sha256sum <<<"$1" | cut -c1-12)'"
}

add() {
    local -a rule
    read -r -a rule <<<"$1"
    # A denial must stand before whatever allows more.
    [ "${rule[0]}" != deny ] || rule=(prepend "${rule[@]}")
    ufw "${rule[@]}" comment "$(mark "$1" | tr -d "'")"
}

# Deletes what carries our mark and is not wanted: lines such as "ufw allow from … comment 'auren-0123456789ab'".
drop_stale() {
    local wanted=$1 line
    local -a rule
    ufw show added | { grep " comment 'auren-" || true; } | while read -r line; do
        if ! grep -qF "${line##*comment }" <<<"$wanted"; then
            line=${line% comment *}
            read -r -a rule <<<"${line#ufw }"
            ufw delete "${rule[@]}"
        fi
    done
}

apply() {
    local rules=$1 rule wanted="" present
    present=$(ufw show added)
    # What lets us in is added before anything is taken away.
    while read -r rule; do
        wanted+="$(mark "$rule")"$'\n'
        grep -qF "$(mark "$rule")" <<<"$present" || add "$rule"
    done <<<"$rules"
    drop_stale "$wanted"
    ufw default deny incoming
    ufw default allow outgoing
    ufw default deny routed
    ufw --force enable
}

main() {
    apply "$(cat)" >/tmp/auren-ufw
    ufw status
}

main "$@"; exit
