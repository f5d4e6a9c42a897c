#!/usr/bin/env bash
# put_secret DIRECTORY NAME OWNER < DIGEST, then the secret: the secret is in DIRECTORY as NAME.DIGEST, for a release to read.
# One of another digest stays: a release may need it.
set -euo pipefail

main() {
    local directory=$1 name=$2 owner=$3 digest path
    read -r digest
    path=$directory/$name.$digest
    umask 077
    install -d -m 0700 "${directory%/*/*}"
    install -d -m 0755 "${directory%/*}"
    install -d -m 0700 "$directory"
    # Written over, and not replaced: the releases have this file under other names.
    if [ -d "$path" ] || [ -L "$path" ]; then
        rm -rf "$path"
    fi
    cat >"$path.new"
    cmp -s "$path.new" "$path" || cat "$path.new" >"$path"
    rm -f "$path.new"
    chown "$owner" "$path"
    chmod 0400 "$path"
    sync "$path" "$directory"  # Pulumi takes it for placed from now on
}

main "$@"; exit
