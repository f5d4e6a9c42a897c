#!/usr/bin/env bash
# docker_engine SOURCE PACKAGE=VERSION... < daemon.json: Docker Engine and Compose V2 run with daemon.json, from pinned packages.
# The engine's package comes first. VERSION is an upstream version or its beginning. Of Docker's own repository all packages are
# named; of the distribution only the engine is, and the others are those of the same release of the distribution.
# The packages are held: no upgrade of the system changes them. What other commands need is installed with them.
#
# Where the first number of the engine's or containerd's version changes, the containers are stopped cleanly before the packages
# change, and started and waited for afterwards. With any other change they keep running (live-restore).
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1

# Of Docker's own repository, and of distributions.
packages=(docker-ce docker-ce-cli containerd.io docker-compose-plugin)
packages+=(docker.io docker-cli containerd runc docker-compose docker-compose-v2)
project=label=com.docker.compose.project=auren
stopped=/var/lib/auren/docker_engine.stopped # the containers that were stopped for a change that is not over yet
said=/var/lib/auren/docker_engine.said        # the last words of apt-get
source_list=/etc/apt/sources.list.d/docker.list
patience=600 # seconds that another program's lock, or a mirror that does not answer, is waited for
give_up_at=$((SECONDS + patience))
containers_patience=300
conffiles=(-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold)
locked='could not get lock|unable to (acquire|lock)|lock was locked by another process'
passing="$locked|temporary failure|could not (resolve|connect)|unable to connect|cannot initiate the connection"
passing+="|connection (failed|timed out|refused|reset)|network is unreachable|no route to host|error reading from server"
passing+="|hash sum mismatch|unexpected size|mirror sync|not valid yet|undetermined error| (429|50[0-9]) "

# apt-get. An installation that was cut is completed; what passes by itself is waited for. With -qq, apt-get would not say
# why a mirror cannot be reached.
apt() {
    local tries=0 completed="" mended=""
    until apt-get -q -y -o DPkg::Lock::Timeout=60 -o Acquire::Retries=3 "${conffiles[@]}" "$@" </dev/null >"$said" 2>&1; do
        if [ -z "$completed" ] && grep -q 'dpkg was interrupted' "$said"; then
            completed=yes
            echo "An installation was cut before: completing it."
            dpkg --force-confdef --force-confold --configure -a </dev/null >"$said" 2>&1 || true
        elif [ -z "$mended" ] && grep -q 'fix-broken' "$said"; then
            mended=yes
            echo "An installation was cut before: completing it."
            apt-get -q -y -o DPkg::Lock::Timeout=60 "${conffiles[@]}" --fix-broken install </dev/null >"$said" 2>&1 || true
        else
            tries=$((tries + 1))
            if [ "$SECONDS" -ge "$give_up_at" ] || [ "$tries" -gt 60 ] || ! grep -qiE "$passing" "$said"; then
                return 1
            fi
            [ "$tries" -gt 1 ] || echo "Waiting: $(grep -iE "$passing" "$said" | tail -n 1 | sed 's/^ *//')"
            sleep 10
        fi
    done
}

# give_up SENTENCE: with what apt-get said last.
give_up() {
    if grep -qiE "$locked" "$said"; then
        echo "Another program holds the package lock of the machine, for more than $((patience / 60)) minutes." \
            "Run pulumi up again when it has ended."
    else
        echo "$1"
    fi >&2
    echo "apt-get said:" >&2
    grep -vE '^(Hit|Ign|Get):|^(Reading|Building)' "$said" | tail -n 15 | sed 's/^/  /' >&2
    exit 1
}

update_lists() {
    apt --error-on=any update ||
        give_up "The package lists could not be updated, so nothing was installed. What ran before still runs."
}

install_packages() {
    apt --allow-downgrades --allow-change-held-packages --no-install-recommends "$@" ||
        give_up "The packages could not be installed."
}

