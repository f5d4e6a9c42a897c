#!/usr/bin/env bash
# look < "file PATH", "secret PATH", "key INNER OUTER", "tree PATH", "manifest DIRECTORY", "unit NAME" and
# "disk DEVICE MOUNTPOINT" lines: what is on the machine, a line for each fact: its name, the exit status of what was
# asked, and the answer in base64. It changes nothing, and shows no secret. A secret's digest is its HMAC-SHA256: nobody
# can try out which secret it is of without the key, which comes as its two pads (RFC 2104), in hexadecimal, and is kept
# nowhere.
# shellcheck disable=SC2329 # the functions are called by `fact`, by their names
set -euo pipefail

source running.sh

services=/opt/auren/services
inner_pad='' outer_pad=''
files=() secrets=() trees=() published=() units=() devices=() targets=()

# fact NAME COMMAND…: one that fails is a fact, too.
fact() {
    local name=$1 status=0 answer
    shift
    answer=$("$@" 2>/dev/null </dev/null | base64 --wrap=0; exit "${PIPESTATUS[0]}") || status=$?
    echo "$name $status $answer"
}

# bytes HEXADECIMAL, as printf writes them
bytes() {
    # shellcheck disable=SC2001 # bash's own replacement knows no part that was found
    sed 's/../\\x&/g' <<<"$1"
}

is_secret() {
    local path
    for path in "${secrets[@]}"; do
        [ "$path" != "$1" ] || return 0
    done
    return 1
}

# digest PATH < CONTENT
digest() {
    local inner
    if ! is_secret "$1"; then
        sha256sum | cut -d' ' -f1
        return
    fi
    inner=$({ printf '%b' "$inner_pad" && cat; } | sha256sum | cut -d' ' -f1)
    { printf '%b' "$outer_pad" && printf '%b' "$(bytes "$inner")"; } | sha256sum | cut -d' ' -f1
}

# MODE UID:GID USER:GROUP DIGEST PATH. What is no file, as a link is none, has no digest; what is not there has no line.
describe() {
    local digest=-
    [ -e "$1" ] || [ -L "$1" ] || return 0
    if [ -f "$1" ] && [ ! -L "$1" ]; then
        # shellcheck disable=SC2094 # its first word is the path, and it reads it only
        digest=$(digest "$1" <"$1")
    fi
    stat --format "%a %u:%g %U:%G $digest %n" "$1"
}

all_files() {
    local path tree
    for path in "${files[@]}" "${secrets[@]}"; do
        describe "$path"
    done
    for tree in "${trees[@]}"; do
        [ -d "$tree" ] || continue
        find -H "$tree" ! -type d | sort | while IFS= read -r path; do
            describe "$path"
        done
    done
}

# DIRECTORY, and a line of the manifest of the release that is read there.
manifests() {
    local directory
    for directory in "${published[@]}"; do
        sed "s|^|$directory\t|" "$directory/releases/$(linked current).manifest" || true
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

# SERVICE RELEASE INSTANCE ROLLED-BACK: the release that was accepted last, which instance of the service is live, and whether the
# release is there since a rollback.
accepted() {
    local link service rolled_back
    for link in "$services"/*/current; do
        [ -L "$link" ] || continue
        service=${link%/current} service=${service##*/}
        rolled_back=no
        [ ! -e "$services/$service/rolled-back" ] || rolled_back=yes
        echo "$service $(basename "$(readlink "$link")") $(live "$service") $rolled_back"
    done
}

# SERVICE RELEASE: what the containers run that reload. The release is missing where no start would find one.
reloading() {
    local link service
    docker_runs || return 1
    for link in "$services"/*/current; do
        service=${link%/current} service=${service##*/}
        ! reloads "$service" "$(basename "$(readlink "$link")")" || echo "$service $(running "$service" "auren-$service")"
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

# MOUNTPOINT SIZE FREE INODES FREE-INODES: in bytes, of the root disk and of the others.
space() {
    df --block-size=1 --output=target,size,avail,itotal,iavail / "${targets[@]}" | tail -n +2 | sort --unique
}

# Without what a terminal would act on.
printable() {
    tr --delete '\000-\010\013-\037\177'
}

# NAME:UID:GID:HOME:PASSWORD. Of a password is told whether there is one: set, empty or none.
users() {
    awk -F: '
        function told(password) {
            if (password == "") return "empty"
            return password ~ /^[$_]/ || length(password) == 13 && password !~ /[!*]/ ? "set" : "none"
        }
        FNR == NR { passwords[$1] = told($2); next }
        { print $1 ":" $3 ":" $4 ":" $6 ":" ($2 == "x" ? passwords[$1] : told($2)) }' <(getent shadow) <(getent passwd) | printable
}

# NAME:GID:MEMBERS
groups() {
    getent group | cut -d: -f1,3,4
}

# PATH, and a key that stands there: its length, its fingerprint, its comment and its type. The files that sshd looks into by itself.
keys() {
    local home path
    getent passwd | cut -d: -f6 | sort --unique | while IFS= read -r home; do
        for path in "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys2"; do
            [ -s "$path" ] || continue
            ssh-keygen -l -E sha256 -f "$path" | sed "s|^|${path//|/_}\t|" || true
        done
    done | printable
}

