#!/usr/bin/env bash
# On the machine, every ten seconds: a container of AUREN that does not run is started, and one that is unhealthy while all that
# it depends on is healthy is restarted. Docker itself does neither for a container that was killed by hand or that hangs.
# A container that is no better gets more time before each further try: a database may need minutes for its recovery. After the last
# restart an unhealthy one is left as it is. One that cannot be started is tried for ever. Either way the unit auren-failing@SERVICE fails then.
# One that Docker starts again and again is left to it; the unit fails when it has not been healthy for ten minutes.
# All of that is forgotten when the container is healthy, or when it is another container.
# A service that has no container, or one of another release than was accepted last, gets the container of that release: a power cut in
# the middle of a deployment leaves either.
# nginx, which reloads, gets the files of that release without another container, where this one fits.
# Of a service with two slots, all of that is for the instance that is live. One in the other slot, which a cut in the middle of a
# deployment has left, is stopped.
# Of a service that was switched to a release which nobody has accepted yet, both are left alone: the new one is accepted when it is
# healthy. If it is not in two minutes, the one before it is led to again.
# Left alone: a container that a deployment is working on, which holds its lock.
set -euo pipefail

source releases.sh
source running.sh

project=label=com.docker.compose.project=auren
memory=/run/auren-watchdog
most_tries=5
patience=600  # seconds for one that Docker is at
proof=120  # seconds for one that was switched to

health() {
    docker inspect --format '{{if .State.Health}}{{.State.Health.Status}}{{end}}' "$1" 2>/dev/null || true
}

# The services that a container depends on. Not by Compose's own label, which is empty when a service is started alone.
needs() {
    docker inspect --format '{{index .Config.Labels "auren.needs"}}' "$1"
}

needs_are_healthy() {
    local need
    for need in $(needs "$1"); do
        [ "$(health "auren-$(live "$need")")" = healthy ] || return 1
    done
}

# The seconds that its service has for a clean end.
grace() {
    local seconds
    seconds=$(docker inspect --format '{{.Config.StopTimeout}}' "$1" 2>/dev/null) || true
    [[ $seconds =~ ^[0-9]+$ ]] || seconds=10
    echo "$seconds"
}

# Seconds since the boot: no clock that is set changes them.
now() {
    local seconds
    read -r seconds _ </proc/uptime
    echo "${seconds%.*}"
}

# recall SERVICE ID: sets `tries`, how often it was tried, and succeeds when the next try is due.
recall() {
    local known="" next=0
    tries=0
    if [ -e "$memory/$1" ]; then
        read -r known tries next <"$memory/$1" || true
    fi
    if [ "$known" != "$2" ]; then
        tries=0 next=0
    fi
    [ "$(now)" -ge "$next" ]
}

# note SERVICE ID SECONDS: one more try, and none for so long.
note() {
    echo "$2 $((tries + 1)) $(($(now) + $3))" >"$memory/$1.new"
    mv "$memory/$1.new" "$memory/$1"
    if [ "$((tries + 1))" -gt "$most_tries" ]; then
        alarm "$1" "is not healthy after $most_tries tries to start it again"
    fi
}

# alarm SERVICE WORDS
alarm() {
    [ ! -e "$memory/$1.alarm" ] || return 0
    touch "$memory/$1.alarm"
    # Level 3 of the journal: an error.
    echo "<3>$container $2. Look at: docker logs $container"
    systemctl start --no-block "auren-failing@$1"
}

# waits SERVICE ID: it starts, or Docker starts it again.
waits() {
    local known="" since=0
    if [ -e "$memory/$1.since" ]; then
        read -r known since <"$memory/$1.since" || true
    fi
    if [ "$known" != "$2" ]; then
        echo "$2 $(now)" >"$memory/$1.since"
    elif [ $(($(now) - since)) -ge "$patience" ]; then
        alarm "$1" "has not been healthy for $((patience / 60)) minutes"
    fi
}

forget() {
    [ -e "$memory/$1" ] || [ -e "$memory/$1.since" ] || return 0
    if [ -e "$memory/$1.alarm" ]; then
        echo "$container is healthy again"
        systemctl reset-failed "auren-failing@$1" || true
    fi
    rm -f "$memory/$1" "$memory/$1.alarm" "$memory/$1.since"
}

# attempt SERVICE ID SECONDS WORDS COMMAND…: beside all others, which do not wait for it.
attempt() {
    local service=$1 id=$2 pause=$3 words=$4
    shift 4
    (
        flock --nonblock 9 || exit 0
        note "$service" "$id" "$pause"
        if "$@" >/dev/null; then
            echo "$container $words"
        fi
    ) 9>"/run/lock/auren-$service" </dev/null &
}

look_after() {
    local id=$1 service=$2 state=$3 seconds
    case "$state" in
    exited | created)
        if recall "$service" "$id"; then
            seconds=$((10 << (tries < 4 ? tries : 4)))
            attempt "$service" "$id" "$seconds" "did not run: started" timeout 60 docker start "$id"
        fi
        ;;
    restarting) waits "$service" "$id" ;;
    running)
        case "$(health "$id")" in
        healthy) forget "$service" ;;
        starting) waits "$service" "$id" ;;
        unhealthy)
            rm -f "$memory/$service.since"
            if recall "$service" "$id" && [ "$tries" -le "$most_tries" ] && needs_are_healthy "$id"; then
                if [ "$tries" -eq "$most_tries" ]; then
                    note "$service" "$id" 0
                    return
                fi
                seconds=$(grace "$id")
                attempt "$service" "$id" $((120 << tries)) "was unhealthy: restarted" \
                    timeout $((seconds + 60)) docker restart -t "$seconds" "$id"
            fi
            ;;
        esac
        ;;
    esac
}

