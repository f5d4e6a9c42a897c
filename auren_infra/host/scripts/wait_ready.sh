#!/usr/bin/env bash
# wait_ready SECONDS: returns when the first boot is over and the machine can be worked on.
# A first boot that ended with an error is no obstacle as long as sshd has the rules that it had to set. Its error stays for ever.
# Package runs that were cut are ended, since they would stop every later one.
set -euo pipefail

said=/tmp/auren-first-boot

# sshd's settings as they count, whichever files they come from: by key only, and with the operators' keys.
sshd_is_set() {
    local settings rule
    settings=$(sshd -T)
    for rule in 'passwordauthentication no' 'kbdinteractiveauthentication no' 'authorizedkeysfile .ssh/authorized_keys /root/.ssh/operators'; do
        if ! grep -qxF "$rule" <<<"$settings"; then
            echo "sshd is not set as it should be: \`$rule\` does not count." >&2
            return 1
        fi
    done
}

first_boot_failed() {
    if sshd_is_set; then
        echo "cloud-init ended the first boot with an error, but all that is needed of it is there. It said:"
        cloud-init status --long || true
        return
    fi
    cloud-init status --long >&2 || true
    {
        echo "cloud-init ended the first boot with an error, and it runs once: this droplet stays as it is."
        echo "Replace it: \`pulumi up --replace URN\`, with the droplet's URN from \`pulumi stack --show-urns\`. The data stays on its volume."
    } >&2
    exit 1
}

# Whoever holds dpkg's lock may be at the very packages that are not configured yet.
end_package_runs() {
    local tries=0
    until [ -z "$(dpkg --audit 2>&1)" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 30 ]; then
            dpkg --audit >&2 || true
            echo "Packages are not configured, and \`dpkg --configure -a\` cannot end that. Do it on the machine, then run pulumi again." >&2
            exit 1
        fi
        [ "$tries" -eq 1 ] || sleep 10
        DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold --configure -a >"$said" 2>&1 || true
    done
}

main() {
    local bound=$1 status=0
    timeout "$bound" cloud-init status --wait >"$said" 2>&1 || status=$?
    case $status in
    0 | 2) ;; # 2 is "done, with recoverable errors", such as a deprecated key in the image's own configuration
    1) first_boot_failed ;;
    124)
        tail -n 5 /var/log/cloud-init-output.log >&2 || true
        echo "The first boot was not over after $bound s. On the machine, \`cloud-init status --long\` says what it is at." >&2
        echo "Run pulumi again to wait for it again, or replace the droplet: \`pulumi up --replace URN\`." >&2
        exit 1
        ;;
    *)
        cat "$said" >&2
        echo "cloud-init does not say whether the first boot is over (exit $status). The droplet's image must have it." >&2
        exit 1
        ;;
    esac
    end_package_runs
    install -d -m 0755 /opt/auren /var/lib/auren
    install -d -m 0700 /opt/auren/services /root/.ssh
}

main "$@"; exit
