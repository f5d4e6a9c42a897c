#!/usr/bin/env bash
# put_tree DIRECTORY < "PATH<TAB>BASE64" lines: the directory with exactly these files and nothing else, each replaced in one step.
# The directory itself stays, so that a container which has it mounted sees the new files.
set -euo pipefail

main() {
    local target=$1 path content
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cat >"$work/packed"
    cut -f1 "$work/packed" | sort >"$work/wanted"
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
    echo "$(wc -l <"$work/wanted") files"
}

main "$@"; exit
