#!/usr/bin/env bash
# counting: what the stores hold, a line for each thing: `count`, STORE, NAME and NUMBER, with tabs between. old_machine.sh and move_in.sh source
# it, so both machines are counted in the same way. It works with the images of others, as far as they are alike.
# shellcheck disable=SC2016 # the containers' own shells
set -euo pipefail

tab=$'\t'

# psql_in CONTAINER USER DATABASE < STATEMENTS. The image's own password counts, if it asks for one.
psql_in() {
    docker exec --interactive "$1" sh -c \
        'PGPASSWORD=${POSTGRES_PASSWORD:-$(cat "${POSTGRES_PASSWORD_FILE:-/dev/null}")} exec psql "$@"' psql \
        --no-psqlrc --quiet --tuples-only --no-align --field-separator="$tab" --set ON_ERROR_STOP=1 --username "$2" --dbname "$3"
}

# count_postgres CONTAINER USER DATABASE: the rows of every table of every database, exactly. What the backups note there does not count.
count_postgres() {
    local database name
    while read -r database; do
        psql_in "$1" "$2" "$database" <<'SQL' | while IFS= read -r name; do printf 'count\tpostgres\t%s %s\n' "$database" "$name"; done
SET search_path = pg_catalog;
SELECT
    coalesce(
        string_agg(
            format('SELECT %L AS name, (SELECT count(*) FROM ONLY %s) AS n', oid::regclass, oid::regclass), ' UNION ALL '
        ),
        'SELECT NULL AS name, 0 AS n WHERE false'
    ) AS counts
FROM pg_class
WHERE
    relkind = 'r' AND relpersistence <> 't'
    AND relnamespace::regnamespace::text !~ '^(pg_|information_schema$|auren_backup$)'
\gset
SELECT translate(name, E'\t\n', '  '), n FROM (:counts) AS counted ORDER BY name;
SQL
    done < <(psql_in "$1" "$2" "$3" <<<'SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname')
}

# redis_in CONTAINER WORD…: with the password that it was started with: an option, a variable, a file of a secret, or its configuration.
redis_in() {
    local container=$1 password
    shift
    password=$(docker inspect --format '{{range .Config.Cmd}}{{println .}}{{end}}' "$container" | sed -n '/^--requirepass$/{n;p;}')
    REDISCLI_AUTH=$password docker exec --env REDISCLI_AUTH "$container" sh -c '
        [ -n "$REDISCLI_AUTH" ] || REDISCLI_AUTH=${REDIS_PASSWORD:-$(cat /run/secrets/redis_password 2>/dev/null)}
        [ -n "$REDISCLI_AUTH" ] || REDISCLI_AUTH=$(sed -n "s/^requirepass //p" /usr/local/etc/redis/*.conf /etc/redis/*.conf 2>/dev/null | tr -d \")
        [ -n "$REDISCLI_AUTH" ] || unset REDISCLI_AUTH
        exec redis-cli --no-auth-warning "$@"' redis-cli "$@"
}

# count_redis CONTAINER: the keys of each of its databases. Those with an expiry may go at any time.
count_redis() {
    local said
    said=$(redis_in "$1" INFO keyspace)
    [[ $said = *Keyspace* ]] || fail "Redis in $1 does not say what it holds: $said"
    sed -n 's/^\(db[0-9]*\):keys=\([0-9]*\),expires=\([0-9]*\).*/\1 \2 \3/p' <<<"$said" | while read -r name keys expiring; do
        printf 'count\tredis\t%s\t%s\n' "$name" $((keys - expiring)) "$name with an expiry" "$expiring"
    done
}

# count_chroma FILE: the records of each collection, and the number of the last write in its log.
count_chroma() {
    python3 -c 'import contextlib, sqlite3, sys
with contextlib.closing(sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=60)) as database:
    for name, number in database.execute("""SELECT c.database_id || char(32) || c.name, (SELECT count(*) FROM segments s
            JOIN embeddings e ON e.segment_id = s.id WHERE s.collection = c.id) FROM collections c ORDER BY 1"""):
        print("count", "chromadb", " ".join(name.split()), number, sep="\t")
    last = database.execute("SELECT coalesce(max(seq_id), 0) FROM embeddings_queue").fetchone()
    print("count", "chromadb", "the last write", last[0], sep="\t")' "$1"
}

# chroma_format FILE: the last step of each part of its format.
chroma_format() {
    python3 -c 'import contextlib, sqlite3, sys
with contextlib.closing(sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=60)) as database:
    steps = database.execute("SELECT dir, max(version) FROM migrations GROUP BY dir ORDER BY dir")
    print(",".join(f"{part}={step}" for part, step in steps))' "$1"
}

# count_kafka CONTAINER: the end of each partition. A JVM of its own beside the broker.
count_kafka() {
    local said
    said=$(timeout 120 docker exec --env KAFKA_HEAP_OPTS=-Xmx64m --env KAFKA_JVM_PERFORMANCE_OPTS=-XX:TieredStopAtLevel=1 "$1" sh -c '
        unset KAFKA_OPTS KAFKA_JMX_OPTS KAFKA_JMX_PORT JMX_PORT
        at=$(echo "${KAFKA_ADVERTISED_LISTENERS:-${KAFKA_CFG_ADVERTISED_LISTENERS:-//127.0.0.1:9092}}" | sed "s|[A-Za-z0-9_-]*:*//||g")
        for tool in kafka-get-offsets kafka-get-offsets.sh; do
            ! command -v "$tool" >/dev/null || exec "$tool" --bootstrap-server "$at"
        done
        kafka-run-class org.apache.kafka.tools.GetOffsetShell --bootstrap-server "$at" ||
            kafka-run-class kafka.tools.GetOffsetShell --broker-list "$at"' 2>&1) || fail "Kafka in $1 does not say what it holds: $(tail -n 3 <<<"$said")"
    sed -n "s/^\([A-Za-z0-9._-]*\):\([0-9]*\):\([0-9]*\)\r*$/count${tab}kafka${tab}\1:\2${tab}\3/p" <<<"$said" | sort
}

# kafka_release CONTAINER: as the name of its library has it.
kafka_release() {
    docker exec "$1" sh -c 'find /usr /opt -name "kafka-clients-*.jar" 2>/dev/null' | sed -n 's/.*kafka-clients-\([0-9][0-9.a-z-]*\)\.jar$/\1/p' | head -n 1
}

redis_release() {
    redis_in "$1" INFO server | sed -n 's/^redis_version:\([0-9.]*\).*/\1/p'
}
