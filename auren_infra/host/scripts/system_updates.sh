#!/usr/bin/env bash
# system_updates < APT CONFIGURATION: security updates of the system are installed every day, as the configuration says.
# docker_engine has installed unattended-upgrades, and holds the packages that no such update may change.
set -euo pipefail

configuration=/etc/apt/apt.conf.d/52auren-updates

main() {
    # apt reads every file in that directory, but none with this ending.
    cat >"$configuration.disabled"
    chmod 0644 "$configuration.disabled"
    apt-config --config-file "$configuration.disabled" dump >/dev/null
    mv "$configuration.disabled" "$configuration"
    # The time of a reboot is UTC, and what reads it goes by the machine's own time zone.
    if [ "$(readlink -f /etc/localtime)" != "$(readlink -f /usr/share/zoneinfo/Etc/UTC)" ]; then
        ln -sfn /usr/share/zoneinfo/Etc/UTC /etc/localtime
        echo Etc/UTC >/etc/timezone
    fi
    systemctl enable --quiet --now apt-daily.timer apt-daily-upgrade.timer
}

main "$@"; exit
