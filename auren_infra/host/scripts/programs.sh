#!/usr/bin/env bash
# programs < FILES: the programs that stay on the machine, and what they read, each replaced in one step. Those named auren-… can be called
# by their names. All others are in /usr/local/lib/auren.
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
}

main "$@"; exit
