#!/usr/bin/env bash
# container SERVICE SECONDS [FILE COMMAND…] < SPECIFICATION: the service's container runs as the compose file says and is healthy.
# The specification is the service's part of the compose file with the digests of its files and secrets: as long
# as it is the one that the container was started with, and the container is healthy, nothing is touched.
# COMMAND, run in the old container with FILE on its input, must accept what the new one will read.
# A new container that does not become healthy is replaced by the one before, and the script fails with its log.
set -euo pipefail

compose_file=/opt/auren/docker-compose.prod.yml
started=/var/lib/auren/started

compose() {
    docker compose --ansi never --progress quiet --file "$@"
}

# What the container is: its id, with the specification that it was started with.
identity() {
    echo "$(docker inspect --format '{{.Id}}' "auren-$1" 2>/dev/null) $2"
}

health() {
    docker inspect --format '{{.State.Running}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' "auren-$1" 2>/dev/null || true
}

explain() {
    echo "The last lines of auren-$1:"
    docker logs --tail 30 "auren-$1" 2>&1 | sed 's/^/  /'
    echo "Its health check said:"
    docker inspect --format '{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}' "auren-$1" 2>/dev/null | tail -n 5 | sed 's/^/  /'
}

start() {
    local file=$1 service=$2 bound=$3
    compose "$file" up --detach --no-deps --force-recreate --wait --wait-timeout "$bound" "$service" >"$started/$service.log" 2>&1
}

main() {
    local service=$1 bound=$2 digest
    shift 2
    install -d -m 0755 "$started"
    digest=$(sha256sum | cut -d' ' -f1)
    if [ "$(cat "$started/$service" 2>/dev/null)" = "$(identity "$service" "$digest")" ] && [ "$(health "$service")" = "true healthy" ]; then
        echo "auren-$service runs as it should"
        return
    fi

    # All that can fail without touching what runs comes first.
    compose "$compose_file" config --quiet
    if ! compose "$compose_file" pull --policy missing "$service" >"$started/$service.log" 2>&1; then
        tail -n 10 "$started/$service.log" >&2
        echo "The image of $service could not be pulled; what ran before still runs." >&2
        exit 1
    fi
    if [ $# -gt 0 ] && [ "$(health "$service")" = "true healthy" ]; then
        if ! docker exec --interactive "auren-$service" "${@:2}" <"$1" >"$started/$service.log" 2>&1; then
            tail -n 20 "$started/$service.log" >&2
            echo "$service would not accept $1; the container that ran before still runs." >&2
            exit 1
        fi
    fi

    if start "$compose_file" "$service" "$bound"; then
        cp "$compose_file" "$started/$service.yml"
        identity "$service" "$digest" >"$started/$service"
        docker inspect --format '{{.Config.Image}}' "auren-$service"
        return
    fi
    {
        tail -n 5 "$started/$service.log"
        explain "$service"
    } >"$started/$service.failure"
    rm -f "$started/$service"
    if [ -e "$started/$service.yml" ] && start "$started/$service.yml" "$service" "$bound"; then
        echo "The container of the last good deployment is running again." >>"$started/$service.failure"
    fi
    echo "$service did not become healthy within $bound s." >&2
    cat "$started/$service.failure" >&2
    exit 1
}

main "$@"; exit
