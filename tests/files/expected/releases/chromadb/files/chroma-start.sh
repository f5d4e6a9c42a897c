#!/usr/bin/env bash
# Rendered from the services; changes made here by hand are lost.
# chroma-start CONFIGURATION: runs Chroma so that no end of it costs a record.
# After a thousand records Chroma writes the files of a collection's index over, one after the other. Whatever ends it meanwhile (a power
# cut, the kernel, in 1.0.15 even SIGTERM) leaves files of two ages, which it may never read again. Its log has every record
# (the catalogue has it kept): an index that was not seen to be of one piece when Chroma ended is removed, and Chroma makes it
# anew from the log. A log that is not kept has older records no more: then nothing is removed.
# A disk that was full is such an end as well: what Chroma could not write is missing in the index, and its database stays locked, while
# its health check is good. So Chroma is ended when there is room again, and Docker starts it anew.
set -euo pipefail

whole=/data/index-is-whole
was_full=/tmp/disk-was-full
least=16 enough=64  # megabytes

room() {
    df --output=avail --block-size=1M /data | tail -n 1
}

watch_the_room() {
    while sleep 5; do
        if [ "$(room)" -lt "$least" ]; then
            touch "$was_full"
        elif [ -e "$was_full" ] && [ "$(room)" -ge "$enough" ]; then
            echo "The disk was full: Chroma ends, and its index is made anew from its log"
            kill -KILL "$chroma"
            return
        fi
    done
}

# Chroma stands still, and no index is half written: the file with the names comes last, and is open only while it is written.
is_whole() {
    local names file
    ! grep -h '^State:' "/proc/$chroma/task/"*/status | grep -qv 'T (stopped)' || return 1
    ! readlink "/proc/$chroma/fd/"* | grep -q '/index_metadata\.pickle$' || return 1
    for names in /data/*/index_metadata.pickle; do
        for file in "${names%/*}"/*.bin; do
            [ ! "$file" -nt "$names" ] || return 1
        done
    done
}

stop() {
    local deadline=$((SECONDS + 20))
    while [ "$SECONDS" -lt "$deadline" ]; do
        kill -STOP "$chroma"
        sleep 0.1
        if is_whole; then
            kill -KILL "$chroma"
            wait "$chroma" 2>/dev/null || true
            [ ! -e "$was_full" ] || exit 1
            sync --file-system /data
            touch "$whole"
            exit 0
        fi
        kill -CONT "$chroma"
        sleep 0.1
    done
    exit 1
}

if [ -e "$whole" ]; then
    # From here on it is not known any more, and must not be believed after a power cut.
    rm "$whole"
    sync /data
elif grep -aqsF '"automatically_purge":false' /data/chroma.sqlite3; then
    echo "Chroma did not end in order: its index is made anew from its log when it is first asked for"
    rm -rf /data/*-*-*-*-*/
fi
chroma run "$1" &
chroma=$!
watch_the_room &
trap stop TERM
wait "$chroma"