# KEYWORD VALUE, as it counts when root logs in; or what sshd does not accept.
sshd_settings() {
    sshd -T -C user=root,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22 2>&1 | printable
}

# PATH, and a line of it: what sshd reads, in the order in which it does, and the options that it is started with.
sshd_lines() {
    local path
    for path in /etc/ssh/sshd_config.d/*.conf /etc/ssh/sshd_config; do
        [ ! -f "$path" ] || awk -v path="$path" '/^[ \t]*[^# \t]/ { print path "\t" $0 }' "$path"
    done | printable
    [ ! -f /etc/default/ssh ] || sed -n 's|^[ \t]*SSHD_OPTS=|/etc/default/ssh\t&|p' /etc/default/ssh | printable
}

# PATH, and a line of it: who may do what as another user, but for the files that are as their package has them.
sudo_rules() {
    local path packaged
    packaged=$(dpkg-query --show --showformat '${Conffiles}\n')
    for path in /etc/sudoers /etc/sudoers-rs /etc/sudoers.d/*; do
        case ${path#/etc/sudoers.d/} in *.* | *~) continue ;; esac # sudo does not read them
        [ -f "$path" ] || continue
        ! grep -qF " $path $(md5sum <"$path" | cut -d' ' -f1)" <<<"$packaged" || continue
        awk -v path="$path" '/^[ \t]*([^# \t]|#(include|[0-9]))/ { print path "\t" $0 }' "$path"
    done | printable
}

# Each rule that may send packets elsewhere, as it would be typed.
redirects() {
    local program table
    for program in iptables ip6tables; do
        for table in nat mangle; do
            "$program" --wait 10 --table "$table" --list-rules | sed -n "s/^-A /$program -t $table &/p" || true
        done
    done
}

# PROTOCOL ADDRESS:PORT PID UNIT PROGRAM: what waits for connections, and the control group of its unit, or the socket's name.
listeners() {
    local protocol where users pid main unit
    ss --tcp --udp --listening --numeric --processes --no-header | while read -r protocol _ _ _ where _ users; do
        [[ $users == *pid=* ]] || continue
        pid=${users#*pid=} pid=${pid%%,*}
        if [ "$pid" -eq 1 ]; then
            unit=$(systemctl list-sockets --plain --no-legend --no-pager | awk -v port=":${where##*:}" '
                substr($1, length($1) - length(port) + 1) == port && !found { found = 1; print $(NF - 1) }')
        else
            unit=$(sed -n 's/^0:://p' "/proc/$pid/cgroup" || true)
            main=$(systemctl show --property=MainPID --value "${unit##*/}" || true)
            # What a unit's main program has started, such as a job of cron, is not the unit.
            [[ $unit == */docker-* || $users == *"pid=${main:-0},"* ]] || unit=-
        fi
        users=${users#*\"}
        echo "$protocol $where $pid ${unit:--} ${users%%\"*}"
    done | printable
}

main() {
    local kind first second
    while IFS=' ' read -r kind first; do
        case "$kind" in
        file) files+=("$first") ;;
        secret) secrets+=("$first") ;;
        key)
            inner_pad=$(bytes "${first% *}")
            outer_pad=$(bytes "${first#* }")
            ;;
        tree) trees+=("$first") ;;
        manifest) published+=("$first") ;;
        unit) units+=("$first") ;;
        disk)
            second=${first#* }
            devices+=("${first%% *}") targets+=("$second")
            ;;
        esac
    done
    fact files all_files
    fact manifests manifests
    fact containers containers
    fact accepted accepted
    fact reloading reloading
    fact networks networks
    fact docker-versions docker_versions
    fact docker-packages docker_packages
    fact rules iptables --wait 10 --list-rules
    fact rules6 ip6tables --wait 10 --list-rules
    fact redirects redirects
    fact tables nft list tables
    fact bridge-filtering sysctl --values net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables
    fact ufw-status ufw status verbose
    fact ufw-added ufw show added
    fact ufw-rules cat /etc/ufw/user.rules
    fact ufw-rules6 cat /etc/ufw/user6.rules
    fact listeners listeners
    fact users users
    fact groups groups
    fact keys keys
    fact sshd sshd_settings
    fact sshd-lines sshd_lines
    fact sudo-rules sudo_rules
    fact units systemctl show --property=Id,ActiveState,UnitFileState,Requires,RequiresMountsFor "${units[@]}"
    fact alarms systemctl list-units --state=failed --plain --no-legend --no-pager 'auren-failing@*'
    fact clock date --utc +%Y-%m-%dT%H:%M:%SZ
    fact drills cat /var/lib/auren/backup/drill.json /var/lib/auren/backup/good-drill.json
    fact backups-since stat --format %W /var/lib/auren/backup
    fact fstab cat /etc/fstab
    fact disks disks
    fact space space
    fact end true
}

main "$@"; exit
