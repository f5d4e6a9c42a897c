#!/bin/sh
# Rendered from the services; changes made here by hand are lost.
# redis-start CONFIGURATION: starts Redis, after mending what a power cut may have left: zeros or half a command at the end of the
# append-only file, behind what was flushed in the last second. Redis itself refuses to start with such a file. What is cut off is
# kept beside it; anything larger is no such tail, and a person decides.
set -eu

manifest=/data/appendonlydir/appendonly.aof.manifest
most=1048576

if [ -e "$manifest" ] && ! report=$(redis-check-aof "$manifest" 2>&1 </dev/null); then
    broken=$(echo "$report" | grep '^AOF analyzed:' | tail -n 1)
    file=$(echo "$broken" | sed -n 's/.*filename=\([^,]*\),.*/\1/p')
    size=$(echo "$broken" | sed -n 's/.*diff=\([0-9]*\).*/\1/p')
    if [ -n "$file" ] && [ "${size:-0}" -gt 0 ] && [ "$size" -le "$most" ]; then
        echo "$file has $size bytes behind its last whole command: cut off, kept in /data/cut-off.aof"
        tail -c "$size" "/data/appendonlydir/$file" >/data/cut-off.aof
        echo y | redis-check-aof --fix "$manifest"
    else
        echo "$report"
    fi
fi
exec redis-server "$1"
