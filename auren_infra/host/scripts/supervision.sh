#!/usr/bin/env bash
# supervision < FILES: the containers stop cleanly before the machine goes down (auren.service), and a watchdog keeps them running.
# By hand: `systemctl stop auren` stops all containers and the watchdog, `systemctl start auren` brings them back.
set -euo pipefail

source unpack.sh

watchdog=/usr/local/lib/auren/watchdog
units=/etc/systemd/system

main() {
    local unit
    install -d -m 0755 "$(dirname "$watchdog")"
    unpack
    put watchdog 0755 "$watchdog"
    for unit in auren.service auren-watchdog.service auren-failing@.service; do
        put "$unit" 0644 "$units/$unit"
    done
    systemctl daemon-reload
    systemctl enable --quiet auren auren-watchdog
    systemctl start auren
    # What it is by now, while the containers' unit, which would stop them, stays as it is.
    systemctl restart auren-watchdog
}

main "$@"; exit
