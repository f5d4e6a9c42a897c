#!/usr/bin/env bash
# log_rotation < RULE: logrotate knows nginx's logs, and looks at them every hour, so that a flood does not fill the data disk in a day.
set -euo pipefail

rule=/etc/logrotate.d/auren-nginx
hourly=/etc/systemd/system/logrotate.timer.d/auren.conf

put() {
    install -d -m 0755 "$(dirname "$1")"
    # Beside it, logrotate would read a file that is half there.
    cat >/var/lib/auren/log_rotation.new
    chmod 0644 /var/lib/auren/log_rotation.new
    mv /var/lib/auren/log_rotation.new "$1"
}

main() {
    install -d -m 0755 /var/lib/auren
    put "$rule"
    put "$hourly" <<UNIT
[Timer]
OnCalendar=
OnCalendar=hourly
AccuracySec=5min
UNIT
    systemctl daemon-reload
    systemctl enable --quiet logrotate.timer
    systemctl restart logrotate.timer
}

main "$@"; exit
