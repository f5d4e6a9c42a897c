#!/usr/bin/env bash
# stop: the containers end cleanly, each before those that it needs.
# It does not ask a Docker that is stopped, whose socket would start it: systemd starts Docker only after this has ended.
set -euo pipefail

project=label=com.docker.compose.project=auren

main() {
    local line service id needs needed
    local -a running next
    if ! systemctl is-active --quiet docker; then
        echo "Docker is stopped: no container can be stopped." >&2
        return 0
    fi
    while true; do
        mapfile -t running < <(docker ps --no-trunc --filter "$project" \
            --format '{{.Label "com.docker.compose.service"}} {{.ID}} {{.Label "auren.needs"}}')
        [ "${#running[@]}" -gt 0 ] || return 0
        needed=" "
        for line in "${running[@]}"; do
            read -r service id needs <<<"$line"
            needed+="$needs "
        done
        next=()
        for line in "${running[@]}"; do
            read -r service id needs <<<"$line"
            [[ $needed == *" ${service%-green} "* ]] || next+=("$id")
        done
        # Docker stops them side by side, and gives each the time that its service has.
        docker stop "${next[@]}" >/dev/null
    done
}

main "$@"; exit
