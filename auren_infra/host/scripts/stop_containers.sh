#!/usr/bin/env bash
# stop_containers SECONDS MINUTES: all containers have ended cleanly, and what they wrote is on the disks: the power may be cut. It is also in the
# bucket of the backups, as it was MINUTES ago at most; with 0, nobody looks there.
# If the power is not cut within SECONDS, AUREN's containers start again. At a boot they start anyway.
set -euo pipefail

again=auren-start-again

main() {
    local seconds=$1 minutes=$2
    # The program of an earlier version does not know `fresh`.
    if [ "$minutes" -gt 0 ] && auren-backup fresh 0 2>/dev/null && ! auren-backup fresh "$minutes"; then
        echo "So the containers were not stopped. Repair that. To go on without a backup, set auren:freshBackupMinutes to 0." >&2
        exit 1
    fi
    if systemctl cat auren.service >/dev/null 2>&1; then
        # One of a run before would still be there.
        systemctl stop "$again.timer" 2>/dev/null || true
        systemd-run --quiet --collect --unit="$again" --on-active="$seconds" systemctl start auren
        # In the reverse order of the links, and the watchdog first.
        systemctl stop auren
    fi
    if command -v docker >/dev/null && systemctl is-active --quiet docker; then
        docker ps --quiet | xargs -r timeout 90 docker stop -t 60 >/dev/null
    fi
    sync
    echo "containers stopped"
}

main "$@"; exit
