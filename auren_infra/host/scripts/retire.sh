#!/usr/bin/env bash
# retire < SERVICE lines: what no service stands for any more goes: its container, its releases, secrets and images. Its volumes stay.
set -euo pipefail

source links.sh

services=/opt/auren/services

# The images of the releases in these directories.
images() {
    local file
    for file in "$@"; do
        [ ! -e "$file/compose.yml" ] || awk '$1 == "image:" { print $2 }' "$file/compose.yml"
    done | sort -u
}

main() {
    local wanted container service directory unneeded image
    wanted=$(cat)
    # First, or the watchdog would start it again.
    for directory in "$services"/*/; do
        [ -d "$directory" ] || continue
        service=$(basename "$directory")
        grep -qxF -- "$service" <<<"$wanted" || rm -f "${directory}current"
    done
    docker ps --all --filter label=com.docker.compose.project=auren --filter label=com.docker.compose.oneoff=False \
        --format '{{.ID}} {{.Label "com.docker.compose.service"}}' |
        while read -r container service; do
            if ! grep -qxF -- "$service" <<<"$wanted"; then
                timeout 120 docker stop -t 60 "$container" >/dev/null
                # By force: the watchdog may have started it again.
                docker rm --force "$container" >/dev/null
                echo "$service is no longer among the services: its container was removed"
            fi
        done
    for directory in "$services"/*/; do
        [ -d "$directory" ] || continue
        service=$(basename "$directory")
        grep -qxF -- "$service" <<<"$wanted" && continue
        unneeded=$(images "$directory"releases/*)
        rm -rf "$directory"
        for image in $unneeded; do
            remove_image "$image"
        done
    done
}

main "$@"; exit
