#!/usr/bin/env bash
# How long a woken thread takes until it runs (bpftrace: from a futex wake to the switch).
#
#   wakes.sh [--probe] [--seconds N] [-- COMMAND...]
#
# Only wakes by threads of the command count. Read the histogram's middle: that is what a parked runner
# adds to a request; and its tail: the CPU was taken, or asleep. The waker pays as well: futex_wake_ns.
set -euo pipefail
. "$(dirname "$0")/lib/probe.sh"
parse "$@"
scratch

cat >"$folder/wakes.bt" <<'BPFTRACE'
tracepoint:syscalls:sys_enter_futex /pid == cpid && (args->op & 127) == 1/ { @begun[tid] = nsecs; }
tracepoint:sched:sched_waking /@begun[tid]/ { @woken[args->pid] = nsecs; }
tracepoint:syscalls:sys_exit_futex /@begun[tid]/ {
    @futex_wake_ns = hist(nsecs - @begun[tid]);
    delete(@begun[tid]);
}
tracepoint:sched:sched_switch /@woken[args->next_pid]/ {
    @wake_to_run_ns = hist(nsecs - @woken[args->next_pid]);
    delete(@woken[args->next_pid]);
}
END { clear(@begun); clear(@woken); }
BPFTRACE

trace() { bpftrace "$folder/wakes.bt" -c "$1" 2>"$folder/said"; }

if has bpftrace && is_root && trace "$(type -P true)" >/dev/null; then
    tier full "bpftrace, with tracepoints of futexes and the scheduler"
    # A command's wake-ups of threads of its own: the runner parks between requests.
    default_command wake/park
    # bpftrace splits its argument at spaces and knows no quotes.
    for word in "${command[@]}"; do
        case $word in *[[:space:]]*) refuse "$word: bpftrace takes no command with spaces in a word" ;; esac
    done
    command[0]=$(type -P "${command[0]}")
    trace "${command[*]}" || {
        cat "$folder/said" >&2
        exit 1
    }
    exit 0
fi
if ! has bpftrace; then
    why="bpftrace is not installed (Debian: bpftrace)"
elif ! is_root; then
    why="bpftrace takes root"
elif [ ! -e /sys/kernel/tracing/events ] && [ ! -e /sys/kernel/debug/tracing/events ]; then
    why="tracefs is not mounted (mount -t tracefs nodev /sys/kernel/tracing)"
else
    why="bpftrace can't attach: $(tr '\n' ' ' <"$folder/said" | cut -c1-120)"
fi
if [ -z "$mainspring" ]; then
    tier none "$why; use: mainspring bench --only wake, once it is built (cargo build --release)"
fi
tier bench "$why; use: mainspring bench --only wake, which times the same from outside"
"$mainspring" bench --only wake --seconds "$seconds"
