#!/usr/bin/env bash
# reload SERVICE SECONDS < "ID TIME": the service's container, which is nginx, runs the staged release ID and is healthy, and `current`
# leads to it. nginx reads the configuration of the release that the link `live` leads to.
# Where the release differs from what runs in its files only, the container stays: nginx tests the new files, `live` leads to them, and
# nginx reloads. New processes of nginx answer new connections, and the old ones end when they have answered.
# A release that nginx refuses, or is not healthy with, is given up: `live` leads back, and the script fails with what happened.
# Anything else, and what nginx cannot change while it runs, takes a new container, as in switch.sh.
# After a cut at any point, nginx says what it has read, so the next run reloads again. The watchdog leads `live` back to `current`.
set -euo pipefail

source replacing.sh

# Whether the container that runs is the one of the staged release, but for files.
stays() {
    local made
    made=$(release_of "$container")
    [ -n "$made" ] && reloads "$service" "$id" && alike "$service" "$made" "$id" &&
        ! grep -qx compose.yml "$directory/releases/$id/repaired" 2>/dev/null && works_now
}

# accepts ID: nginx itself tests the configuration, where it runs.
accepts() {
    timeout 30 docker exec "$container" nginx -t -q -c "/etc/auren/releases/$1/files/nginx.conf" >"$work/said" 2>&1
}

# take_over ID
take_over() {
    point "$directory" live "$1"
    read_anew "$container" "$1" >"$work/said" 2>&1
}

# give_up WORDS < DETAILS: the script ends here.
give_up() {
    local before
    before=$(linked current)
    {
        echo "$1"
        sed 's/^/  /'
        if [ "$(running "$service" "$container")" = "$before" ]; then
            echo "The release before it, $before, still runs."
        elif alike "$service" "$id" "$before" && take_over "$before" && works_now; then
            echo "The release before it, $before, runs again. $container was not restarted."
        else
            go_back
        fi
    } >"$work/failure"
    point "$directory" failed "$id"
    record "$id" refused
    cat "$work/failure" >&2
    exit 1
}

main() {
    staged "$1"
    instance=$service container=auren-$service bound=$2
    if ! was_repaired && [ "$(linked current)" = "$id" ] && [ "$(linked live)" = "$id" ] && [ "$(running "$service" "$container")" = "$id" ] &&
        works_now; then
        was_right
        echo "$container runs $id and is healthy"
        return
    fi
    stays || replace
    accepts "$id" || give_up "$service does not accept the files of the release $id:" <"$work/said"
    take_over "$id" || replace
    if works_now; then
        accept
        echo "$container runs $id, and was not restarted"
        return
    fi
    [ "$(linked current)" != "$id" ] || replace
    give_up "$service is not healthy with the files of the release $id. Its health check said:" <"$work/check"
}

main "$@"; exit
