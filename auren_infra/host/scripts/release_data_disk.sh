#!/usr/bin/env bash
# HOST=… KNOWN_HOSTS=… TARGET=… release_data_disk < PRIVATE_KEY, on the machine that runs pulumi, before the data volume
# (an SSH agent's key is used when nothing is given)
# at the mount point TARGET is detached: a droplet that answers is brought down cleanly (containers stopped, disk unmounted). One that does not
# answer is left as it is after a minute: there is nothing to bring down on a dead machine, and it must not be in the way.
set -euo pipefail

on_the_droplet() {
    cat <<'REMOTE'
set -euo pipefail
main() {
    local target=$1 device
    if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
        # Or it starts again what is stopped here.
        systemctl stop auren-watchdog 2>/dev/null || true
        # In reverse order of the links; then whatever else runs.
        if [ -e /opt/auren/docker-compose.prod.yml ]; then
            timeout 150 docker compose --ansi never --progress quiet --file /opt/auren/docker-compose.prod.yml stop || true
        fi
        docker ps --quiet | xargs -r timeout 90 docker stop --time 60 >/dev/null
        systemctl stop docker.socket docker
    fi
    sync
    if device=$(findmnt --noheadings --output SOURCE "$target"); then
        # All its mounts: the cloud's own agent may have mounted the volume a second time.
        umount --all-targets "$device"
    fi
    echo "containers stopped, $target unmounted"
}
main "$@"; exit
REMOTE
}

main() {
    local tries=0 status
    local -a login=(-o BatchMode=yes)
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    (umask 077 && cat >"$work/key")
    if [ -s "$work/key" ]; then
        login+=(-i "$work/key" -o IdentitiesOnly=yes -o IdentityAgent=none)
    elif ! ssh-add -l >/dev/null 2>&1; then
        # It would look like a dead machine, and the volume of a live one would be detached.
        echo "The stack keeps no private key (auren:deployKey), and no SSH agent here holds one." >&2
        echo "Nothing was detached. Start an agent, add the key with ssh-add FILE, then run pulumi again." >&2
        return 1
    fi
    echo "$KNOWN_HOSTS" >"$work/known_hosts"
    while :; do
        status=0
        on_the_droplet | timeout 300 ssh -T "${login[@]}" \
            -o UserKnownHostsFile="$work/known_hosts" -o StrictHostKeyChecking=yes -o ConnectTimeout=10 \
            -o ServerAliveInterval=10 -o ServerAliveCountMax=3 "root@$HOST" bash -s -- "$TARGET" || status=$?
        [ "$status" -eq 255 ] || break
        tries=$((tries + 1))
        if [ "$tries" -ge 4 ]; then
            echo "$HOST does not answer over SSH: taken for dead, its data volume is detached as it is."
            return
        fi
        sleep 5
    done
    if [ "$status" -ne 0 ]; then
        echo "$HOST answers, but could not be brought down cleanly (exit $status): nothing was detached." >&2
        echo "See what holds $TARGET on the droplet (fuser -vm $TARGET), end it, then run pulumi again." >&2
        return 1
    fi
}

main "$@"; exit
