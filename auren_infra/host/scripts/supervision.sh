#!/usr/bin/env bash
# supervision < WATCHDOG SCRIPT: the containers stop cleanly before the machine goes down, and a watchdog keeps them running.
# By hand: `systemctl stop auren` stops all containers and the watchdog, `systemctl start auren` brings them back.
set -euo pipefail

watchdog=/usr/local/lib/auren/watchdog
units=/etc/systemd/system

put() {
    cat >"$1.new"
    chmod "$2" "$1.new"
    mv "$1.new" "$1"
}

write_units() {
    # After Docker: at shutdown it goes first. Docker's own restart does not touch it, so containers live through that.
    put "$units/auren.service" 0644 <<UNIT
[Unit]
Description=AUREN's containers
After=docker.service network-online.target
Wants=auren-watchdog.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/usr/local/lib/auren/stop
TimeoutStopSec=180

[Install]
WantedBy=multi-user.target
UNIT
    put "$units/auren-watchdog.service" 0644 <<UNIT
[Unit]
Description=Restarts containers of AUREN that hang or do not run
After=auren.service
PartOf=auren.service

[Service]
Environment=LC_ALL=C
# What it remembers of containers that do not become healthy goes with it.
RuntimeDirectory=auren-watchdog
ExecStartPre=-/bin/systemctl reset-failed auren-failing@*
ExecStart=/bin/bash -c 'while sleep 10; do $watchdog; done'
Restart=always
RestartSec=5

[Install]
WantedBy=auren.service
UNIT
    # It fails at once, so that `systemctl --failed` shows it. The watchdog clears it.
    put "$units/auren-failing@.service" 0644 <<UNIT
[Unit]
Description=The container auren-%i is not healthy, and the watchdog could not help it

[Service]
Type=oneshot
ExecStart=/bin/false
UNIT
}

main() {
    install -d -m 0755 "$(dirname "$watchdog")"
    put "$watchdog" 0755
    write_units
    systemctl daemon-reload
    systemctl enable --quiet auren auren-watchdog
    systemctl start auren
    # What it is by now, while the containers' unit, which would stop them, stays as it is.
    systemctl restart auren-watchdog
}

main "$@"; exit
