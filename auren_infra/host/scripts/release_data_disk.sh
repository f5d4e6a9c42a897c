#!/usr/bin/env bash
# release_data_disk TARGET MINUTES: containers and Docker are stopped and the data disk at TARGET is unmounted, so that it can be detached.
# Before that, the stores are backed up, if the newest backup is older than MINUTES. This is not asked for: the disk stays whole, and
# when everything is destroyed the bucket may be gone already.
set -euo pipefail

# In the reverse order of the links; then whatever else runs.
stop_containers() {
    # The watchdog would start again what is stopped here.
    systemctl stop auren-watchdog 2>/dev/null || true
    if [ -x /usr/local/lib/auren/stop ]; then
        timeout 150 /usr/local/lib/auren/stop || true
    fi
    docker ps --quiet | xargs -r timeout 90 docker stop -t 60 >/dev/null
}

main() {
    local target=$1 minutes=$2 device
    if [ "$minutes" -gt 0 ] && command -v auren-backup >/dev/null; then
        timeout 600 auren-backup fresh "$minutes" 2>&1 || echo "No backup was made before the machine was brought down."
    fi
    if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
        stop_containers
        systemctl stop docker.socket docker
    fi
    sync
    if device=$(findmnt --noheadings --output SOURCE "$target"); then
        # All its mounts: the cloud's own agent may have mounted the volume a second time.
        if ! umount --all-targets "$device"; then
            echo "Something holds $target. See what it is with \`fuser -vm $target\` on the droplet, end it, then run pulumi again." >&2
            exit 1
        fi
    fi
    echo "containers stopped, $target unmounted"
}

main "$@"; exit
