#!/usr/bin/env bash
# starting: what the scripts that start a release have in common. They source it, and set `service` and its `directory`, the staged
# release `id`, the `instance` of the compose file and its `container`, the `bound` of a start in seconds, and a directory for `work`.
# shellcheck disable=SC2154 # those are set by those that source this
set -euo pipefail

source releases.sh
source running.sh

kept=3
check=()  # the words of the container's health check

# works [SECONDS]: the container's health check, asked now: Docker looks for itself only after an interval. Its words are read once for a
# container.
works() {
    local seconds=${1:-15}
    [ "${#check[@]}" -gt 1 ] ||
        mapfile -t check < <(docker inspect --format '{{range .Config.Healthcheck.Test}}{{println .}}{{end}}' "$container" 2>/dev/null)
    [ "${#check[@]}" -gt 1 ] || return 1
    # Its first word is CMD, and println leaves an empty line at the end.
    timeout "$seconds" docker exec "$container" "${check[@]:1:${#check[@]}-2}" >"$work/check" 2>&1
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
    compose "$1" up --detach --no-deps --force-recreate "$instance" >"$work/up" 2>&1 || return 1
    until works; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        [ "$(docker inspect --format '{{.RestartCount}}' "$container")" -lt 4 ] || return 1
        sleep "${pauses[tried]:-0.3}"
        tried=$((tried + 1))
    done
}

# What became of the container, in one sentence; then its own words.
explain() {
    local seconds=$((SECONDS - $1)) status code killed restarts
    if [ "$(release_of "$container")" != "$id" ]; then
        echo "$service could not be started:"
        tail -n 5 "$work/up" | sed 's/^/  /'
        return
    fi
    read -r status code killed restarts < <(docker inspect \
        --format '{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.RestartCount}}' "$container")
    if [ "$killed" = true ]; then
        echo "$service did not become healthy: it used more memory than its limit and was killed, within $seconds s."
    elif [ "$restarts" -gt 0 ] || [ "$status" != running ]; then
        [ "$status" = running ] || restarts=$((restarts + 1))
        echo "$service did not become healthy: it ended $restarts times within $seconds s, with exit status $code."
    else
        echo "$service did not become healthy within $seconds s: it runs, and its health check fails."
    fi
    own_words
}

# What the container and its health check said last.
own_words() {
    echo "The last lines of $container:"
    docker logs --tail 50 "$container" 2>&1 | sed 's/^/  /' || true
    echo "Its health check said:"
    tail -n 5 "$work/check" | sed 's/^/  /'
}

# The watchdog may have given it up.
forget_alarm() {
    rm -f "/run/auren-watchdog/$service" "/run/auren-watchdog/$service".*
    systemctl reset-failed "auren-failing@$service" 2>/dev/null || true
}

accept() {
    accept_link "$id" "${ROLLBACK:-}"
    rm -f "$directory/failed" "$directory/releases/$id/repaired" "$directory/releases/$id/refused"
    touch "$directory/releases/$id"
    # Files of a deployment before there were releases.
    rm -rf "/var/lib/auren/started/$service" "/var/lib/auren/started/$service".*
    # Pulumi takes it for started from now on, and after a power cut nobody makes a container that Docker has forgotten.
    sync --file-system /var/lib/docker "$directory"
    forget_alarm
    record "$id" accepted
    prune
}

# The release runs already, as after a rollback whose change was taken back in the repository: `previous` is still the one that was left.
# A cut may have come before its line in the history.
was_right() {
    rm -f "$directory/failed"
    forget_alarm
    [ "$(last_accepted)" = "$id" ] || record "$id" accepted
}

# refuse COMMAND…: the command says what became of it. Its words stand in a file.
refuse() {
    "$@" >"$work/failure"
    point "$directory" failed "$id"
    [ "$id" = "$(linked current)" ] || touch "$directory/releases/$id/refused"
    record "$id" refused
    prune
}

# The last three releases stay, with their images and secrets, and of those that were refused the last one. What only others need goes.
prune() {
    local release image made good=0
    made=$(release_of "auren-$service")  # a container that reloads may be of an older release
    find "$directory/releases" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %P\n' | sort -rn | cut -d' ' -f2 |
        while read -r release; do
            if [ ! -e "$directory/releases/$release/refused" ]; then
                good=$((good + 1))
                [ "$good" -gt "$kept" ] || continue
            fi
            [[ " $(linked current) $(linked previous) $(linked failed) $(linked next) $made " != *" $release "* ]] || continue
            image=$(image_of "$directory/releases/$release")
            rm -rf "${directory:?}/releases/$release"
            remove_image "$image"
        done
    # A secret has one name more for each release that reads it. One that was put there a moment ago has none yet, and neither has one
    # of an update that was cut, which a rollback comes after.
    [ -n "${ROLLBACK:-}" ] || [ ! -d "$directory/secrets" ] || find "$directory/secrets" -type f -links 1 -mmin +60 -delete
}

# staged SERVICE < "ID TIME": sets what is known of it.
staged() {
    local attempt
    service=$1 directory=$services/$1
    read -r id attempt || [ -n "$id" ]  # the line has no end
    [ -e "$directory/releases/$id/text" ] ||
        fail "$service: the release $id, staged $attempt, is not on this machine. Run pulumi up without --target."
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
}

# Whether the release was put right on the disk after its container had started.
was_repaired() {
    [ -e "$directory/releases/$id/repaired" ]
}
