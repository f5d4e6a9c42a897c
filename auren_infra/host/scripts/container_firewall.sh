#!/usr/bin/env bash
# container_firewall < iptables-restore FILE: the chain DOCKER-USER is exactly this, now and before Docker starts at every boot.
# Without it Docker does not start; with it, what has no rule does not pass.
set -euo pipefail

rules=/etc/auren/containers.rules
unit=/etc/systemd/system/auren-firewall.service

write_unit() {
    cat >"$unit.new" <<UNIT
[Unit]
Description=Who may talk to whom on auren-network
After=ufw.service
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
# Traffic within a bridge passes iptables only with these.
ExecStartPre=-/sbin/modprobe br_netfilter
ExecStart=/sbin/sysctl -q -w net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1
ExecStart=/usr/sbin/iptables-restore --wait --noflush $rules
ExecReload=/usr/sbin/iptables-restore --wait --noflush $rules

[Install]
RequiredBy=docker.service
UNIT
    chmod 0644 "$unit.new"
    mv "$unit.new" "$unit"
}

# Docker asks the chain first when it starts. A rule that came before it later would let packets bypass it.
# In one step: there is no moment in which nobody asks it.
ask_it_first() {
    local old=""
    ! iptables --wait -C FORWARD -j DOCKER-USER 2>/dev/null || old="-D FORWARD -j DOCKER-USER"
    printf '*filter\n%s\n-I FORWARD -j DOCKER-USER\nCOMMIT\n' "$old" | iptables-restore --wait --noflush
}

main() {
    install -d -m 0755 "$(dirname "$rules")"
    cat >"$rules.new"
    chmod 0644 "$rules.new"
    # Replaced in one step: there is no moment without rules.
    iptables-restore --wait --noflush --test "$rules.new"
    mv "$rules.new" "$rules"
    write_unit
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
