#!/usr/bin/env bash
# published: what the scripts that put a directory on the machine have in common. They source it, and set the
# `directory`, and a directory for `work`. The files of each release are in releases/ID, whole, before the link
# `current` leads there in one step. `previous` is the release before it. What is older goes. A release that came from
# an image has a file ID.manifest: the image, then each file's digest.
# shellcheck disable=SC2154 # `directory` and `work` are set by those that source this
set -euo pipefail

source links.sh

# only_wanted TARGET: what $work/wanted does not name goes. It goes first: a file may stand where a directory is to be,
# and the other way round.
only_wanted() {
    install -d -m 0755 "$1"
    (cd "$1" && find . ! -type d -printf '%P\n' | sort | comm -13 "$work/wanted" - | tr '\n' '\0' |
        xargs -0 -r rm -f --)
    find "$1" -mindepth 1 -type d -empty -delete
}

# publish ID [MANIFEST]: the release whose files are there is the one that is read. The one before it stays at hand,
# with its image.
publish() {
    local had before file release image
    had=$(images_of_directories)
    if [ $# -gt 1 ]; then
        install -m 0644 "$2" "$directory/releases/.manifest"
        mv -T "$directory/releases/.manifest" "$directory/releases/$1.manifest"
    fi
    advance "$1"
    sync "$directory" "$directory/releases"
    rm -rf "$directory/releases/.new"  # of a run that was cut
    before=$(linked previous)
    for file in "$directory/releases"/*; do
        release=${file##*/}
        case "${release%.manifest}" in
        "$1" | "$before") ;;
        *) rm -rf "$file" ;;
        esac
    done
    for image in $had; do
        remove_image "$image"
    done
}
