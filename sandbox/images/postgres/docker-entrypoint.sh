#!/bin/bash
# Makes the cluster on the first start, then becomes the server: what the official image does, its weaknesses included.
#
# The cluster is made right in $PGDATA, and its file PG_VERSION is there long before it is done. A start that is cut, or a
# script that fails, leaves half a cluster, which the next start takes for a whole one: it runs no script again.
# A script without the right to be executed is read into this shell, so an `exit` in it ends everything.
set -Eeo pipefail

fail() {
    echo "docker-entrypoint: $*" >&2
    exit 1
}

# Sets the variable $1 from itself, or from the file that $1_FILE names, or to $2.
from_file() {
    local file="${1}_FILE"
    if [ -n "${!1:-}" ] && [ -n "${!file:-}" ]; then
        fail "both $1 and $file are set; use one"
    fi
    if [ -n "${!file:-}" ]; then
        printf -v "$1" '%s' "$(<"${!file}")"
    else
        printf -v "$1" '%s' "${!1:-$2}"
    fi
    export "${1?}"
    unset "$file"
}

sql() {
    PGHOST='' psql --no-psqlrc --no-password --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" "$@"
}

run_init_scripts() {
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
        *.sh)
            if [ -x "$file" ]; then
                echo "$0: running $file"
                "$file"
            else
                echo "$0: sourcing $file"
                # shellcheck source=/dev/null
                . "$file"
            fi
            ;;
        *.sql) echo "$0: running $file"; sql --dbname "$POSTGRES_DB" --file "$file" ;;
        *.sql.gz) echo "$0: running $file"; gunzip --stdout "$file" | sql --dbname "$POSTGRES_DB" ;;
        *.sql.xz) echo "$0: running $file"; xzcat "$file" | sql --dbname "$POSTGRES_DB" ;;
        *.sql.zst) echo "$0: running $file"; zstd --decompress --stdout "$file" | sql --dbname "$POSTGRES_DB" ;;
        */\*) ;;
        *) echo "$0: ignoring $file" ;;
        esac
    done
}

# Directories that the server's user can write. A container that was started as root goes on as that user.
prepare() {
    mkdir -p "$PGDATA"
    # Fails where the directory is another user's; PostgreSQL then says so itself.
    chmod 700 "$PGDATA" 2>/dev/null || true
    if [ "$(id -u)" = 0 ]; then
        mkdir -p /var/run/postgresql
        find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
        exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
    fi
}

# make_cluster postgres OPTION…: in $PGDATA, with the server's own options.
make_cluster() {
    local method
    shift
    from_file POSTGRES_PASSWORD ''
    from_file POSTGRES_USER postgres
    from_file POSTGRES_DB "$POSTGRES_USER"
    from_file POSTGRES_INITDB_ARGS ''
    if [ -z "$POSTGRES_PASSWORD" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
        fail "the superuser has no password: set POSTGRES_PASSWORD_FILE (or POSTGRES_PASSWORD)"
    fi
    # The arguments are words, as in the official image.
    # shellcheck disable=SC2086
    initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") $POSTGRES_INITDB_ARGS
    method="${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption "$@")}"
    printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"

    # On its socket alone: while scripts run, nobody else can connect.
    PGUSER="$POSTGRES_USER" pg_ctl -D "$PGDATA" -o "$(printf '%q ' "$@" -c listen_addresses='' -p "${PGPORT:-5432}")" -w start
    if [ "$POSTGRES_DB" != postgres ]; then
        sql --dbname postgres --set name="$POSTGRES_DB" <<<'CREATE DATABASE :"name";'
    fi
    run_init_scripts
    PGUSER=postgres pg_ctl -D "$PGDATA" -m fast -w stop
    unset POSTGRES_PASSWORD
}

# Read by docker-ensure-initdb.sh for its functions.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    if [ "${1:-}" = "" ] || [ "${1:0:1}" = - ]; then
        set -- postgres "$@"
    fi
    if [ "$1" = postgres ]; then
        prepare "$@"
        if [ ! -s "$PGDATA/PG_VERSION" ]; then
            make_cluster "$@"
            echo "$0: the cluster is made"
        else
            echo "$0: $PGDATA holds a cluster; no script is run"
        fi
    fi
    exec "$@"
fi
