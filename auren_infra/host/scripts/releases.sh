#!/usr/bin/env bash
# releases: what the scripts that stage a release and start it have in common. They source it.
set -euo pipefail

# shellcheck disable=SC2034 # it is for those that source this
services=/opt/auren/services

fail() {
    echo "$*" >&2
    exit 1
}

# compose FILE ARGUMENT…: the logins of auren:registries are in DOCKER_CONFIG. Compose pulls an image that is missing.
compose() {
    DOCKER_CONFIG=/etc/auren/registries COMPOSE_IGNORE_ORPHANS=1 docker compose --ansi never --progress quiet --file "$@"
}

# image_of DIRECTORY: the image of the release in it, or nothing.
image_of() {
    awk '$1 == "image:" { print $2; exit }' "$1/compose.yml" 2>/dev/null || true
}
