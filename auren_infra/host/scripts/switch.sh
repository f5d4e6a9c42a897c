#!/usr/bin/env bash
# switch SERVICE SECONDS < "ID TIME": the service's container runs the staged release ID and is healthy, and `current` leads to it.
# A container that runs this release and is healthy is left alone. A release that is not healthy within SECONDS is refused: the container
# of `current` is started again, from files that were never touched, and the script fails with what happened.
set -euo pipefail

source replacing.sh

main() {
    staged "$1"
    instance=$service container=auren-$service bound=$2
    if ! was_repaired && [ "$(linked current)" = "$id" ] && [ "$(release_of "$container")" = "$id" ] && works_now; then
        was_right
        echo "$container runs $id and is healthy"
        return
    fi
    replace
}

main "$@"; exit
