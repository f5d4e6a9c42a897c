#!/usr/bin/env bash
# Rendered from the services; changes made here by hand are lost.
# postgres-start postgres OPTION…: makes the database at the first start, sets its password, then runs the server.
# The image would make it right where the server looks for it. If that is cut, by a script of sql/init that fails or by a power cut,
# the image takes what is there for a whole database at its next start and runs no script again. Here it is made in a directory
# beside. Only when every script has succeeded it is moved up, and the file by which the image knows a database comes last.
# A database that was never whole is made again from the beginning. Of one that is in its place, only the password is touched.
set -euo pipefail

unfinished=$PGDATA/.init
complete=$unfinished/.complete
single='' stopped=''

# fail SENTENCE…
fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

make_database() {
    local others
    others=$(find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name .init ! -name lost+found)
    [ -z "$others" ] || fail "$PGDATA holds files, but no database (PG_VERSION), so none is made there:" "$others"
    command -v docker-ensure-initdb.sh >/dev/null ||
        fail "This image has no docker-ensure-initdb.sh: take one of PostgreSQL's official images of 2024 or later."
    rm -rf "$unfinished"
    # Nothing of it goes to the backups before it is whole. A script of sql/init that says `exit 0` ends the making before the end. The server that was started for it is left then.
    if ! PGDATA=$unfinished docker-ensure-initdb.sh "$@" -c archive_mode=off || [ -e "$unfinished/postmaster.pid" ]; then
        fail "The first start did not come to its end, so there is no database yet. The last lines before this one say why." \
            "If a script of sql/init failed, repair it and run pulumi again: all scripts then run again, on an empty database."
    fi
    sync --file-system "$unfinished"
    touch "$complete"
    sync "$complete" "$unfinished"
}

move_up() {
    find "$unfinished" -mindepth 1 -maxdepth 1 ! -name PG_VERSION ! -name .complete -exec mv --target-directory "$PGDATA" {} +
    sync --file-system "$PGDATA"
    mv "$unfinished/PG_VERSION" "$PGDATA/"
    sync "$PGDATA"
}

# set_password postgres OPTION…: whatever password the database has, it gets the one that its clients are given.
# The server is not running yet. PostgreSQL's single-user mode asks for no password, takes no connection, and first recovers a
# database that was not shut down cleanly. If the password cannot be set, the server starts all the same: it may be needed for
# the repair, and the health check tells that the password is another one.
set_password() {
    local password status=0
    if [ -e "$PGDATA/standby.signal" ] || [ -e "$PGDATA/recovery.signal" ]; then
        echo "A recovery from a backup is not over, so the password stays as it is until the next start after it."
        return
    fi
    password=$(cat "$POSTGRES_PASSWORD_FILE")
    # No option lets the statement, which holds the password, get into the log.
    postgres --single -D "$PGDATA" "${@:2}" -c exit_on_error=on -c log_statement=none -c log_min_duration_statement=-1 \
        -c log_min_error_statement=panic -c log_duration=off template1 >/dev/null \
        <<<"ALTER ROLE \"${POSTGRES_USER//\"/\"\"}\" PASSWORD '${password//\'/\'\'}'" &
    single=$!
    # This shell is the container's first process, which no signal ends without a trap.
    trap 'stopped=yes; kill "$single" 2>/dev/null || true' INT TERM
    wait "$single" || status=$?
    if [ -n "$stopped" ]; then
        wait "$single" || true
        exit 0
    fi
    trap - INT TERM
    [ "$status" -eq 0 ] || echo "The password of $POSTGRES_USER could not be set. The lines before this one say why." >&2
}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    [ -e "$complete" ] || make_database "$@"
    move_up
fi
# Nothing is in it any more but the mark that it was complete.
rm -rf "$unfinished"
set_password "$@"
exec docker-entrypoint.sh "$@"
