#!/usr/bin/env bash
# data_disk DEVICE MOUNTPOINT GIGABYTES < FILES: the data volume mounted, its file system as large as the volume, its directories there
# (`directories`: "PATH UID:GID [sync]" lines), and Docker held back until it is mounted, by 10-data-disk.conf. It formats nothing: the
# volume comes formatted.
# A volume that was detached from a running machine and attached again is mounted anew, and the containers are started on it. systemd
# may have mounted it before this: it does so when anything asks Docker, whose unit needs the mount.
# Another, empty volume is refused on a machine that has run services: they would begin with empty stores.
set -euo pipefail

source unpack.sh

containers=/etc/systemd/system/auren.service  # once there are any
waiting=/etc/systemd/system/docker.service.d/10-data-disk.conf
forgetting=/run/auren-forgetting  # there while Docker is started anew

# A volume that was just attached, or made larger, takes a moment to show.
wait_for_device() {
    local device=$1 gigabytes=$2 tries=0
    until [ -b "$device" ] && [ "$(blockdev --getsize64 "$device")" -ge $((gigabytes << 30)) ]; do
        tries=$((tries + 1))
        if [ "$tries" -ge 60 ]; then
            echo "No volume of $gigabytes GB appeared as $device within a minute. Is it attached to this droplet?" >&2
            exit 1
        fi
        sleep 1
    done
}

# The directory and all in it belong to OWNER. The directory itself comes last: until then, a cut leaves it to be done again.
own() {
    local path=$1 owner=$2
    if [ ! -d "$path" ]; then
        install -d -m 0700 -o "${owner%:*}" -g "${owner#*:}" "$path"
    elif [ "$(stat -c %u:%g "$path")" != "$owner" ]; then
        find "$path" -mindepth 1 -exec chown -h "$owner" {} +
        chown "$owner" "$path"
    fi
}

# What is written below the directory is on the disk before the write returns (ext4's attribute S). New files inherit it.
write_through() {
    case "$(lsattr -d "$1" | cut -d' ' -f1)" in
    *S*) ;;
    *)
        # The directory itself comes last, as above.
        find "$1" -mindepth 1 \( -type f -o -type d \) -exec chattr +S {} +
        chattr +S "$1"
        ;;
    esac
}

# The mount of a volume that was detached under it holds nothing any more. Any other mount is somebody's own.
take_away_old_mount() {
    local device=$1 target=$2 old
    old=$(mountpoint --fs-devno "$target" 2>/dev/null) || return 0
    if [ -e "/sys/dev/block/$old" ]; then
        echo "$target is mounted from $(findmnt --noheadings --output SOURCE "$target"), not from $device, and is left as it is." >&2
        echo "See what it holds, then: systemctl stop auren docker && umount $target, and run pulumi again." >&2
        exit 1
    fi
    umount --lazy "$target"
}

# Whether a container still has what was mounted before: it keeps that until it is started again.
containers_have_old_mount() {
    local target=$1 mounted process volume path
    mounted=$(mountpoint --fs-devno "$target")
    while read -r process volume path; do
        { [ -n "$volume" ] && [ -d "$target/$volume" ]; } || continue  # another line, or a volume that is elsewhere
        [ "$(findmnt --noheadings --output MAJ:MIN --task "$process" --mountpoint "$path")" = "$mounted" ] || return 0
    done < <(docker ps --quiet --filter label=com.docker.compose.project=auren | xargs -r docker inspect --format \
        '{{range .Mounts}}{{if eq .Type "volume"}}{{println $.State.Pid .Name .Destination}}{{end}}{{end}}')
    return 1
}

# stop_and_forget TARGET: no container runs, and Docker knows anew what is mounted for its volumes. It counts the containers of a volume,
# and one that ended while Docker was away stays counted. Then a volume that systemd has unmounted is never mounted again.
stop_and_forget() {
    local volume
    touch "$forgetting"
    systemctl stop auren
    systemctl stop docker.socket docker
    while read -r volume; do
        [ ! -d "$1/$volume" ] || umount --lazy "/var/lib/docker/volumes/$volume/_data"
    done < <(findmnt --noheadings --raw --output TARGET | sed -n 's|^/var/lib/docker/volumes/\([^/]*\)/_data$|\1|p')
    systemctl start docker
    rm "$forgetting"
}

# is_another: none of the directories is on the disk, though there are containers that had them. Without them they cannot start.
is_another() {
    local path
    [ -e "$containers" ] || return 1
    while read -r path _; do
        [ ! -d "$path" ] || return 1
    done <"$work/directories"
}

main() {
    local device=$1 target=$2 gigabytes=$3 line
    unpack
    wait_for_device "$device" "$gigabytes"
    if [ "$(blkid -p -o value -s TYPE "$device")" != ext4 ]; then
        echo "$device holds no ext4 file system. It is left as it is: look at it by hand (blkid -p $device)." >&2
        exit 1
    fi

    install -d -m 0755 "$target"
    # Immutable while nothing is mounted on it: nothing can be written beside the disk.
    mountpoint -q "$target" || chattr +i "$target" 2>/dev/null || true
    line="$device $target ext4 defaults,nofail,discard,noatime 0 2"
    if ! grep -qxF "$line" /etc/fstab; then
        # Over a copy and a rename: a cut in the middle must not leave half an fstab.
        awk -v target="$target" '$2 != target' /etc/fstab >/etc/fstab.auren
        echo "$line" >>/etc/fstab.auren
        mv /etc/fstab.auren /etc/fstab
    fi
    install -d "${waiting%/*}"
    put 10-data-disk.conf 0644 "$waiting"
    systemctl daemon-reload
    if [ "$(mountpoint --fs-devno "$target" 2>/dev/null)" != "$(mountpoint --devno "$device")" ]; then
        take_away_old_mount "$device" "$target"
        mount "$target"
    fi
    resize2fs "$device" 2>&1
    if is_another; then
        echo "The data disk is empty, and this machine has run on another one. If that one is lost, replace the machine, too:" \
            "pulumi up --replace URN-of-the-droplet. auren:restore says what the new disk is filled with." >&2
        exit 1
    fi
    while read -r path owner sync; do
        own "$path" "$owner"
        [ "$sync" != sync ] || write_through "$path"
    done <"$work/directories"
    if [ -e "$containers" ]; then
        # Docker stops when the disk goes away. It must run before the containers are stopped: that asks Docker.
        systemctl start docker
        if [ -e "$forgetting" ] || containers_have_old_mount "$target"; then
            stop_and_forget "$target"
        fi
        systemctl start auren
    fi
    findmnt --noheadings --output SOURCE,TARGET,SIZE "$target"
}

main "$@"; exit
