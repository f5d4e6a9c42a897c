#!/usr/bin/env bash
# over_ssh < PRIVATE_KEY, on the machine that runs pulumi (nothing given: an SSH agent holds the key): runs a script on the droplet before a cloud takes something away from it.
#   HOST, PORT     where its sshd listens, and KNOWN_HOSTS, the known_hosts line with its host key
#   WEB_PORT       a port that everybody can reach while AUREN runs
#   COMMAND        what is run there, with SCRIPT on its standard input
#   LOCAL_BOUND    seconds after which the connection is given up
#   NEXT, KEPT     the words for what happens to a dead droplet, and for what is not done to one that is alive
# Nobody there: the droplet is dead, and must not be in the way. That is so when no port gives any answer in four tries.
# Everything else is a droplet that is alive, and whose data would be at risk: then this fails. A refused connection is an answer.
# It also fails when this machine itself has no way to the droplet, since that says nothing about the droplet.
# It needs ssh and bash 3.2, and no `timeout`: macOS has none. The operator's own SSH configuration, agent and keys do not count.
# shellcheck disable=SC2329 # `bounded` calls functions by their names
set -euo pipefail
export LC_ALL=C  # for the words of a connection that fails

# bounded SECONDS COMMAND…: the command's status. One that takes longer is ended; that is status 124.
bounded() {
    local seconds=$1 waited=0 process
    shift
    "$@" &
    process=$!
    while kill -0 "$process" 2>/dev/null; do
        if [ "$waited" -ge "$seconds" ]; then
            kill "$process" 2>/dev/null || true
            wait "$process" 2>/dev/null || true
            return 124
        fi
        sleep 1
        waited=$((waited + 1))
    done
    wait "$process"
}

connect() {
    exec 3<>"/dev/tcp/$HOST/$1"
}

# answer PORT: what comes back is open, refused or silent; or unreachable, when this machine has no way there.
answer() {
    local words
    if words=$(bounded 10 connect "$1" 2>&1); then
        echo open
        return
    fi
    case "$words" in
    *"Connection refused"* | *"Connection reset"*) echo refused ;;
    *"Network is unreachable"* | *"Permission denied"* | *"Operation not permitted"*) echo unreachable ;;
    *) echo silent ;;
    esac
}

# `exec`, so that it is ssh itself that is ended. The files are named from where they are: ssh reads paths as patterns.
log_in() {
    local -a identity=(-i key -o IdentitiesOnly=yes -o IdentityAgent=none)
    [ -s key ] || identity=(-o PreferredAuthentications=publickey)
    exec ssh -F /dev/null -T -p "$PORT" "${identity[@]}" -o BatchMode=yes -o ControlPath=none -o ProxyCommand=none \
        -o UserKnownHostsFile=known_hosts -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes -o UpdateHostKeys=no \
        -o ConnectTimeout=10 -o ServerAliveInterval=10 -o ServerAliveCountMax=3 \
        "root@$HOST" "$COMMAND" <script 2>said
}

# alive REASON
alive() {
    echo "$HOST $1: $KEPT." >&2
    sed 's/^/  /' said >&2
}

how_to_go_on() {
    echo "Repair that and run pulumi again. If it cannot be repaired, switch the droplet off first, in DigitalOcean's control panel or with" >&2
    echo "\`doctl compute droplet-action power-off ID\`: a droplet that is off is taken for dead." >&2
}

main() {
    local try status=0 ssh=silent web=silent
    if ! command -v ssh >/dev/null; then
        echo "There is no ssh on PATH: $KEPT. Install OpenSSH's client and run pulumi again." >&2
        exit 1
    fi
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cd "$work"
    (umask 077 && cat >key)
    printf '%s\n' "$KNOWN_HOSTS" >known_hosts
    printf '%s' "$SCRIPT" >script
    : >said
    if [ ! -s key ] && ! bounded 15 ssh-add -l >/dev/null 2>&1; then
        echo "The stack keeps no private key (auren:deployKey), and no SSH agent here holds one: $KEPT." >&2
        echo "Start an agent, add the key with \`ssh-add FILE\`, and run pulumi again." >&2
        exit 1
    fi

    for try in 1 2 3 4; do
        [ "$try" -eq 1 ] || sleep 5
        ssh=$(answer "$PORT")
        [ "$ssh" = open ] || continue
        status=0
        bounded "$LOCAL_BOUND" log_in || status=$?
        # 255 is ssh's own: the host key, the login or the connection failed, and may not the next time.
        [ "$status" -eq 255 ] || break
    done

    [ "$ssh" = open ] || web=$(answer "$WEB_PORT")
    if [ "$ssh" = unreachable ] || [ "$web" = unreachable ]; then
        alive "cannot be reached from this machine (network unreachable, or not permitted), so nobody knows whether it is alive"
        how_to_go_on
        exit 1
    elif [ "$ssh" = refused ]; then
        alive "refuses connections on port $PORT, so it is alive"
        echo "Does it boot just now? Does sshd run on the droplet?" >&2
        how_to_go_on
        exit 1
    elif [ "$web" = open ] || [ "$web" = refused ]; then
        alive "takes no SSH connection on port $PORT, but answers on port $WEB_PORT, so it is alive"
        echo "Is SSH open to this machine (\`python -m auren_infra access open\`, auren:sshAllowed)? Does sshd run on the droplet?" >&2
        how_to_go_on
        exit 1
    elif [ "$ssh" = silent ]; then
        echo "$HOST does not answer on any port. It is taken for dead: $NEXT."
    elif [ "$status" -eq 255 ]; then
        alive "is alive, but SSH to it fails"
        how_to_go_on
        exit 1
    elif [ "$status" -ne 0 ]; then
        alive "answers, but could not be brought down cleanly (exit $status)"
        exit 1
    fi
}

main "$@"; exit
