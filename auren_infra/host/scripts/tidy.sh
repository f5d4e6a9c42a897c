#!/usr/bin/env bash
# tidy: what deployments had on the machine before there were releases goes. All services run from releases by now.
set -euo pipefail

main() {
    rm -rf /opt/auren/secrets /var/lib/auren/started
    find /opt/auren/website -mindepth 1 -maxdepth 1 ! -name releases ! -name current ! -name previous -exec rm -rf {} +
    find /opt/auren -mindepth 1 -maxdepth 1 -type f ! -name docker-compose.prod.yml -delete
}

main "$@"; exit
