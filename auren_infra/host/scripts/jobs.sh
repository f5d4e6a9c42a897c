#!/usr/bin/env bash
# jobs < FILES: what the machine does on a schedule. For each job NAME, auren-NAME.service and its timer are there, and the timer runs.
# No other timer of AUREN is left.
set -euo pipefail

source unpack.sh

units=/etc/systemd/system

main() {
    local unit timer changed=
    local -a timers=()
    unpack
    for unit in "$units"/auren-*.timer; do
        [ -e "$unit" ] && [ ! -e "$work/$(basename "$unit")" ] || continue
        systemctl disable --quiet --now "$(basename "$unit")"
        rm -f "$unit" "${unit%.timer}.service"
        changed=yes
    done
    for unit in "$work"/*; do
        [ -e "$unit" ] || continue
        put "$(basename "$unit")" 0644 "$units/$(basename "$unit")"
        changed=yes
    done
    [ -n "$changed" ] || return 0
    systemctl daemon-reload
    for timer in "$work"/*.timer; do
        [ ! -e "$timer" ] || timers+=("$(basename "$timer")")
    done
    [ "${#timers[@]}" -eq 0 ] || { systemctl enable --quiet "${timers[@]}" && systemctl restart "${timers[@]}"; }
}

main "$@"; exit
