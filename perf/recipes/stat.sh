#!/usr/bin/env bash
# Counts what a command costs: cycles, instructions, cache misses, switches, faults (perf stat).
#
#   stat.sh [--probe] [--seconds N] [-- COMMAND...]
#
# Without a command, the quick suite's round trips. Groups are counted in runs of their own: shared
# between more events than there are counters, figures would be estimates.
set -euo pipefail
. "$(dirname "$0")/lib/probe.sh"
parse "$@"

software=task-clock,context-switches,cpu-migrations,page-faults
if counts cycles:u; then
    tier full "hardware counters"
    groups=(
        "$software"
        "cycles,instructions,branches,branch-misses"
        "cycles,instructions,L1-dcache-loads,L1-dcache-load-misses"
        "cycles,instructions,cache-references,cache-misses"
        "cycles,instructions,dTLB-loads,dTLB-load-misses"
    )
elif counts task-clock; then
    tier software "$(why_not_counted); use: software events, and instructions.sh for instructions"
    groups=("$software")
else
    tier times "$(why_not_counted); use: the times that the shell knows, and sched.sh for switches"
    default_command call/round_trip
    time "${command[@]}"
    exit 0
fi
default_command call/round_trip
for group in "${groups[@]}"; do
    # A cache event may be missing where cycles are not: perf says so in its table.
    perf stat -e "$group" -- "${command[@]}"
done
