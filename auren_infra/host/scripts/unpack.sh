#!/usr/bin/env bash
# unpack: what the scripts that are sent several files have in common. They source it.
set -euo pipefail

# unpack < FILES: each is in $work, which goes at the end. It is headed by `file NAME`, and its lines are indented by a space
# (auren_infra/bundle.py).
unpack() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    awk -v work="$work" '
        /^file / { close(out); out = work "/" substr($0, 6); printf "" >out; next }
        { print substr($0, 2) >out }'
}

# put NAME MODE PATH: the unpacked file of this name is at PATH, replaced in one step.
put() {
    install -m "$2" "$work/$1" "$3.new"
    mv "$3.new" "$3"
}
