#!/usr/bin/env bash
# put_image_tree DIRECTORY IMAGE SOURCE ENTRIES MEGABYTES: the directory has exactly the files that the image has in its
# directory SOURCE, published as a release (published.sh). Nothing of the image runs. What is there already and is not
# right is put right. Prints the digest of the release's manifest, since only the image tells which files there are.
set -euo pipefail

source published.sh
source releases.sh

refuse() {
    echo "$image: $*" "What was published before is still served." >&2
    add_event "$service" - refused "$image"
    clean_up
    remove_image "$image"
    exit 1
}

# The container, and what was copied out of it.
clean_up() {
    rm -rf "$new"
    docker rm --force --volumes "$container" >/dev/null 2>&1 || true
}

# The logins of auren:registries are in DOCKER_CONFIG.
pull() {
    if ! docker image inspect --format '{{.Id}}' "$image" >/dev/null 2>&1 &&
        ! DOCKER_CONFIG=/etc/auren/registries docker pull --quiet "$image" >"$work/log" 2>&1; then
        tail -n 10 "$work/log" >&2
        refuse "The image could not be pulled."
    fi
    # Docker does not flush the layers that it unpacks: a power cut would leave an image with holes.
    sync --file-system /var/lib/docker
}

# Only a container's files can be copied. An image without a command takes any word for one.
copy() {
    docker create --pull never --network none --name "$container" "$image" none >/dev/null 2>"$work/log" &&
        docker cp "$container:$source/." "$new" >/dev/null 2>"$work/log" && return
    tail -n 10 "$work/log" >&2
    refuse "Its directory $source could not be copied. It must hold the built website."
}

# shown < NAMES: they end with a zero. The first few, without what a terminal would act on.
shown() {
    tr --complement '[:print:]\0' '?' | tr '\0\n' '\n?' | sed -n '1,5s/^/  /p' >&2
}

# As a directory of the project is checked before it is sent.
check() {
    local count size
    # Nothing hidden is published, but .well-known.
    find "$new" -mindepth 1 -name '.*' ! -path "$new/.well-known" -prune -exec rm -rf {} +
    find "$new" -mindepth 1 ! -type f ! -type d -printf '%P\0' >"$work/odd"
    if [ -s "$work/odd" ]; then
        shown <"$work/odd"
        refuse "Its directory $source has what is neither a file nor a directory. Put a copy in place of a link."
    fi
    find "$new" -mindepth 1 -printf '%P\0' >"$work/all"
    count=$(tr --complement --delete '\0' <"$work/all" | wc -c)
    [ "$count" -le "$entries" ] ||
        refuse "Its directory $source has $count files and directories, and $entries is the most."
    # Each name is a line of the manifest. Of a path, Linux takes 4095 bytes for the whole.
    LC_ALL=C.UTF-8 grep -zavx '[[:print:]]*' "$work/all" >"$work/odd" || true
    grep -zaE '^.{1001}' "$work/all" >>"$work/odd" || true
    if [ -s "$work/odd" ]; then
        shown <"$work/odd"
        refuse "Its directory $source has such names, which are too long or cannot be printed. Rename them."
    fi
    size=$(find "$new" -type f -printf '%s\n' | awk '{ sum += $1 } END { printf "%.0f", sum }')
    size=$(((size + 1048575) / 1048576))
    [ "$size" -le "$megabytes" ] ||
        refuse "The files in its directory $source have $size MB, and $megabytes MB is the most."
    [ -f "$new/index.html" ] || refuse "Its directory $source has no index.html."
}

# The files are of now: a build may give all its files one time, and browsers ask by time and length whether a file is
# another one.
write() {
    local path
    find "$new" -type f -exec chmod 0644 {} + -exec touch {} +
    only_wanted "$1"
    while IFS= read -r path; do
        install -d -m 0755 "$(dirname "$1/$path")"
        mv -T "$new/$path" "$1/$path"
    done <"$work/wanted"
    sync --file-system "$1"  # Pulumi takes the files for placed from now on
}

main() {
    local image=$2 source=$3 entries=$4 megabytes=$5 id before
    directory=$1 service=${1##*/} new=$1/releases/.new container=auren-image-of-${1##*/}
    work=$(mktemp -d)
    trap 'rm -rf "$work"; clean_up' EXIT
    clean_up  # after a run that was cut
    install -d -m 0755 "$directory" "$directory/releases" "$new"
    pull
    copy
    check
    (cd "$new" && find . -type f -print0 | sort -z | xargs -0 sha256sum --zero) | tr '\0' '\n' |
        sed 's|  \./|  |' >"$work/files"
    cut -d' ' -f3- "$work/files" | sort >"$work/wanted"
    id=$(sha256sum "$work/files" | cut -c1-16)
    { echo "image $image" && cat "$work/files"; } >"$work/manifest"
    write "$directory/releases/$id"
    before=$(linked current)
    publish "$id" "$work/manifest"
    # A cut may have come before its line in the history.
    [ "$before" = "$id" ] && [ "$(last_accepted)" = "$id" ] ||
        add_event "$service" "$id" accepted "$image" "$(revision_of "$image")"
    echo "$(wc -l <"$work/wanted") files of $image, manifest $(sha256sum <"$work/manifest" | cut -d' ' -f1)"
}

main "$@"; exit
