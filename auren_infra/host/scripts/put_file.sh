#!/usr/bin/env bash
# put_file PATH MODE OWNER < CONTENT: the file with exactly this content, mode and owner, in one step.
set -euo pipefail

main() {
    local path=$1 mode=$2 owner=$3
    install -d -m 0755 "$(dirname "$path")"
    umask 077
    cat >"$path.new"
    chown "$owner" "$path.new"
    chmod "$mode" "$path.new"
    if cmp -s "$path.new" "$path"; then
        # The same inode stays, so that a container which has the file mounted keeps seeing it.
        chown "$owner" "$path"
        chmod "$mode" "$path"
        rm -f "$path.new"
    else
        mv "$path.new" "$path"
    fi
}

main "$@"; exit
