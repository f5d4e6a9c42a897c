#!/bin/bash
# Makes the cluster in $PGDATA if none is there, and ends: what the official image's script of this name does.
set -Eeuo pipefail

# shellcheck source=/dev/null
. /usr/local/bin/docker-entrypoint.sh

if [ $# -eq 0 ] || [ "$1" != postgres ]; then
    set -- postgres "$@"
fi
prepare "$@"
if [ -s "$PGDATA/PG_VERSION" ]; then
    echo "$0: $PGDATA holds a cluster already" >&2
else
    make_cluster "$@"
fi
