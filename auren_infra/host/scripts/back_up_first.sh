#!/usr/bin/env bash
# back_up_first MINUTES < "SERVICE ID TIME", a line for each store: those whose staged release is not the one that runs are in the bucket, as
# they are now, or as they were so many minutes ago.
set -euo pipefail

source releases.sh
source running.sh

main() {
    local service id before
    local -a changed=()
    while read -r service id _; do
        before=$(release_of "auren-$service")
        [ -z "$before" ] || [ "$before" = "$id" ] || changed+=("$service")
    done
    [ "${#changed[@]}" -gt 0 ] || return 0
    auren-backup fresh "$1" "${changed[@]}" ||
        fail "So ${changed[*]} were not changed. Repair that, and run pulumi up again. To change them without a backup, set" \
            "auren:freshBackupMinutes to 0."
}

main "$@"; exit
