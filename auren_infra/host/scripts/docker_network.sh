#!/usr/bin/env bash
# docker_network NAME SUBNET: the bridge network that all containers are on.
set -euo pipefail

main() {
    local name=$1 subnet=$2 present
    present=$(docker network inspect --format '{{.Driver}} {{(index .IPAM.Config 0).Subnet}}' "$name" 2>/dev/null || true)
    if [ -z "$present" ]; then
        docker network create --driver bridge --subnet "$subnet" "$name" >/dev/null
    elif [ "$present" != "bridge $subnet" ]; then
        echo "$name is there already, but as: $present. Nothing was changed." >&2
        echo "Stop what uses it and remove it (docker network rm $name), then run pulumi up again." >&2
        exit 1
    fi
}

main "$@"; exit
