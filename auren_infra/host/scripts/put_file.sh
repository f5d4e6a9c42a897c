#!/usr/bin/env bash
# put_file PATH MODE OWNER < CONTENT: the file with exactly this content, mode and owner, in one step.
# What stands in its place is replaced: a link, or the empty directory that Docker makes where a mounted file is missing.
set -euo pipefail

main() {
    local path=$1 mode=$2 owner=$3
    # Only what is missing: /root/.ssh is closed to others, and stays so.
    [ -d "${path%/*}" ] || install -d -m 0755 "${path%/*}"
    umask 077
    cat >"$path.new"
    chown "$owner" "$path.new"
    chmod "$mode" "$path.new"
    if [ -d "$path" ] && [ ! -L "$path" ] && ! rmdir "$path" 2>/dev/null; then
        rm -f "$path.new"
        echo "$path is a directory that holds something. Move it away on the machine, then run pulumi again." >&2
        exit 1
    fi
    if [ ! -L "$path" ] && cmp -s "$path.new" "$path"; then
        # The same inode stays, so that a container which has the file mounted keeps seeing it.
        chown "$owner" "$path"
        chmod "$mode" "$path"
        rm -f "$path.new"
    else
        # Pulumi takes the file for placed from now on, so a power cut must not take it away again.
        sync "$path.new"
        mv -T "$path.new" "$path"
        sync "${path%/*}"
    fi
}

main "$@"; exit
