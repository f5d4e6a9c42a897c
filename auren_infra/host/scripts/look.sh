#!/usr/bin/env bash
# look < "file PATH", "tree PATH", "unit NAME" and "disk DEVICE MOUNTPOINT" lines: what is on the machine, a line for each fact:
# its name, the exit status of what was asked, and the answer in base64. It changes nothing, and shows no secret.
# shellcheck disable=SC2329 # the functions are called by `fact`, by their names
set -euo pipefail

services=/opt/auren/services
files=() trees=() units=() devices=() targets=()

# fact NAME COMMAND…: one that fails is a fact, too.
fact() {
    local name=$1 status=0 answer
    shift
    answer=$("$@" 2>/dev/null </dev/null | base64 --wrap=0; exit "${PIPESTATUS[0]}") || status=$?
    echo "$name $status $answer"
}

# MODE UID:GID USER:GROUP DIGEST PATH. What is no file, as a link is none, has no digest; what is not there has no line.
describe() {
    local digest=-
    [ -e "$1" ] || [ -L "$1" ] || return 0
    if [ -f "$1" ] && [ ! -L "$1" ]; then
        digest=$(sha256sum <"$1" | cut -d' ' -f1)
    fi
    stat --format "%a %u:%g %U:%G $digest %n" "$1"
}

all_files() {
    local path tree
    for path in "${files[@]}"; do
        describe "$path"
    done
    for tree in "${trees[@]}"; do
        [ -d "$tree" ] || continue
        find -H "$tree" ! -type d | sort | while IFS= read -r path; do
            describe "$path"
        done
    done
}

# Not by asking Docker, whose socket would start it.
docker_runs() {
    systemctl is-active --quiet docker
}

inspect() {
    local -a ids
    mapfile -t ids < <(timeout 30 docker ps --all --quiet --no-trunc)
    [ "${#ids[@]}" -eq 0 ] || timeout 30 docker inspect --format "$1" "${ids[@]}"
}

containers() {
    docker_runs && timeout 30 docker version >/dev/null || return 1
    inspect '{"id":{{json .Id}},"name":{{json .Name}},"image":{{json .Config.Image}},"labels":{{json .Config.Labels}},"state":{{json .State}},"host":{{json .HostConfig}},"networks":{{json .NetworkSettings.Networks}}}'
}

# SERVICE RELEASE: the release that was accepted last.
accepted() {
    local link service
    for link in "$services"/*/current; do
        [ -L "$link" ] || continue
        service=${link%/current}
        echo "${service##*/} $(basename "$(readlink "$link")")"
    done
}

networks() {
    docker_runs || return 1
    timeout 30 docker network ls --quiet | xargs --no-run-if-empty timeout 30 docker network inspect --format '{{json .}}'
}

# PROGRAM VERSION: of what runs, which need not be what is installed.
docker_versions() {
    docker_runs || return 1
    timeout 30 docker version --format 'engine {{.Server.Version}}{{"\n"}}client {{.Client.Version}}{{"\n"}}{{range .Server.Components}}{{if eq .Name "containerd"}}containerd {{.Version}}{{end}}{{end}}'
    echo "compose $(timeout 30 docker compose version --short)"
}

# PACKAGE hold|install installed
docker_packages() {
    dpkg-query --show --showformat '${Package} ${db:Status-Want} ${db:Status-Status}\n' docker-ce docker-ce-cli containerd.io \
        docker-compose-plugin docker.io docker-cli containerd runc docker-compose docker-compose-v2 || true
}

# MOUNTPOINT DEVICE SOURCE, tab-separated: the last is empty while nothing is mounted there.
disks() {
    local index
    for index in "${!devices[@]}"; do
        printf '%s\t%s\t%s\n' "${targets[index]}" "$(readlink -f "${devices[index]}")" \
            "$(findmnt --noheadings --output SOURCE --mountpoint "${targets[index]}")"
    done
}

main() {
    local kind first second
    while IFS=' ' read -r kind first; do
        case "$kind" in
        file) files+=("$first") ;;
        tree) trees+=("$first") ;;
        unit) units+=("$first") ;;
        disk)
            second=${first#* }
            devices+=("${first%% *}") targets+=("$second")
            ;;
        esac
    done
    fact files all_files
    fact containers containers
    fact accepted accepted
    fact networks networks
    fact docker-versions docker_versions
    fact docker-packages docker_packages
    fact rules iptables --wait 10 --list-rules
    fact bridge-filtering sysctl --values net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables
    fact ufw-status ufw status verbose
    fact ufw-added ufw show added
    fact ufw-rules cat /etc/ufw/user.rules
    fact units systemctl show --property=Id,ActiveState,UnitFileState,Requires,RequiresMountsFor "${units[@]}"
    fact alarms systemctl list-units --state=failed --plain --no-legend --no-pager 'auren-failing@*'
    fact fstab cat /etc/fstab
    fact disks disks
    fact end true
}

main "$@"; exit
