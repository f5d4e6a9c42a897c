#!/usr/bin/env bash
# start_first SERVICE SECONDS DRAIN WATCH [LENDER…] < "ID TIME": the service's container runs the staged release ID and is healthy, and
# `current` leads to it. The new container starts in the slot that is not live, beside the old one, which serves meanwhile. A new one that
# is not healthy within SECONDS is stopped and kept for a look, and the script fails with what happened: nobody was led to it.
# Then the file of the slot says where new requests go. The new one is watched for WATCH seconds, in which the old one still runs: it takes
# over again when the new one fails, and the script fails as well. Whichever gives way has DRAIN seconds for what it was asked before.
# Before all that, the migration of the release runs in a container of its own, if it has one that did not run yet.
# The services LENDER are stopped meanwhile: the machine has no memory for two instances beside them.
#
# The slots are `blue` (SERVICE in the compose file) and `green` (SERVICE-green). A file SERVICE-green in /mnt/auren-data/slots says that
# green is live. To make or remove it is the moment of the switch. `next` leads to the release that is being switched to: after a cut
# behind that moment, the watchdog accepts it, or the next run. The next run leads back to an old container that still runs, if the new one
# fails by then.
set -euo pipefail

source starting.sh
source lending.sh

log=/mnt/auren-data/nginx-logs/access.log
led=0  # when nginx was led to another instance, in microseconds

# lead_to INSTANCE
lead_to() {
    lead "$service" "$1"
    led=${EPOCHREALTIME/[.,]/}
}

# serves_again CONTAINER: it runs. One that has ended meanwhile is started, and becomes healthy.
serves_again() {
    local container=$1 deadline=$((SECONDS + bound))
    local -a check=()
    ! is_running "$container" || return 0
    docker start "$container" >/dev/null 2>&1 || return 1
    until works; do
        [ "$SECONDS" -lt "$deadline" ] && is_running "$container" || return 1
        sleep 0.3
    done
}

# What a cut between the switch and its acceptance has left.
settle() {
    local id before
    id=$(linked next)
    [ -n "$id" ] || return 0
    container=auren-$(live "$service") before=$(other "$service" "$(live "$service")")
    if [ "$(release_of "$container")" = "$id" ]; then
        if works_now; then
            ROLLBACK=$(asked_back "$id") accept
        elif [ "$(release_of "auren-$before")" = "$(linked current)" ] && serves_again "auren-$before"; then
            lead_to "$before"
        fi
    fi
    rm -f "$directory/next" "/run/auren-watchdog/$service.next"
    check=()
}

# Connections from outside the container to a port that it listens on. nginx closes those that it keeps after four seconds.
connections() {
    local pid
    pid=$(docker inspect --format '{{.State.Pid}}' "$1")
    # 0A is a port that listens, 01 an established connection, 7F of IPv4 the loopback. Nothing is there when it has ended.
    cat "/proc/$pid/net/tcp" "/proc/$pid/net/tcp6" 2>/dev/null | awk '{ port = substr($2, index($2, ":") + 1) }
        $4 == "0A" { listens[port] }
        $4 == "01" && $3 !~ /7F:/ { connected[NR] = port }
        END { for (each in connected) if (connected[each] in listens) count++; print count + 0 }'
}

# answers CONTAINER SINCE: how many the container gave since then, and how many of them had a status of 500 or more. As nginx has logged
# them, which it does within five seconds.
answers() {
    local address
    address=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$1")
    { tail -n 10000 "$log" 2>/dev/null || true; } | awk -v upstream="\"upstream\":\"$address:" -v since="$2" '
        index($0, upstream) && substr($0, index($0, "\"time\":\"") + 8, 19) >= since { all++; if ($0 ~ /"status":5/) failed++ }
        END { print all + 0, failed + 0 }'
}

now() {
    date -u "$@" +%Y-%m-%dT%H:%M:%S
}

# watch SECONDS BEFORE: the container stays healthy, and its answers are no worse than those of BEFORE were in ten minutes. Otherwise `failing`
# says what was seen. Single failures can be coincidences: five answers count, of more than twice the share that failed before and 5 %.
watch() {
    local deadline since all failed all_before failed_before lives
    [ "$1" -gt 0 ] || return 0
    lives=$(life)
    since=$(now)
    read -r all_before failed_before < <(answers "$2" "$(now -d '10 minutes ago')")
    deadline=$((SECONDS + $1))
    while :; do
        lives_on || return 1
        if ! works 5 && ! { sleep 1 && works 5; }; then
            failing="its health check failed"
            return 1
        fi
        read -r all failed < <(answers "$container" "$since")
        if [ "$failed" -ge 5 ] && [ $((failed * 100 * (all_before + 1))) -gt $((all * (200 * failed_before + 5 * (all_before + 1)))) ]; then
            failing="$failed of its $all answers had a status of 500 or more"
            return 1
        fi
        # Asked at least once, however slow the machine is.
        [ "$SECONDS" -lt "$deadline" ] || return 0
        # Each request waits for one that has ended, until nginx is led back.
        for _ in 1 2 3 4; do
            sleep 0.25
            lives_on || return 1
        done
    done
}

lives_on() {
    [ "$(life)" = "$lives" ] || { failing="it ended" && return 1; }
}

