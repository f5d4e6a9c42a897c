#!/usr/bin/env bash
# fill [[anonymised|real] TARGET [--as-of TIME]] < "ID TIME": before the database of the staged release ID starts, and all other stores. An
# empty volume is filled from the backups: with the newest state for `latest`, or with that of a time. Without a TARGET it stays empty, and
# that of the database only if the bucket has no backup. A volume that holds something is left alone. With `anonymised` or `real`, the
# backups are another stack's.
set -euo pipefail

main() {
    local id
    read -r id _ || [ -n "$id" ]  # the line has no end
    # A stack without backups of its own has no auren-backup.
    "$(command -v auren-backup || echo /usr/local/lib/auren/fill-volumes)" fill "$id" "$@"
}

main "$@"; exit
