#!/usr/bin/env bash
# Where the time goes: samples of the stack, as a flame graph (perf record, inferno).
#
#   flame.sh [--probe] [--seconds N] [--out FILE] [-- COMMAND...]
#
# FILE [flame.svg] is a picture where inferno or FlameGraph is installed; otherwise FILE with .folded
# holds one line for each stack, which speedscope.app draws as well. Stacks need frame pointers:
#   RUSTFLAGS="-C force-frame-pointers=yes" CARGO_PROFILE_RELEASE_DEBUG=line-tables-only cargo build --release
set -euo pipefail
. "$(dirname "$0")/lib/probe.sh"
parse "$@"
out=${out:-flame.svg}
scratch

# Standard input: perf script's text, a thread's name and then its stack, the innermost first. Standard
# output: `thread;outer;inner count`, as FlameGraph's stackcollapse writes it.
fold() {
    awk '
        function flush() { if (stack != "") count[name stack]++; stack = "" }
        /^[^ \t]/ { flush(); name = $0; sub(/ +$/, "", name); gsub(/[; ]/, "_", name); next }
        /^[ \t]+[0-9a-f]+ / {
            frame = $0
            sub(/^[ \t]+[0-9a-f]+ /, "", frame)
            gsub(/;/, ":", frame)
            stack = ";" frame stack
        }
        END { flush(); for (line in count) print line, count[line] }
    '
}

# The functions in which most samples were taken.
top() {
    awk '{ n = $NF; sub(/ [0-9]+$/, ""); sub(/.*;/, ""); self[$0] += n; all += n }
        END { for (f in self) printf "%6.2f %%  %s\n", 100 * self[f] / all, f }' "$1" |
        sort -rn | head -20 || true
}

draw() {
    if has inferno-flamegraph; then
        inferno-flamegraph "$1" >"$out"
    elif has flamegraph.pl; then
        flamegraph.pl "$1" >"$out"
    else
        out="${out%.svg}.folded"
        cp "$1" "$out"
        top "$1"
    fi
    note "written: $out"
}

painter="inferno"
has inferno-flamegraph || painter="FlameGraph"
if ! has inferno-flamegraph && ! has flamegraph.pl; then painter=; fi
event=
if counts cycles:u; then
    event=cycles
elif counts cpu-clock:u; then
    event=cpu-clock
fi

if [ -n "$event" ] && [ "$event" = cycles ] && [ -n "$painter" ]; then
    tier full "samples of cycles, drawn by $painter"
elif [ -n "$event" ]; then
    missing=()
    [ "$event" = cycles ] || missing+=("$(why_not_counted)")
    [ -n "$painter" ] || missing+=("inferno is not installed (cargo install inferno)")
    instead="folded stacks"
    [ -z "$painter" ] || instead="a picture by $painter"
    printf -v words '%s, and ' "${missing[@]}"
    tier sampled "${words%, and }; use: samples of $event and $instead"
elif has valgrind; then
    tier counted "$(why_not_counted); use: instructions counted by callgrind, threads one at a time"
    default_command call/round_trip
    valgrind --tool=callgrind --callgrind-out-file="$folder/out" -- "${command[@]}" >&2
    callgrind_annotate "$folder/out" | head -60
    exit 0
else
    tier none "$(why_not_counted), and no valgrind; use: either of them (Debian: linux-perf, valgrind)"
fi
default_command call/round_trip
perf record -q -e "$event" -F 997 --call-graph fp -o "$folder/data" -- "${command[@]}"
perf script -i "$folder/data" -F comm,ip,sym 2>/dev/null | fold | sort >"$folder/folded"
[ -s "$folder/folded" ] || {
    note "no sample was taken: is the command too short?"
    exit 1
}
draw "$folder/folded"
