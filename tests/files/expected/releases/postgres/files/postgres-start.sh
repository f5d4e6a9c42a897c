#!/usr/bin/env bash
# Rendered from the services; changes made here by hand are lost.
# postgres-start postgres OPTION…: makes the database at the first start, then runs the server.
# The image would make it right where the server looks for it. If that is cut, by a script of sql/init that fails or by a power cut,
# the image takes what is there for a whole database at its next start and runs no script again. Here it is made in a directory
# beside. Only when every script has succeeded it is moved up, and the file by which the image knows a database comes last.
# A database that was never whole is made again from the beginning. One that is in its place is never touched.
set -euo pipefail

unfinished=$PGDATA/.init
complete=$unfinished/.complete

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
    # A script of sql/init that says `exit 0` ends the making before the end. The server that was started for it is left then.
    if ! PGDATA=$unfinished docker-ensure-initdb.sh "$@" || [ -e "$unfinished/postmaster.pid" ]; then
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

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    [ -e "$complete" ] || make_database "$@"
    move_up
fi
# Nothing is in it any more but the mark that it was complete.
rm -rf "$unfinished"
exec docker-entrypoint.sh "$@"
