#!/usr/bin/env bash
# put_tree DIRECTORY [release] < "PATH<TAB>BASE64" lines: the directory with exactly these files and nothing else.
# The directory itself stays, so that a container which has it mounted sees the new files.
# With `release` the files are in DIRECTORY/releases/ID, whole, before the link `current` leads there in one step. `previous` is the
# release before it. What is older goes.
set -euo pipefail

source links.sh

# write TARGET: each file is replaced in one step.
write() {
    local target=$1 path content
    install -d -m 0755 "$target"
    # What is gone goes first: a file may stand where a directory is to be, and the other way round.
    (cd "$target" && find . ! -type d -printf '%P\n' | sort | comm -13 "$work/wanted" - | tr '\n' '\0' | xargs -0 -r rm -f --)
    find "$target" -mindepth 1 -type d -empty -delete
    while IFS=$'\t' read -r path content; do
        install -d -m 0755 "$(dirname "$target/$path")"
        base64 -d <<<"$content" >"$target/.new"
        chmod 0644 "$target/.new"
        mv -T "$target/.new" "$target/$path"
    done <"$work/packed"
    sync --file-system "$target"  # Pulumi takes the files for placed from now on
}

release() {
    local id before old
    id=$(sha256sum "$work/packed" | cut -c1-16)
    install -d -m 0755 "$directory" "$directory/releases"
    write "$directory/releases/$id"
    before=$(linked current)
    if [ "$before" != "$id" ]; then
        [ -z "$before" ] || [ ! -d "$directory/releases/$before" ] || point "$directory" previous "$before"
        point "$directory" current "$id"
        sync "$directory"
    fi
    before=$(linked previous)
    for old in "$directory/releases"/*; do
        case "${old##*/}" in
        "$id" | "$before") ;;
        *) rm -rf "$old" ;;
        esac
    done
}

main() {
    directory=$1
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cat >"$work/packed"
    cut -f1 "$work/packed" | sort >"$work/wanted"
    if [ $# -eq 1 ]; then
        write "$directory"
    else
        release
    fi
    echo "$(wc -l <"$work/wanted") files"
}

main "$@"; exit
