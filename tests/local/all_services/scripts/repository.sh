#!/usr/bin/env bash
# repository.sh DIRECTORY ORIGIN LABEL CODENAME PACKAGE=VERSION...: a package source with these packages, which hold nothing.
# A package whose name ends in "kernel" wants the machine to restart.
set -euo pipefail

main() {
    local directory=$1 origin=$2 label=$3 codename=$4 package name version work
    shift 4
    mkdir -p "$directory"
    : >"$directory/Packages"
    for package in "$@"; do
        name=${package%%=*} version=${package#*=}
        work=$(mktemp -d)
        mkdir "$work/DEBIAN"
        printf '%s\n' "Package: $name" "Version: $version" "Architecture: all" "Maintainer: Nobody <nobody@example.org>" \
            "Description: a package that holds nothing" >"$work/DEBIAN/control"
        if [[ $name == *kernel ]]; then
            printf '#!/bin/sh\ntouch /run/reboot-required\n' >"$work/DEBIAN/postinst"
            chmod 0755 "$work/DEBIAN/postinst"
        fi
        chmod 0755 "$work"
        dpkg-deb --root-owner-group --build "$work" "$directory/${name}_$version.deb" >/dev/null
        rm -r "$work"
        {
            dpkg-deb --field "$directory/${name}_$version.deb"
            echo "Filename: ./${name}_$version.deb"
            echo "Size: $(stat -c %s "$directory/${name}_$version.deb")"
            echo "SHA256: $(sha256sum <"$directory/${name}_$version.deb" | cut -d' ' -f1)"
            echo
        } >>"$directory/Packages"
    done
    {
        printf '%s\n' "Origin: $origin" "Label: $label" "Codename: $codename" "Suite: $codename" "Date: $(date -uR)" SHA256:
        echo " $(sha256sum <"$directory/Packages" | cut -d' ' -f1) $(stat -c %s "$directory/Packages") Packages"
    } >"$directory/Release"
}

main "$@"