# The accepted release of a service is started, in place of what is there. An image that is missing is pulled, with the logins of
# auren:registries in DOCKER_CONFIG.
restore() {
    local service=$1 accepted=$2
    if recall "$service" "$accepted"; then
        attempt "$service" "$accepted" $((30 << (tries < 4 ? tries : 4))) "did not run the accepted release: it does now" \
            make_again "$service" "$accepted"
    fi
}

# make_again SERVICE RELEASE: Compose is content with a container of the release that has another name.
# shellcheck disable=SC2329 # called by `attempt`, by its name
make_again() {
    local made
    # Another deployment may have ended since then.
    [ "$(basename "$(readlink "$services/$1/current")")" = "$2" ] || return 1
    made=$(release_of "$container")
    if reloads "$1" "$2"; then
        point "$services/$1" live "$2"
        ! alike "$1" "${made:-none}" "$2" || ! read_anew "$container" "$2" || return 0
    fi
    DOCKER_CONFIG=/etc/auren/registries COMPOSE_IGNORE_ORPHANS=1 timeout 300 docker compose --ansi never --progress quiet \
        --file "$services/$1/current/compose.yml" up --detach --no-deps "${container#auren-}" || return 1
    [ "$(running "$1" "$container")" = "$2" ] && return 0
    echo "$container is not of the release $2, though Compose was to start that" >&2
    return 1
}

# settle SERVICE: a cut came behind the switch to the release of `next`, and before it was accepted. After a boot, the one before it may
# run as well.
settle() {
    local service=$1 directory=$services/$1 next current instance before
    [ -L "$directory/next" ] || return 0
    (
        flock --nonblock 9 || exit 0
        next=$(linked next) current=$(linked current)
        instance=$(live "$1")
        before=$(other "$1" "$instance")
        if [ "$(release_of "auren-$instance")" = "$next" ]; then
            if [ "$(health "auren-$instance")" != healthy ] && [ -n "$current" ] && [ "$(release_of "auren-$before")" = "$current" ]; then
                ! is_new "$1" "$next" "auren-$instance" || exit 0
                lead "$1" "$before"
                docker start "auren-$before" >/dev/null
                record "$next" refused
                echo "auren-$instance did not become healthy: auren-$before is asked again"
            else
                accept_link "$next" "$(asked_back "$next")"
                record "$next" accepted
                echo "auren-$instance: its release $next is accepted"
            fi
        fi
        rm -f "$directory/next" "$memory/$1.next"
    ) 9>"/run/lock/auren-$1" </dev/null
}

# is_new SERVICE RELEASE CONTAINER: the switch to it was first seen a moment ago. It has more time as long as what its container needs is
# not healthy, as after a boot.
is_new() {
    local known="" since=0 patient=$proof
    if [ -e "$memory/$1.next" ]; then
        read -r known since <"$memory/$1.next" || true
    fi
    if [ "$known" != "$2" ]; then
        since=$(now)
        echo "$2 $since" >"$memory/$1.next"
    fi
    needs_are_healthy "$3" || patient=$patience
    [ $(($(now) - since)) -lt "$patient" ]
}

# rest SERVICE INSTANCE ID: beside all others. What is live may have changed since it was looked at.
rest() {
    (
        flock --nonblock 9 || exit 0
        [ "$(live "$1")" != "$2" ] || exit 0
        docker update --restart no "$3" >/dev/null
        docker stop "$3" >/dev/null
        echo "auren-$2 is not the instance that is live: stopped"
    ) 9>"/run/lock/auren-$1" </dev/null &
}

main() {
    local link id name instance service container state release tries
    local -A accepted seen
    # Not by asking Docker, which would start it.
    systemctl is-active --quiet docker || return 0
    mkdir -p "$memory"
    # At the first deployment of all there is no `current` yet.
    for link in "$services"/*/next; do
        [ -L "$link" ] || continue
        service=${link%/next}
        settle "${service##*/}"
    done
    for link in "$services"/*/current; do
        [ -L "$link" ] || continue
        service=${link%/current} service=${service##*/}
        accepted[$service]=$(basename "$(readlink "$link")")
    done
    while IFS=, read -r id name instance state release; do
        # While Compose makes a container anew, the old one has another name.
        [ "$name" = "auren-$instance" ] || continue
        service=$instance container=$name
        if [ -z "${accepted[$instance]:-}" ] && [ -n "${accepted[${instance%-green}]:-}" ]; then
            service=${instance%-green}
        fi
        if [ -L "$services/$service/next" ]; then
            seen[$service]=1
            continue
        fi
        if [ "$(live "$service")" != "$instance" ]; then
            [ "$state" != running ] || rest "$service" "$instance" "$id"
            continue
        fi
        seen[$service]=1
        if [ -n "${accepted[$service]:-}" ] && [ "${accepted[$service]}" != "$(read_by "$service" "$release")" ]; then
            restore "$service" "${accepted[$service]}"
        else
            look_after "$id" "$service" "$state"
        fi
    done < <(docker ps --all --no-trunc --filter "$project" \
        --format '{{.ID}},{{.Names}},{{.Label "com.docker.compose.service"}},{{.State}},{{.Label "auren.release"}}')
    for service in "${!accepted[@]}"; do
        container=auren-$(live "$service")
        [ -n "${seen[$service]:-}" ] || restore "$service" "${accepted[$service]}"
    done
}

main "$@"; exit
