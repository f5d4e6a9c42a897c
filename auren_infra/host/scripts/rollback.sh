#!/usr/bin/env bash
# auren-rollback SERVICE [RELEASE]: the service's container runs an earlier release again. The machine keeps the last ones with their images
# and their secrets, so this needs no network. Without RELEASE it is the one that was accepted before. No data goes back.
# A release that does not become healthy is refused, as in a deployment. `auren-releases` shows the releases.
# It ends also when whoever asked for it has gone.
set -euo pipefail

source releases.sh
source links.sh

programs=/usr/local/lib/auren

# starting: sets the `program` that starts the service's container, and its `arguments`.
starting() {
    local name words
    local -a names
    while read -r name program words; do
        if [ "$name" = "$service" ]; then
            read -ra arguments <<<"$words"
            return
        fi
    done <"$programs/starts"
    mapfile -t names < <(cut -d' ' -f1 "$programs/starts")
    fail "There is no service $service. The services are: ${names[*]}"
}

# The one that was accepted before. After a rollback this is the one that was left, which nobody wants by accident.
before() {
    local release
    [ ! -L "$directory/next" ] || fail "A deployment of $service was cut, and nobody has accepted its release yet." \
        "Name the release: auren-rollback $service RELEASE. auren-releases $service shows them."
    release=$(linked previous)
    [ -n "$release" ] || fail "$service has no earlier release on this machine."
    [ ! -e "$directory/rolled-back" ] || fail "$service was rolled back already. Name the release: auren-rollback $service RELEASE." \
        "auren-releases $service shows them."
    echo "$release"
}

# other_password RELEASE: a secret of that release that is another one now, and that others who log in with it have as it is now; or
# nothing. Its name begins with the service's.
other_password() {
    local secret name other
    for secret in "$directory/current/secrets/$service"_*; do
        [ -f "$secret" ] || continue
        name=$(basename "$secret")
        cmp -s "$secret" "$directory/releases/$1/secrets/$name" && continue
        for other in "$services"/*/current/secrets/"$name"; do
            if [ -f "$other" ] && [ "$other" != "$secret" ] && ! cmp -s "$other" "$directory/releases/$1/secrets/$name"; then
                echo "$name"
                return
            fi
        done
    done
}

main() {
    local release now program deploys other waited=""
    local -a arguments=()
    [ $# -eq 1 ] || [ $# -eq 2 ] || fail "usage: auren-rollback SERVICE [RELEASE]"
    service=$1 directory=$services/$1
    starting
    exec 9>"/run/lock/auren-$service"
    now=$(linked current)
    if ! flock --nonblock 9; then
        deploys=$(who_deploys)
        echo "Something is at work on $service, such as a deployment, a restore or the watchdog${deploys:+: $deploys}" >&2
        echo "Waiting for its end, five minutes at most." >&2
        flock --wait 300 9 || fail "It has not ended. Nothing was done."
        waited=$now
    fi
    now=$(linked current)
    if [ -n "$waited" ] && [ "$waited" = "$now" ] && [ $# -eq 1 ] && [ ! -L "$directory/next" ]; then
        echo "What was at work has ended, and $service runs the release $now as before. Nothing was rolled back." \
            "To go back from it all the same, give the command again."
        return
    fi
    [ -n "$now" ] || fail "$service was not deployed yet."
    release=${2:-$(before)}
    [[ $release =~ ^[0-9a-f]{16}$ && -e $directory/releases/$release/text ]] ||
        fail "$service has no release $release on this machine. auren-releases $service shows those that there are."
    other=$(other_password "$release")
    [ -z "$other" ] || fail "$service has had another $other since then, which other services log in with: they would be locked out." \
        "Put the image of that time into auren:images instead, and run pulumi up."
    record "$release" rollback
    export ROLLBACK=yes
    trap '' HUP PIPE
    "$programs/$program" "$service" "${arguments[@]}" <<<"$release asked for by auren-rollback" 9>&-
}

main "$@"; exit
