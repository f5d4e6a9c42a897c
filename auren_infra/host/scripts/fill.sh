#!/usr/bin/env bash
# fill TARGET < "ID TIME": before the database of the staged release ID starts. An empty volume is filled from the backups: with the newest
# state for `latest`, or with that of a time. For an empty TARGET it stays empty, unless the bucket has a backup. A volume that holds a
# database is left alone.
set -euo pipefail

main() {
    local id
    read -r id _ || [ -n "$id" ]  # the line has no end
    auren-backup fill "$id" "$1"
}

main "$@"; exit
