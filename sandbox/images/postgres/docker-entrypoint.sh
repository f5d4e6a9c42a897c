#!/bin/bash
# Makes the cluster on the first start, then becomes the server.
#
# The cluster is made in $PGDATA/.init and moved up once everything in it is done, PG_VERSION last: a start
# that finds no PG_VERSION knows that the one before was cut, and makes the cluster again or ends the move.
set -euo pipefail

say() { echo "docker-entrypoint: $*"; }
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

# Runs what /docker-entrypoint-initdb.d holds, in order. Scripts see PGDATA and PGHOST of the server in the making.
run_init_scripts() {
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
        *.sh)
            say "running $file"
            if [ -x "$file" ]; then "$file"; else bash "$file"; fi
            ;;
        *.sql)
            say "running $file"
            sql --dbname "$POSTGRES_DB" --file "$file"
            ;;
        *.sql.gz)
            say "running $file"
            gunzip --stdout "$file" | sql --dbname "$POSTGRES_DB"
            ;;
        */\*) ;;
        *) say "ignoring $file" ;;
        esac
    done
}

sql() {
    psql --no-psqlrc --no-password --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" "$@"
}

make_cluster() {
    local staging="$1" method options
    from_file POSTGRES_USER postgres
    from_file POSTGRES_PASSWORD ''
    from_file POSTGRES_DB "$POSTGRES_USER"
    from_file POSTGRES_INITDB_ARGS ''
    method="${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}"
    if [ -z "$POSTGRES_PASSWORD" ] && [ "$method" != trust ]; then
        fail "the superuser has no password: set POSTGRES_PASSWORD_FILE (or POSTGRES_PASSWORD)"
    fi

    rm -rf "$staging"
    mkdir -m 700 "$staging"
    options=(--pgdata "$staging" --username "$POSTGRES_USER")
    if [ -n "$POSTGRES_PASSWORD" ]; then
        # A descriptor, so that the password stands in no file and in no command line.
        options+=(--pwfile /dev/fd/3)
    fi
    # The arguments are words, as in the official image.
    # shellcheck disable=SC2086
    initdb "${options[@]}" $POSTGRES_INITDB_ARGS >/dev/null 3< <(printf '%s\n' "$POSTGRES_PASSWORD")
    printf '\nhost all all all %s\n' "$method" >>"$staging/pg_hba.conf"

    # A private socket: while scripts run, nobody else can connect and pg_isready says no.
    export PGDATA="$staging" PGHOST=/var/run/postgresql/.init PGPORT=5432
    rm -rf "$PGHOST"
    mkdir -m 700 "$PGHOST"
    pg_ctl --silent --wait --options "-c listen_addresses='' -c unix_socket_directories=$PGHOST" start
    if [ "$POSTGRES_DB" != postgres ]; then
        sql --dbname postgres --set name="$POSTGRES_DB" <<<'CREATE DATABASE :"name";'
    fi
    run_init_scripts
    pg_ctl --silent --wait --mode fast stop
    rm -rf "$PGHOST" "$staging/postmaster.opts"
    sync --file-system "$staging"
    touch "$staging/.complete"
    sync "$staging/.complete" "$staging"
}

move_cluster_up() {
    local staging="$1" target="$2"
    find "$staging" -mindepth 1 -maxdepth 1 ! -name PG_VERSION ! -name .complete -exec mv --target-directory "$target" {} +
    sync --file-system "$target"
    mv "$staging/PG_VERSION" "$target/"
    rm -rf "$staging"
    sync "$target"
}

# In a subshell, so that neither its variables nor the password's outlive it.
initialise() (
    data="$PGDATA" staging="$PGDATA/.init"
    if [ ! -e "$staging/.complete" ]; then
        strangers="$(find "$data" -mindepth 1 -maxdepth 1 ! -name .init ! -name lost+found)"
        if [ -n "$strangers" ]; then
            fail "$data holds files but no cluster (no PG_VERSION), so nothing is made there: $strangers"
        fi
        say "making a cluster in $data"
        make_cluster "$staging"
    fi
    move_cluster_up "$staging" "$data"
    say "the cluster is ready"
)

if [ "${1:-}" = "" ] || [ "${1:0:1}" = - ]; then
    set -- postgres "$@"
fi

if [ "$1" = postgres ]; then
    if [ "$(id -u)" = 0 ]; then
        mkdir -p "$PGDATA" /var/run/postgresql
        find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
        exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
    fi
    mkdir -p "$PGDATA"
    # Fails where the directory is another user's; PostgreSQL then says so itself.
    chmod 700 "$PGDATA" 2>/dev/null || true
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        initialise
    elif [ -d "$PGDATA/.init" ]; then
        # Cut between the last move and the clearing away.
        rm -rf "$PGDATA/.init"
    fi
    unset POSTGRES_PASSWORD
fi

exec "$@"
