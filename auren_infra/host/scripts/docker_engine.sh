#!/usr/bin/env bash
# docker_engine SOURCE VERSION < daemon.json: Docker Engine and Compose V2, of a pinned version, running with daemon.json,
# and beside them what the machine's own walls and the rotation of logs need.
set -euo pipefail

# The first boot's own package runs hold the locks for a while; the list lock has no waiting of its own.
apt() {
    local tries=0
    until apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -qq -y "$@" >/tmp/auren-apt 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -ge 30 ] || ! grep -qiE 'could not get lock|temporary failure|connection (failed|timed out)' /tmp/auren-apt; then
            tail -n 20 /tmp/auren-apt >&2
            return 1
        fi
        sleep 10
    done
}

add_docker_repository() {
    local id codename key=/etc/apt/keyrings/docker.asc
    # shellcheck source=/dev/null
    id=$(. /etc/os-release && echo "$ID")
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    apt install ca-certificates curl
    install -d -m 0755 /etc/apt/keyrings
    curl -fsS --retry 5 --retry-connrefused --max-time 60 "https://download.docker.com/linux/$id/gpg" -o "$key.new"
    mv "$key.new" "$key"
    echo "deb [arch=$(dpkg --print-architecture) signed-by=$key] https://download.docker.com/linux/$id $codename stable" \
        >/etc/apt/sources.list.d/docker.list
}

# The newest candidate of PACKAGE whose version, without the epoch, is VERSION or begins with "VERSION.".
candidate() {
    local package=$1 version=$2
    # awk reads to the end: a pipe that is closed early would end the script.
    apt-cache madison "$package" | awk -v want="$version" '
        {
            v = $3
            sub(/^[0-9]+:/, "", v)
            if (!found && (v == want || v ~ "^" want "[-.+~]")) { print $3; found = 1 }
        }'
}

# The first of the packages that the distribution has: Ubuntu and Debian name Compose V2 differently.
first_available() {
    local package
    for package in "$@"; do
        if [ -n "$(apt-cache madison "$package")" ]; then
            echo "$package"
            return
        fi
    done
}

is_running() {
    case "$(docker version --format '{{.Server.Version}}' 2>/dev/null)" in
    "$1" | "$1".* | "$1"-* | "$1"+*) docker compose version >/dev/null 2>&1 ;;
    *) return 1 ;;
    esac
}

others_are_there() {
    local program
    for program in ufw iptables-restore logrotate; do
        command -v "$program" >/dev/null || return 1
    done
}

install_engine() {
    local source=$1 version=$2 engine pinned others
    [ "$source" != docker ] || add_docker_repository
    apt update
    if [ "$source" = docker ]; then
        engine=docker-ce others=(docker-ce-cli containerd.io docker-compose-plugin)
    else
        engine=docker.io
        mapfile -t others < <(first_available docker-cli; first_available docker-compose-v2 docker-compose)
    fi
    pinned=$(candidate "$engine" "$version")
    if [ -z "$pinned" ]; then
        echo "There is no $engine $version for this system. There is:" >&2
        apt-cache madison "$engine" | awk 'NR <= 10 { print "  " $3 }' >&2
        echo "Set auren:dockerVersion to the beginning of one of them, or change auren:dockerSource." >&2
        return 1
    fi
    apt-mark unhold "$engine" "${others[@]}" >/dev/null 2>&1 || true
    apt --allow-downgrades --no-install-recommends install "$engine=$pinned" "${others[@]}" iptables ufw logrotate
    apt-mark hold "$engine" "${others[@]}" >/dev/null
}

main() {
    local source=$1 version=$2
    export DEBIAN_FRONTEND=noninteractive
    install -d -m 0755 /etc/docker
    cat >/etc/docker/daemon.json.new
    { is_running "$version" && others_are_there; } || install_engine "$source" "$version"
    if ! cmp -s /etc/docker/daemon.json.new /etc/docker/daemon.json; then
        dockerd --validate --config-file /etc/docker/daemon.json.new >&2
        mv /etc/docker/daemon.json.new /etc/docker/daemon.json
        systemctl restart docker
    fi
    systemctl enable --quiet docker
    timeout 60 sh -c 'until docker version >/dev/null 2>&1; do sleep 1; done'
    docker version --format 'Docker Engine {{.Server.Version}}'
    docker compose version
}

main "$@"; exit
