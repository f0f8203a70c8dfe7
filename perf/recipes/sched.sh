#!/usr/bin/env bash
# Who had to wait for a CPU, and who was put off it (perf sched, or the kernel's own counts).
#
#   sched.sh [--probe] [--seconds N] [-- COMMAND...]
#
# A pinned runner should wait for nobody: read its waiting time ("sch delay", or "waited"), and its
# involuntary switches. Each of them is another thread on the runner's CPU.
set -euo pipefail
. "$(dirname "$0")/lib/probe.sh"
parse "$@"
scratch

# A probe changes nothing, and perf mounts tracefs where it isn't: so it is tried only in earnest.
can_trace() {
    has_perf || return 1
    [ -r /sys/kernel/tracing/events/sched/sched_switch/id ] || { is_root && grep -qw tracefs /proc/filesystems; } ||
        return 1
    [ -n "$probe_only" ] || perf sched record -o "$folder/probe" -- true >/dev/null 2>&1
}

if can_trace; then
    tier full "scheduler tracepoints"
    default_command call/round_trip
    perf sched record -q -o "$folder/data" -- "${command[@]}"
    # The longest waits, then a line for each thread.
    perf sched latency -i "$folder/data" --sort max 2>/dev/null | head -40 || true
    perf sched timehist -i "$folder/data" --summary 2>/dev/null | head -60 || true
    exit 0
fi
if [ ! -r /proc/self/schedstat ]; then
    tier none "no scheduler tracepoints and no /proc/self/schedstat; use: stat.sh, which counts switches"
fi
why="no scheduler tracepoints"
has_perf || why="$why (perf is not installed)"
is_root || why="$why (they take root)"
tier counts "$why; use: /proc/PID/task/*/schedstat, looked at ten times a second"
default_command call/round_trip

# Keeps each thread's last counts: when it has ended nobody can ask any more.
declare -A last
look() {
    local task counts switches
    for task in /proc/"$1"/task/[0-9]*; do
        # It may end between any two of these.
        counts=$(cat "$task/schedstat" 2>/dev/null) || continue
        switches=$(awk '/ctxt_switches/ { printf "%s ", $2 }' "$task/status" 2>/dev/null) || continue
        last[${task##*/}]="$counts $switches $(tr ' ' '_' <"$task/comm" 2>/dev/null || true)"
    done
}
"${command[@]}" &
child=$!
trap 'kill "$child" 2>/dev/null || true; rm -rf "$folder"' INT TERM
while kill -0 "$child" 2>/dev/null; do
    look "$child"
    sleep 0.1
done
status=0
wait "$child" || status=$?
printf '%10s %12s %12s %8s %10s %12s  %s\n' thread 'ran ms' 'waited ms' stints voluntary involuntary name
for thread in "${!last[@]}"; do
    read -r ran waited stints voluntary involuntary name <<<"${last[$thread]}"
    printf '%10s %12s %12s %8s %10s %12s  %s\n' "$thread" $((ran / 1000000)) \
        "$((waited / 1000000)).$(printf '%06d' $((waited % 1000000)) | cut -c1-3)" \
        "$stints" "$voluntary" "$involuntary" "$name"
done | sort -k3,3 -rn
exit "$status"
