#!/usr/bin/env bash
# pull_images: all images of the compose file, side by side, on a machine that has none yet. Each container's own command pulls
# what is missing by then and says why one cannot be had; this one only saves the time of doing it one after the other.
set -euo pipefail

main() {
    docker compose --ansi never --progress quiet --file /opt/auren/docker-compose.prod.yml pull --policy missing --ignore-pull-failures ||
        echo "not all images could be pulled ahead"
}

main "$@"; exit
