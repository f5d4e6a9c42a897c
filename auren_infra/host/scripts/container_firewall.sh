#!/usr/bin/env bash
# container_firewall < FILES: the chain DOCKER-USER is exactly containers.rules, now and before Docker starts at every boot, by
# auren-firewall.service.
# Without it Docker does not start; with it, what has no rule does not pass.
set -euo pipefail

source unpack.sh

rules=/etc/auren/containers.rules
unit=/etc/systemd/system/auren-firewall.service

# Docker asks the chain first when it starts. A rule that came before it later would let packets bypass it.
# In one step: there is no moment in which nobody asks it.
ask_it_first() {
    local old=""
    ! iptables --wait -C FORWARD -j DOCKER-USER 2>/dev/null || old="-D FORWARD -j DOCKER-USER"
    printf '*filter\n%s\n-I FORWARD -j DOCKER-USER\nCOMMIT\n' "$old" | iptables-restore --wait --noflush
}

main() {
    install -d -m 0755 "$(dirname "$rules")"
    unpack
    install -m 0644 "$work/containers.rules" "$rules.new"
    # Replaced in one step: there is no moment without rules.
    iptables-restore --wait --noflush --test "$rules.new"
    mv "$rules.new" "$rules"
    put auren-firewall.service 0644 "$unit"
    systemctl daemon-reload
    systemctl enable --quiet auren-firewall
    # Not a restart: Docker, which requires it, would be restarted, too.
    if systemctl is-active --quiet auren-firewall; then
        systemctl reload auren-firewall
    else
        systemctl start auren-firewall
    fi
    ask_it_first
    echo "$(iptables --wait -S DOCKER-USER | grep -c '^-A') rules"
}

main "$@"; exit
