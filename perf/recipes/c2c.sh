#!/usr/bin/env bash
# Finds cache lines that several CPUs write: false sharing, or a shared word (perf c2c).
#
#   c2c.sh [--probe] [--seconds N] [--out FILE] [-- COMMAND...]
#
# The report goes to FILE [c2c.txt]. Read "Shared Data Cache Line Table": a line with many HITMs that
# holds two unrelated words is false sharing; the mailbox's tail and head must be on lines of their own.
set -euo pipefail
. "$(dirname "$0")/lib/probe.sh"
parse "$@"
out=${out:-c2c.txt}
scratch

if has_perf && perf c2c record -o "$folder/probe" -- true >/dev/null 2>&1; then
    tier full "memory events"
    default_command tell/mpsc
    perf c2c record -o "$folder/data" -- "${command[@]}"
    perf c2c report -i "$folder/data" --stdio >"$out"
    note "written: $out"
    exit 0
fi
if has_perf; then
    why="no memory events on this machine"
    is_virtual && why="$why (virtual, no PMU)"
else
    why=$(why_not_counted)
fi
if [ -z "$mainspring" ]; then
    tier none "$why; use: mainspring latency-map, once it is built (cargo build --release)"
fi
tier map "$why; use: mainspring latency-map, and bench mailbox for what a shared line costs"
"$mainspring" latency-map --seconds "$seconds"
# Each kind of mailbox alone, divided by a bare ring between the same two CPUs.
"$mainspring" bench mailbox --only mailbox/bare --seconds "$seconds"
