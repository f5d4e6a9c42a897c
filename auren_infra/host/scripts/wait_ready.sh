#!/usr/bin/env bash
# wait_ready SECONDS: returns when the first boot is over and the machine can be worked on.
set -euo pipefail

main() {
    local bound=$1 status=0
    timeout "$bound" cloud-init status --wait >/tmp/auren-first-boot 2>&1 || status=$?
    # 2 is "done, with recoverable errors", such as a deprecated key in the image's own configuration.
    if [ "$status" -ne 0 ] && [ "$status" -ne 2 ]; then
        cat /tmp/auren-first-boot >&2
        echo "The first boot was not over after $bound s, or failed. On the machine: cloud-init status --long" >&2
        exit 1
    fi
    install -d -m 0755 /opt/auren /var/lib/auren
    install -d -m 0700 /opt/auren/secrets /root/.ssh
}

main "$@"; exit
