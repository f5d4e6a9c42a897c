#!/usr/bin/env bash
# back_up < "ID TIME": the database's log arrives in the bucket, and the bucket has a backup, and a copy of each other store. Asked again for
# each release of PostgreSQL.
set -euo pipefail

main() {
    auren-backup ready
}

main "$@"; exit
