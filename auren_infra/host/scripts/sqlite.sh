#!/usr/bin/env bash
# sqlite DATABASE < STATEMENT: the statement has run in a service's SQLite database, as the user whose file it is, while the service runs.
set -euo pipefail

change='
import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=60) as database:
    print(database.execute(sys.stdin.read()).rowcount, "rows changed")
'

main() {
    local database=$1 owner group
    owner=$(stat -c %u "$database") group=$(stat -c %g "$database")
    # As root it would leave a journal behind that the service cannot read.
    setpriv --reuid "$owner" --regid "$group" --clear-groups python3 -c "$change" "$database"
}

main "$@"; exit
