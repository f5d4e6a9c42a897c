#!/usr/bin/env bash
# remove_file PATH: there is no file of this path, and no directory that it was alone in.
set -euo pipefail

main() {
    local path=$1
    # put_file may have been cut before it moved its draft.
    rm -f "$path" "$path.new"
    if [ -d "${path%/*}" ]; then
        rmdir --ignore-fail-on-non-empty "${path%/*}"
        # Pulumi takes the file for removed from now on, so a power cut must not bring it back.
        sync "$(dirname "${path%/*}")"
    fi
}

main "$@"; exit
