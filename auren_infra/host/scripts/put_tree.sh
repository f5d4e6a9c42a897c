#!/usr/bin/env bash
# put_tree DIRECTORY [release] < "PATH<TAB>BASE64" lines: the directory with exactly these files and nothing else.
# The directory itself stays, so that a container which has it mounted sees the new files.
# With `release` the files are published as a release (published.sh).
set -euo pipefail

source published.sh

# write TARGET: each file is replaced in one step.
write() {
    local target=$1 path content
    only_wanted "$target"
    while IFS=$'\t' read -r path content; do
        install -d -m 0755 "$(dirname "$target/$path")"
        base64 -d <<<"$content" >"$target/.new"
        chmod 0644 "$target/.new"
        mv -T "$target/.new" "$target/$path"
    done <"$work/packed"
    sync --file-system "$target"  # Pulumi takes the files for placed from now on
}

release() {
    local id
    id=$(sha256sum "$work/packed" | cut -c1-16)
    install -d -m 0755 "$directory" "$directory/releases"
    write "$directory/releases/$id"
    publish "$id"
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