# life: another one when the container has ended, also when Docker has started it again.
life() {
    docker inspect --format '{{.State.Running}} since {{.State.StartedAt}}' "$container"
}

# What was seen while it was watched; then its own words.
# shellcheck disable=SC2329 # called by `refuse`, by its name
explain_failing() {
    echo "$service became healthy and took over. Then $failing."
    own_words
}

# The new container is kept for a look. Docker would start it again at a boot.
put_aside() {
    docker update --restart no "$container" >/dev/null 2>&1 || true
    if timeout 120 docker stop "$container" >/dev/null 2>&1; then
        echo "$container was stopped, and is kept for a look." >>"$work/failure"
    fi
    cat "$work/failure" >&2
    exit 1
}

# migrate: the release's migration has run, once. It has the slot's address, so nobody else may have that meanwhile. Otherwise `failing`
# says what happened.
migrate() {
    local release=$directory/releases/$id name=auren-migration-$service began=$SECONDS seconds command status=0
    read -r seconds command < <(sed -n 's/^migration //p' "$release/text") && [ ! -e "$release/migrated" ] || return 0
    docker rm --force "$name" "$container" >/dev/null 2>&1 || true
    limit=$seconds compose "$release/compose.yml" run --rm --no-deps --no-TTY --name "$name" --entrypoint sh "$instance" -c "$command" \
        >"$work/migration" 2>&1 </dev/null || status=$?
    docker rm --force "$name" >/dev/null 2>&1 || true
    # One that did not end when it was told to was killed. So is one that used more memory than its limit, but before that.
    [ "$status" -ne 137 ] || [ $((SECONDS - began)) -lt "$seconds" ] || status=124
    case "$status" in
    0) touch "$release/migrated" && sync "$release/migrated" && return ;;
    124) failing="did not end within $seconds s" ;;
    *) failing="ended with exit status $status" ;;
    esac
    return 1
}

# shellcheck disable=SC2329 # called by `refuse`, by its name
explain_migration() {
    echo "The migration of $service $failing. Its last lines:"
    tail -n 50 "$work/migration" | sed 's/^/  /'
}

# drain CONTAINER SECONDS
drain() {
    local deadline=$((SECONDS + $2)) rest
    is_running "$1" || return 0
    # A request may be on its way for a second from the switch on, by whatever clock.
    rest=$((1000000 + led - ${EPOCHREALTIME/[.,]/}))
    [ "$rest" -le 0 ] || sleep "$(awk -v rest="$rest" 'BEGIN { print (rest > 1e6 ? 1e6 : rest) / 1e6 }')"
    while [ "$SECONDS" -lt "$deadline" ] && [ "$(connections "$1")" -gt 0 ]; do
        sleep 0.5
    done
}

main() {
    local began before failing seconds=$3 watched=$4
    staged "$1"
    bound=$2
    shift 4
    settle
    instance=$(live "$service") container=auren-$instance
    if ! was_repaired && [ "$(linked current)" = "$id" ] && [ "$(release_of "$container")" = "$id" ] && works_now; then
        clear_other "$seconds"
        was_right
        echo "$container runs $id and is healthy"
        return
    fi
    before=$container
    # The first one of all has nothing to start beside.
    if is_running "$before"; then
        instance=$(other "$service" "$instance") container=auren-$instance
    fi
    trap 'give_back; rm -rf "$work"' EXIT
    ! is_running "$before" || borrow "$@"
    if ! migrate; then
        refuse explain_migration
        ! is_running "$before" || echo "$before still serves." >>"$work/failure"
        cat "$work/failure" >&2
        exit 1
    fi
    began=$SECONDS
    if ! start "$directory/releases/$id/compose.yml"; then
        refuse explain "$began"
        ! is_running "$before" || echo "Nobody was led to it: $before still serves." >>"$work/failure"
        put_aside
    fi
    point "$directory" next "$id"
    # The slot's file is on another disk. After a power cut, it may be there only with the container and the link.
    sync --file-system /var/lib/docker "$directory"
    lead_to "$instance"
    if [ "$before" != "$container" ] && ! watch "$watched" "$before"; then
        refuse explain_failing
        if serves_again "$before"; then
            lead_to "$(other "$service" "$instance")"
            rm -f "$directory/next"
            echo "$before serves again." >>"$work/failure"
            drain "$container" "$seconds"
            put_aside
        fi
        rm -f "$directory/next"
        echo "$before has ended meanwhile, and does not start again. So $container still serves, until the watchdog puts the accepted" \
            "release in its place." >>"$work/failure"
        cat "$work/failure" >&2
        exit 1
    fi
    accept
    rm -f "$directory/next"
    [ "$before" = "$container" ] || end "$before" "$seconds"
    echo "$container runs $id, of $(docker inspect --format '{{.Config.Image}}' "$container")"
}

# clear_other SECONDS: the container of the other slot, which a cut or a failure has left.
clear_other() {
    local left
    left=auren-$(other "$service" "$instance")
    ! docker inspect "$left" >/dev/null 2>&1 || end "$left" "$1"
}

# end CONTAINER SECONDS: it gets no new request any more.
end() {
    drain "$1" "$2"
    timeout 120 docker stop "$1" >/dev/null
    docker rm "$1" >/dev/null
}

main "$@"; exit
