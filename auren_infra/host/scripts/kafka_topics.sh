#!/usr/bin/env bash
# kafka_topics CONTAINER PORT < "NAME PARTITIONS RETENTION_MS RETENTION_BYTES" lines: the topics are there, with their retention.
# A topic is never deleted here, and never loses partitions.
set -euo pipefail

# A JVM of its own beside the broker's, in the same memory limit.
in_broker() {
    local tool=$1
    timeout 90 docker exec --interactive --env KAFKA_HEAP_OPTS=-Xmx64m --env KAFKA_JVM_PERFORMANCE_OPTS=-XX:TieredStopAtLevel=1 \
        "$container" "$tool" --bootstrap-server "127.0.0.1:$port" "${@:2}"
}

main() {
    local name partitions retention_ms retention_bytes present
    container=$1 port=$2
    present=$(in_broker kafka-topics --list </dev/null)
    while read -r name partitions retention_ms retention_bytes; do
        if ! grep -qxF "$name" <<<"$present"; then
            in_broker kafka-topics --create --if-not-exists --topic "$name" --partitions "$partitions" --replication-factor 1 </dev/null
        fi
        in_broker kafka-configs --alter --entity-type topics --entity-name "$name" \
            --add-config "retention.ms=$retention_ms,retention.bytes=$retention_bytes" </dev/null
    done
}

main "$@"; exit
