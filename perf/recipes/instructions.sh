#!/usr/bin/env bash
# Counts instructions: the one figure that is the same on a busy machine (callgrind, or perf).
#
#   instructions.sh [--probe] [--seconds N] [-- COMMAND...]
#
# Without a command, the library's paths beside what was recorded (cargo instructions). With one, its
# functions by instructions. callgrind runs threads one at a time, and a spinning thread counts its spins.
set -euo pipefail
. "$(dirname "$0")/lib/probe.sh"
parse "$@"
scratch

if has valgrind; then
    if [ ${#command[@]} -gt 0 ]; then
        tier full "callgrind"
        # What it writes may not be the result: a command has an output of its own.
        valgrind --tool=callgrind --callgrind-out-file="$folder/out" -- "${command[@]}" >&2
        callgrind_annotate "$folder/out" | head -60
    elif has cargo; then
        tier full "callgrind, by cargo instructions"
        cd "$here/../.."
        cargo instructions
    else
        tier none "cargo is not installed; use: a command, after --"
    fi
elif counts instructions:u; then
    tier counter "valgrind is not installed (Debian: valgrind); use: perf's counter, which moves a little"
    default_command call/round_trip
    perf stat -e instructions:u -r 3 -- "${command[@]}"
else
    tier none "no valgrind, and $(why_not_counted); use: valgrind (Debian: valgrind)"
fi
