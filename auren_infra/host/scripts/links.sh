#!/usr/bin/env bash
# links: what the scripts have in common that lead to a release. They source it.
# shellcheck disable=SC2154 # `directory` is set by those that source this
set -euo pipefail

# point DIRECTORY LINK RELEASE: the link in the directory is moved in one step.
point() {
    ln -sfn "releases/$3" "$1/.$2"
    mv -T "$1/.$2" "$1/$2"
}

# advance RELEASE: `current` leads to it, and `previous` to the release that was accepted before.
advance() {
    local before
    before=$(linked current)
    [ "$before" != "$1" ] || return 0
    [ -z "$before" ] || [ ! -d "$directory/releases/$before" ] || point "$directory" previous "$before"
    point "$directory" current "$1"
}

# images_of_directories: the images that the published directories came from.
images_of_directories() {
    sed -s -n '1s/^image //p' /opt/auren/*/releases/*.manifest 2>/dev/null || true
}

# remove_image IMAGE: unless a release needs it, of a service or of a directory, by this name or another one. To remove one name of an image
# can remove the others.
remove_image() {
    local id needed
    id=$(docker image inspect --format '{{.Id}}' "$1" 2>/dev/null) || return 0
    needed=$({
        awk '$1 == "image:" { print $2 }' /opt/auren/services/*/releases/*/compose.yml 2>/dev/null || true
        images_of_directories
    } | sort -u | xargs -r docker image inspect --format '{{.Id}}' 2>/dev/null || true)
    grep -qxF -- "$id" <<<"$needed" || docker image rm "$1" >/dev/null 2>&1 || true
}

# linked LINK: the release that this link of the `directory` leads to, or nothing.
linked() {
    basename "$(readlink "$directory/$1" 2>/dev/null || true)"
}
