#!/usr/bin/env bash
# log_rotation USER UID GID < FILES: logrotate rotates nginx's logs by the rule auren-nginx, as USER. By auren.conf it looks at
# them every hour, so that a flood does not fill the data disk in a day. USER is made for it, with the ids that nginx has in its container:
# logrotate takes no ids without a name, and what names they have differs from system to system.
set -euo pipefail

source unpack.sh

rule=/etc/logrotate.d/auren-nginx
hourly=/etc/systemd/system/logrotate.timer.d/auren.conf
# Beside the rule, logrotate would read a file that is half there.
new=/var/lib/auren/log_rotation.new

name_ids() {
    local user=$1 uid=$2 gid=$3
    if [ "$(getent group "$user" | cut -d: -f3)" != "$gid" ]; then
        groupadd --system --non-unique --gid "$gid" "$user"
    fi
    if [ "$(getent passwd "$user" | cut -d: -f3,4)" != "$uid:$gid" ]; then
        useradd --system --non-unique --uid "$uid" --gid "$user" --no-create-home --home-dir /nonexistent \
            --shell /usr/sbin/nologin "$user"
    fi
}

# It changes nothing, and fails where logrotate would leave the logs out.
accepted() {
    local said
    if ! said=$(logrotate --debug --state /dev/null "$1" 2>&1); then
        grep '^error:' <<<"$said" >&2 || echo "$said" >&2
        echo "logrotate does not accept the new rule for nginx's logs. The old one was not changed." >&2
        return 1
    fi
}

# put_accepted NAME PATH: the file of this name is at PATH, replaced in one step.
put_accepted() {
    install -d -m 0755 "$(dirname "$2")"
    install -m 0644 "$work/$1" "$new"
    [ "$2" != "$rule" ] || accepted "$new"
    mv "$new" "$2"
}

main() {
    install -d -m 0755 /var/lib/auren
    name_ids "$@"
    unpack
    put_accepted auren-nginx "$rule"
    put_accepted auren.conf "$hourly"
    systemctl daemon-reload
    systemctl enable --quiet logrotate.timer
    systemctl restart logrotate.timer
}

main "$@"; exit
