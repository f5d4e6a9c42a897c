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

# The container's health check, asked now: Docker looks for itself only after an interval.
works() {
    local -a check
    mapfile -t check < <(docker inspect --format '{{range .Config.Healthcheck.Test}}{{println .}}{{end}}' "auren-$1" 2>/dev/null)
    [ "${#check[@]}" -gt 1 ] || return 1
    # Its first word is CMD, and println leaves an empty line at the end.
    timeout 15 docker exec "auren-$1" "${check[@]:1:${#check[@]}-2}" >"$started/$1.check" 2>&1
}

# Once may be chance.
works_now() {
    works "$1" || { sleep 2 && works "$1"; } || { sleep 2 && works "$1"; }
}

# There may be no container to ask.
explain() {
    echo "The last lines of auren-$1:"
    docker logs --tail 50 "auren-$1" 2>&1 | sed 's/^/  /' || true
    echo "Its health check said:"
    tail -n 5 "$started/$1.check" | sed 's/^/  /'
}

# The watchdog may have given it up.
forget_alarm() {
    rm -f "/run/auren-watchdog/$1" "/run/auren-watchdog/$1.alarm"
    systemctl reset-failed "auren-failing@$1" 2>/dev/null || true
}

# Waits until the container works. One that ends again and again need not be waited for.
start() {
    local file=$1 service=$2 bound=$3 deadline=$((SECONDS + $3))
    : >"$started/$service.check"
    compose "$file" up --detach --no-deps --force-recreate "$service" >"$started/$service.log" 2>&1 || return 1
    until works "$service"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        [ "$(docker inspect --format '{{.RestartCount}}' "auren-$service")" -lt 4 ] || return 1
        sleep 0.3
    done
}

main() {
    local service=$1 bound=$2 digest
    shift 2
    install -d -m 0755 "$started"
    digest=$(sha256sum | cut -d' ' -f1)
    if [ "$(cat "$started/$service" 2>/dev/null)" = "$(identity "$service" "$digest")" ] && works_now "$service"; then
        forget_alarm "$service"
        echo "auren-$service runs as it should"
        return
    fi

    # All that can fail without touching what runs comes first.
    if ! compose "$compose_file" pull --policy missing "$service" >"$started/$service.log" 2>&1; then
        tail -n 10 "$started/$service.log" >&2
        echo "The image of $service could not be pulled, or $compose_file is not right; what ran before still runs." >&2
        exit 1
    fi
    # Docker does not flush the layers that it unpacks: a power cut would leave an image with holes.
    sync --file-system /var/lib/docker
    if [ $# -gt 0 ] && works_now "$service"; then
        if ! docker exec --interactive "auren-$service" "${@:2}" <"$1" >"$started/$service.log" 2>&1; then
            tail -n 20 "$started/$service.log" >&2
            echo "$service would not accept $1; the container that ran before still runs." >&2
            exit 1
        fi
    fi

    if start "$compose_file" "$service" "$bound"; then
        cp "$compose_file" "$started/$service.yml"
        identity "$service" "$digest" >"$started/$service"
        # Pulumi takes it for started from now on, and after a power cut nobody makes a container that Docker has forgotten.
        sync --file-system /var/lib/docker "$started"
        forget_alarm "$service"
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
