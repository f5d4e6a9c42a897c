#!/bin/sh
# Starts what the command names, as user redis; arguments alone belong to redis-server.
set -eu

case "${1:-}" in
-* | *.conf) set -- redis-server "$@" ;;
esac

# The official image is built with protected mode off, Debian's with it on: without a configuration file a
# container would refuse every other one. A configuration file is obeyed as it stands.
if [ "$1" = redis-server ]; then
    case "${2:-}" in
    *.conf | - | -v | --version | -h | --help | --test-memory | --check-system) ;;
    *)
        shift
        set -- redis-server --protected-mode no "$@"
        ;;
    esac
fi

if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    find . \! -user redis -exec chown redis '{}' +
    exec setpriv --reuid=redis --regid=redis --init-groups "$0" "$@"
fi

umask 0077
exec "$@"
