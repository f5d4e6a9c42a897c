#!/usr/bin/env bash
# machine.sh STEP [ARGUMENT...]: one step of what production's machine goes through, on this machine, as root:
#   forget-docker              removes the Docker that is here
#   disk NAME MEGABYTES        makes a data disk of this name, unless there is one
#   run DIRECTORY [COMMAND...] runs the commands that tests.hosted.render has written, or those named, in their order
#   ask                        every container is healthy, and nginx serves the website and passes on to the API
#   rotate                     nginx's logs are rotated, and nginx writes on
#   restart                    restarts each container, and each becomes healthy again
set -euo pipefail

HEALTHY_SECONDS=240
NGINX=172.18.0.10

forget_docker() {
    local packages
    packages=$(dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' 'docker*' 'moby*' 'containerd*' 2>/dev/null |
        sed -n 's/^installed //p' || true)
    systemctl stop docker.socket docker containerd 2>/dev/null || true
    # shellcheck disable=SC2086 # one word for each package
    [ -z "$packages" ] || DEBIAN_FRONTEND=noninteractive apt-get -q -y --allow-change-held-packages purge $packages
    # The directories themselves may be mount points.
    rm -rf /var/lib/docker/* /var/lib/containerd/* /etc/docker
}

disk() {
    local link=/dev/disk/by-id/scsi-0DO_Volume_$1 file=/var/tmp/$1.img
    [ ! -e "$link" ] || return 0
    truncate --size "$2M" "$file"
    mkfs.ext4 -q "$file"
    mkdir -p "$(dirname "$link")"
    ln -s "$(losetup --find --show "$file")" "$link"
}

# Each as sshd would run it.
run() {
    local directory=$1 place name
    shift
    for place in "$directory"/*/; do
        name=${place%/}
        name=${name##*/??-}
        if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
        echo "--- $name"
        cp "$place/stdin" "$place/given"
        [ ! -e "$place/stdin-of" ] || cat "$directory"/??-"$(cat "$place/stdin-of")"/stdout >>"$place/given"
        bash -c "$(cat "$place/command")" <"$place/given" | tee "$place/stdout"
    done
}

names() {
    docker ps --all --filter label=com.docker.compose.project=auren --format '{{.Names}}' | sort
}

await_health() {
    local end=$((SECONDS + HEALTHY_SECONDS))
    until [ "$(docker inspect --format '{{.State.Status}} {{.State.Health.Status}}' "$1")" = "running healthy" ]; do
        if [ "$SECONDS" -ge "$end" ]; then
            echo "$1 is not healthy after $HEALTHY_SECONDS s:" >&2
            docker logs --tail 40 "$1" >&2
            return 1
        fi
        sleep 1
    done
}

ask() {
    local name path code
    if [ "$(names | wc -l)" -ne 9 ]; then
        echo "There are not nine containers: $(names | xargs)" >&2
        return 1
    fi
    for name in $(names); do
        await_health "$name"
        docker inspect --format "$name {{.Config.Image}} {{.State.Health.Status}}, restarted {{.RestartCount}} times" "$name"
    done
    for path in / /api/health; do
        code=$(curl -fsS --max-time 20 --output /dev/null --write-out '%{http_code}' -H 'Host: aupex.ai' "http://$NGINX$path")
        echo "$path $code"
    done
}

rotate() {
    local log=/mnt/auren-data/nginx-logs/access.log
    curl -fsS --output /dev/null -H 'Host: aupex.ai' "http://$NGINX/"
    [ -s "$log" ]
    logrotate --verbose --force /etc/logrotate.d/auren-nginx
    [ -s "$log.1" ] || { echo "$log was not rotated" >&2; return 1; }
    curl -fsS --output /dev/null -H 'Host: aupex.ai' "http://$NGINX/"
    # nginx opens its log anew when it is told to, which may take a moment.
    timeout 20 sh -c "until [ -s $log ]; do sleep 0.5; done" || { echo "nginx does not write to $log" >&2; return 1; }
}

restart() {
    local name
    for name in $(names); do
        docker restart "$name" >/dev/null
        await_health "$name"
        echo "$name is healthy again"
    done
}

main() {
    local step=${1//-/_}
    shift
    "$step" "$@"
}

main "$@"
