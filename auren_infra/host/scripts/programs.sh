#!/usr/bin/env bash
# programs < FILES: the programs that stay on the machine, and what they read, each replaced in one step. Those named auren-… can be called
# by their names. All others are in /usr/local/lib/auren. Those of backups that are not there any more go.
set -euo pipefail

source unpack.sh

main() {
    local path name mode directory
    install -d -m 0755 /usr/local/lib/auren
    unpack
    for path in "$work"/*; do
        name=$(basename "$path") mode=0644 directory=/usr/local/lib/auren
        [ "$(head -c 2 "$path")" != "#!" ] || mode=0755
        [ "$name" = "${name#auren-}" ] || directory=/usr/local/sbin
        put "$name" "$mode" "$directory/$name"
    done
    for path in /usr/local/sbin/auren-backup /usr/local/sbin/auren-restore /usr/local/lib/auren/fill-volumes; do
        [ -e "$work/$(basename "$path")" ] || rm -f "$path"
    done
}

main "$@"; exit
