#!/usr/bin/env bash
# retire < SERVICE lines: containers of the project that no service stands for any more are stopped and removed.
# Their volumes stay.
set -euo pipefail

main() {
    local wanted container service
    wanted=$(cat)
    docker ps --all --filter label=com.docker.compose.project=auren --format '{{.ID}} {{.Label "com.docker.compose.service"}}' |
        while read -r container service; do
            if ! grep -qxF "$service" <<<"$wanted"; then
                timeout 120 docker stop -t 60 "$container" >/dev/null
                # By force: the watchdog may have started it again.
                docker rm --force "$container" >/dev/null
                rm -f "/var/lib/auren/started/$service" "/var/lib/auren/started/$service".*
                echo "$service is no longer among the services: its container was removed"
            fi
        done
}

main "$@"; exit
