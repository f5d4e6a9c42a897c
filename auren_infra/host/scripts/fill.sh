#!/usr/bin/env bash
# fill [TARGET [--as-of TIME]] < "ID TIME": before the database of the staged release ID starts, and all other stores. An empty volume is
# filled from the backups: with the newest state for `latest`, or with that of a time. Without a TARGET it stays empty, and that of the
# database only if the bucket has no backup. A volume that holds something is left alone.
set -euo pipefail

main() {
    local id
    read -r id _ || [ -n "$id" ]  # the line has no end
    auren-backup fill "$id" "$@"
}

main "$@"; exit