add_docker_repository() {
    local id codename url key=/etc/apt/keyrings/docker.asc
    # shellcheck source=/dev/null
    id=$(. /etc/os-release && echo "$ID")
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    url=https://download.docker.com/linux/$id
    if ! command -v curl >/dev/null; then
        update_lists
        install_packages install ca-certificates curl
    fi
    install -d -m 0755 /etc/apt/keyrings
    if ! curl -fsS --retry 8 --retry-all-errors --max-time 60 "$url/gpg" -o "$key.new"; then
        echo "The key of Docker's package repository could not be fetched from $url/gpg. What ran before still runs." >&2
        exit 1
    fi
    mv "$key.new" "$key"
    echo "deb [arch=$(dpkg --print-architecture) signed-by=$key] $url $codename stable" >"$source_list"
}

# begins VERSION WANTED: whether VERSION, of a package or of a program, is WANTED or begins with it.
begins() {
    [[ ${1#*:} == "$2" || ${1#*:} == "$2"[-.+~]* ]]
}

first_number() {
    local version=${1#*:}
    echo "${version%%.*}"
}

# The version of an installed package; nothing when it is not installed.
installed() {
    dpkg-query --show --showformat '${db:Status-Status} ${Version}\n' "$1" 2>/dev/null | sed -n 's/^installed //p' || true
}

# candidate PACKAGE [VERSION [RELEASE]]: the newest version of it, as its source writes it, that begins with VERSION and is of
# this release of the distribution (`trixie`; its security updates count as well).
candidate() {
    # awk reads to the end: a pipe that is closed early would end the script.
    apt-cache madison "$1" | awk -v wanted="${2:-}" -v release="${3:-}" '
        {
            version = $3
            sub(/^[0-9]+:/, "", version)
            rest = substr(version, length(wanted) + 1)
            from = $6
            sub(/[-\/].*/, "", from)
            if (!found && substr(version, 1, length(wanted)) == wanted && (wanted == "" || rest ~ /^([-.+~]|$)/) &&
                (release == "" || from == release)) { print $3; found = 1 }
        }'
}

# The release of the distribution that a version of a package is from.
release_of() {
    apt-cache madison "$1" | awk -v version="$2" '$3 == version && !found { sub(/[-\/].*/, "", $6); print $6; found = 1 }'
}

# Fills `chosen` with PACKAGE=VERSION of the whole set, the versions as their source writes them.
choose() {
    local source=$1 wanted package version release compose
    shift
    chosen=()
    for wanted in "$@"; do
        package=${wanted%%=*}
        version=$(candidate "$package" "${wanted#*=}")
        if [ -z "$version" ]; then
            echo "There is no $package ${wanted#*=} for this system. There is:" >&2
            apt-cache madison "$package" | awk 'NR <= 10 { print "  " $3 }' >&2
            echo "Set auren:dockerVersion to a release that there is, or change auren:dockerSource." >&2
            exit 1
        fi
        chosen+=("$package=$version")
    done
    [ "$source" = distribution ] || return 0
    release=$(release_of "${chosen[0]%%=*}" "${chosen[0]#*=}")
    # Ubuntu's name for Compose V2, then Debian's. Ubuntu's docker-compose is the old program, as is that of Debian 12.
    compose=docker-compose-v2
    [ -n "$(candidate "$compose" "" "$release")" ] || compose=docker-compose
    for package in docker-cli containerd runc "$compose"; do
        version=$(candidate "$package" "" "$release")
        [ -z "$version" ] || chosen+=("$package=$version")
    done
    case "$(candidate "$compose" "" "$release")" in
    '' | [01].*)
        echo "The packages of this system have no Compose V2. Set auren:dockerSource to docker." >&2
        exit 1
        ;;
    esac
}

# Whether the containers cannot run through the change from what is installed to `chosen`.
changes_release() {
    local choice package
    [ ! -e "$stopped" ] || return 0
    [ -n "$(installed docker-ce)$(installed docker.io)" ] || return 1
    for choice in "${chosen[@]}"; do
        package=${choice%%=*}
        case "$package" in
        docker-ce | docker.io | containerd.io | containerd)
            [ "$(first_number "$(installed "$package")")" = "$(first_number "${choice#*=}")" ] || return 0
            ;;
        esac
    done
    return 1
}

stop_containers() {
    local running
    if [ ! -e "$stopped" ]; then
        timeout 60 docker ps --filter "$project" --format '{{.Names}}' >"$stopped.new" || {
            echo "Docker does not answer, so the containers cannot be stopped cleanly. Repair it: systemctl status docker" >&2
            exit 1
        }
        mv "$stopped.new" "$stopped"
    fi
    # Whatever fails from here on, what can run is started again.
    trap 'systemctl start docker auren || true' EXIT
    echo "Docker's release changes: stopping the containers."
    # In the order of their links, and the watchdog with them. The unit may be stopped while containers run.
    if systemctl cat auren >/dev/null 2>&1; then systemctl stop auren; fi
    running=$(timeout 60 docker ps --quiet --filter "$project" || true)
    # shellcheck disable=SC2086 # one word for each container
    [ -z "$running" ] || timeout 240 docker stop --time 60 $running >/dev/null
}

# Those of the stopped containers that are not healthy again.
missing() {
    local name health
    while read -r name; do
        health=$(docker inspect --format '{{.State.Status}} {{.State.Health.Status}}' "$name" 2>/dev/null || true)
        [ "$health" = "running healthy" ] || echo "$name"
    done <"$stopped"
}

start_containers() {
    local name left tries=0 end=$((SECONDS + containers_patience))
    while read -r name; do
        docker start "$name" </dev/null >/dev/null || true
    done <"$stopped"
    if systemctl cat auren >/dev/null 2>&1; then systemctl start auren; fi
    trap - EXIT
    left=$(missing)
    while [ -n "$left" ] && [ "$SECONDS" -lt "$end" ] && [ "$tries" -lt "$containers_patience" ]; do
        tries=$((tries + 1))
        sleep 1
        left=$(missing)
    done
    # Their own commands ask them again after this one, make them anew, and fail if that does not help.
    for name in $left; do
        echo "$name is not healthy $containers_patience s after the change of Docker's release. Its last lines:"
        docker logs --tail 15 "$name" 2>&1 | sed 's/^/  /' || true
    done
    rm -f "$stopped"
}

others_are_there() {
    local program
    for program in ufw iptables-restore logrotate unattended-upgrade; do
        command -v "$program" >/dev/null || return 1
    done
}

is_as_wanted() {
    local wanted
    for wanted in "$@"; do
        begins "$(installed "${wanted%%=*}")" "${wanted#*=}" || return 1
    done
    begins "$(docker version --format '{{.Server.Version}}' 2>/dev/null)" "${1#*=}" || return 1
    docker compose version >/dev/null 2>&1 && others_are_there
}

change_packages() {
    local source=$1 names before
    if [ "$source" = docker ]; then add_docker_repository; else rm -f "$source_list"; fi
    update_lists
    choose "$@"
    # All that can fail without touching what runs comes first.
    names=("${chosen[@]}" iptables ufw logrotate unattended-upgrades)
    install_packages --download-only install "${names[@]}"
    before=$(installed docker-ce)$(installed docker.io)
    if changes_release; then stop_containers; fi
    install_packages install "${names[@]}"
    # Not every package restarts its daemon.
    [ -z "$before" ] || systemctl restart containerd docker
}

hold_packages() {
    local package held free=()
    held=$(apt-mark showhold)
    for package in "${packages[@]}"; do
        if [ -n "$(installed "$package")" ] && ! grep -qx "$package" <<<"$held"; then free+=("$package"); fi
    done
    [ "${#free[@]}" -eq 0 ] || apt-mark hold "${free[@]}" >/dev/null
}

main() {
    local source=$1
    install -d -m 0755 /etc/docker /var/lib/auren
    cat >/etc/docker/daemon.json.new
    is_as_wanted "${@:2}" || change_packages "$@"
    hold_packages
    if ! cmp -s /etc/docker/daemon.json.new /etc/docker/daemon.json; then
        dockerd --validate --config-file /etc/docker/daemon.json.new >&2
        mv /etc/docker/daemon.json.new /etc/docker/daemon.json
        systemctl restart docker
    fi
    systemctl enable --quiet docker
    timeout 60 sh -c 'until docker version >/dev/null 2>&1; do sleep 1; done'
    [ ! -e "$stopped" ] || start_containers
    docker version --format 'Docker Engine {{.Server.Version}}'
    docker compose version
}

main "$@"; exit
