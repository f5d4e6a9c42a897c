#!/usr/bin/env bash
# Stands for a program on the droplet. The first call that /run/stop-at/call matches, by a script of the order in /run/stop-at/order, waits
# for /run/stop-at/go before it runs, so the script stands still in front of it. /run/stop-at/reached says that it does.
# All other calls run at once. /run is empty after a boot.
set -euo pipefail

stop=/run/stop-at
tool=${0##*/}

if [ -n "${AUREN_ORDER:-}" ] && [ "$AUREN_ORDER" = "$(/usr/bin/cat "$stop/order" 2>/dev/null)" ] &&
    [[ "$tool $*" =~ $(/usr/bin/cat "$stop/call") ]] && /usr/bin/mkdir "$stop/reached" 2>/dev/null; then
    until [ -e "$stop/go" ]; do
        /usr/bin/sleep 0.02
    done
fi
exec "/usr/bin/$tool" "$@"
