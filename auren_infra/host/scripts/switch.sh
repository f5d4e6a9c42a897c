#!/usr/bin/env bash
# switch SERVICE SECONDS < "ID TIME": the service's container runs the staged release ID and is healthy, and `current` leads to it.
# A container that runs this release and is healthy is left alone. A release that is not healthy within SECONDS is refused: the container
# of `current` is started again, from files that were never touched, and the script fails with what happened.
set -euo pipefail

source releases.sh

kept=3

# What a container was made from: a release's id, or nothing.
release_of() {
    docker inspect --format '{{index .Config.Labels "auren.release"}}' "auren-$1" 2>/dev/null || true
}

# The container's health check, asked now: Docker looks for itself only after an interval. Its words are read once for a container.
works() {
    [ "${#check[@]}" -gt 1 ] ||
        mapfile -t check < <(docker inspect --format '{{range .Config.Healthcheck.Test}}{{println .}}{{end}}' "auren-$service" 2>/dev/null)
    [ "${#check[@]}" -gt 1 ] || return 1
    # Its first word is CMD, and println leaves an empty line at the end.
    timeout 15 docker exec "auren-$service" "${check[@]:1:${#check[@]}-2}" >"$work/check" 2>&1
}

# A single failure can be a coincidence.
works_now() {
    works || { sleep 2 && works; } || { sleep 2 && works; }
}

# start COMPOSE-FILE: waits until the container is healthy. One that ends again and again is not waited for. Most are healthy within
# a moment, so the first pauses between two health checks are short.
start() {
    local deadline=$((SECONDS + bound)) tried=0
    local -a pauses=(0.05 0.1 0.2)
    check=()
    : >"$work/check"
    compose "$1" up --detach --no-deps --force-recreate "$service" >"$work/up" 2>&1 || return 1
    until works; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        [ "$(docker inspect --format '{{.RestartCount}}' "auren-$service")" -lt 4 ] || return 1
        sleep "${pauses[tried]:-0.3}"
        tried=$((tried + 1))
    done
}

# What became of the container, in one sentence; then its own words.
explain() {
    local seconds=$((SECONDS - $1)) status code killed restarts
    if [ "$(release_of "$service")" != "$id" ]; then
        echo "$service could not be started:"
        tail -n 5 "$work/up" | sed 's/^/  /'
        return
    fi
    read -r status code killed restarts < <(docker inspect \
        --format '{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.RestartCount}}' "auren-$service")
    if [ "$killed" = true ]; then
        echo "$service did not become healthy: it used more memory than its limit and was killed, within $seconds s."
    elif [ "$restarts" -gt 0 ] || [ "$status" != running ]; then
        [ "$status" = running ] || restarts=$((restarts + 1))
        echo "$service did not become healthy: it ended $restarts times within $seconds s, with exit status $code."
    else
        echo "$service did not become healthy within $seconds s: it runs, and its health check fails."
    fi
    echo "The last lines of auren-$service:"
    docker logs --tail 50 "auren-$service" 2>&1 | sed 's/^/  /' || true
    echo "Its health check said:"
    tail -n 5 "$work/check" | sed 's/^/  /'
}

# point NAME ID: the link is moved in one step.
point() {
    ln -sfn "releases/$2" "$directory/.$1"
    mv -T "$directory/.$1" "$directory/$1"
}

linked() {
    basename "$(readlink "$directory/$1" 2>/dev/null || true)"
}

# The watchdog may have given it up.
forget_alarm() {
    rm -f "/run/auren-watchdog/$service" "/run/auren-watchdog/$service".*
    systemctl reset-failed "auren-failing@$service" 2>/dev/null || true
}

accept() {
    local before
    before=$(linked current)
    if [ "$before" != "$id" ]; then
        [ -z "$before" ] || [ ! -d "$directory/releases/$before" ] || point previous "$before"
        point current "$id"
    fi
    rm -f "$directory/failed" "$directory/releases/$id/repaired"
    touch "$directory/releases/$id"
    # Files of a deployment before there were releases.
    rm -rf "/var/lib/auren/started/$service" "/var/lib/auren/started/$service".*
    # Pulumi takes it for started from now on, and after a power cut nobody makes a container that Docker has forgotten.
    sync --file-system /var/lib/docker "$directory"
    forget_alarm
    prune
}

# The last three releases stay, with their images and secrets. What only older ones need goes.
prune() {
    local release image needed
    find "$directory/releases" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %P\n' | sort -rn | tail -n "+$((kept + 1))" | cut -d' ' -f2 |
        while read -r release; do
            [ "$release" != "$(linked current)" ] && [ "$release" != "$(linked previous)" ] || continue
            image=$(image_of "$directory/releases/$release")
            rm -rf "${directory:?}/releases/$release"
            needed=$(for release in "$services"/*/releases/*; do image_of "$release"; done)
            grep -qxF -- "$image" <<<"$needed" || docker image rm "$image" >/dev/null 2>&1 || true
        done
    # A secret has one name more for each release that reads it. One that was put there a moment ago has none yet.
    [ ! -d "$directory/secrets" ] || find "$directory/secrets" -type f -links 1 -mmin +60 -delete
}

# What ran before runs again. A deployment before there were releases has left its compose file.
go_back() {
    local before earlier=/var/lib/auren/started/$service.yml
    before=$(linked current)
    if [ "$before" = "$id" ]; then
        echo "It is the release that was accepted last, so there is no other to go back to."
    elif [ -n "$before" ]; then
        if start "$directory/releases/$before/compose.yml"; then
            echo "The release before it, $before, runs again."
        else
            echo "The release before it, $before, could not be started either."
        fi
    elif [ -e "$earlier" ]; then
        if start "$earlier"; then
            echo "The container of the last good deployment runs again."
        else
            echo "The container of the last good deployment could not be started either."
        fi
    else
        echo "There is no earlier release of $service to go back to."
    fi
}

main() {
    local attempt began
    local -a check=()
    service=$1 bound=$2 directory=$services/$1
    read -r id attempt || [ -n "$id" ]  # the line has no end
    [ -e "$directory/releases/$id/text" ] ||
        fail "$service: the release $id, staged $attempt, is not on this machine. Run pulumi up without --target."
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    if [ ! -e "$directory/releases/$id/repaired" ] && [ "$(linked current)" = "$id" ] && [ "$(release_of "$service")" = "$id" ] && works_now; then
        rm -f "$directory/failed"
        forget_alarm
        echo "auren-$service runs $id and is healthy"
        return
    fi
    began=$SECONDS
    if start "$directory/releases/$id/compose.yml"; then
        accept
        echo "auren-$service runs $id, of $(docker inspect --format '{{.Config.Image}}' "auren-$service")"
        return
    fi
    explain "$began" >"$work/failure"
    point failed "$id"
    go_back >>"$work/failure"
    cat "$work/failure" >&2
    exit 1
}

main "$@"; exit
