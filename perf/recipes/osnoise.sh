#!/usr/bin/env bash
# What the operating system takes from each CPU, by source (rtla osnoise, or mainspring jitter).
#
#   osnoise.sh [--probe] [--seconds N]
#
# Read the column of the source with the most noise: IRQ and softirq call for interrupts to be moved
# (tune.sh --cpus), Thread for whatever runs there to be moved, HW for the hypervisor or the firmware.
set -euo pipefail
. "$(dirname "$0")/lib/probe.sh"
parse "$@"
[ ${#command[@]} -eq 0 ] || refuse "no command is taken: the CPUs should have nothing else to do"

tracing=/sys/kernel/tracing
[ -e $tracing/available_tracers ] || tracing=/sys/kernel/debug/tracing
has_tracer() { grep -qw osnoise "$tracing/available_tracers" 2>/dev/null; }

if has_tracer && is_root && has rtla; then
    tier full "the osnoise tracer, by rtla"
    rtla osnoise top --duration "${seconds}s" --quiet
    exit 0
fi
if ! is_root; then
    why="the osnoise tracer takes root"
elif [ ! -e $tracing/available_tracers ]; then
    why="tracefs is not mounted (mount -t tracefs nodev /sys/kernel/tracing)"
elif ! has_tracer; then
    why="this kernel has no osnoise tracer (CONFIG_OSNOISE_TRACER)"
else
    why="rtla is not installed (Debian: rtla)"
fi
if has_tracer && is_root; then
    tier tracefs "$why; use: the tracer by hand, through tracefs"
    before=$(cat "$tracing/current_tracer")
    # Whatever ends us, the tracer must not be left on: it keeps every CPU busy.
    trap 'echo "$before" >"$tracing/current_tracer"' EXIT
    echo osnoise >"$tracing/current_tracer"
    sleep "$seconds"
    cat "$tracing/trace"
    exit 0
fi
if [ -z "$mainspring" ]; then
    tier none "$why; use: mainspring jitter, once it is built (cargo build --release)"
fi
tier jitter "$why; use: mainspring jitter, which knows fewer sources"
"$mainspring" jitter --seconds "$seconds"
