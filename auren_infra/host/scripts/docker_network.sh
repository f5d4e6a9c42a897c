#!/usr/bin/env bash
# docker_network NAME SUBNET BRIDGE: the bridge network that all containers are on, as the interface BRIDGE. Docker itself lets
# nothing pass between its containers (icc): what may is the firewall's matter, and without the firewall nothing may.
set -euo pipefail

main() {
    local name=$1 subnet=$2 bridge=$3 wanted present
    wanted="bridge $subnet $bridge false"
    present=$(docker network inspect --format \
        '{{.Driver}} {{(index .IPAM.Config 0).Subnet}} {{index .Options "com.docker.network.bridge.name"}} {{index .Options "com.docker.network.bridge.enable_icc"}}' \
        "$name" 2>/dev/null || true)
    if [ -z "$present" ]; then
        docker network create --driver bridge --subnet "$subnet" --opt "com.docker.network.bridge.name=$bridge" \
            --opt com.docker.network.bridge.enable_icc=false "$name" >/dev/null
    elif [ "$present" != "$wanted" ]; then
        echo "$name is there already, but as: $present. Nothing was changed." >&2
        echo "It must be: $wanted (driver, subnet, interface, containers reach each other by themselves)." >&2
        echo "Stop what uses it and remove it (docker network rm $name), then run pulumi up again." >&2
        exit 1
    fi
}

main "$@"; exit
