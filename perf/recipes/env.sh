#!/usr/bin/env bash
# Writes down where something was measured: one JSON document.
#
#   env.sh [--probe] [--out FILE]
#
# The machine's part is `mainspring topology --json` and `mainspring doctor --json`; null where the
# command is missing. The rest is what those don't say: versions of tools and what the system is.
set -euo pipefail
. "$(dirname "$0")/lib/probe.sh"
parse "$@"
[ ${#command[@]} -eq 0 ] || refuse "no command is taken"

# A JSON string of standard input; null of nothing. Control characters become spaces.
string() {
    local text
    text=$(tr '\000-\037\177' ' ' | sed 's/\\/\\\\/g; s/"/\\"/g; s/ *$//')
    if [ -n "$text" ]; then printf '"%s"' "$text"; else printf null; fi
}

# The first line of what a command says, if there is one.
said() { { "$@" 2>/dev/null || true; } | sed -n 1p | string; }

file() { { cat "$1" 2>/dev/null || true; } | string; }

# A document of the command, or null. Some of them end with a code that says what they found.
document() {
    local text
    text=$([ -z "$mainspring" ] || "$mainspring" "$@" --json 2>/dev/null || true)
    case $text in
        "{"*) printf '%s' "$text" ;;
        *) printf null ;;
    esac
}

if [ -n "$mainspring" ]; then
    tier full "topology and doctor by $mainspring"
else
    tier bare "$no_mainspring; use: what the system's own commands say"
fi
if [ -n "$out" ]; then
    # Proven before the work; what the file holds stays until there is something to write.
    : >>"$out" || refuse "--out $out: it can't be written"
fi
text=$(
    printf '{\n"schema": "mainspring-environment/1",\n'
    printf '"taken": %s,\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ | string)"
    printf '"uname": {"sysname": %s, "release": %s, "version": %s, "machine": %s},\n' \
        "$(uname -s | string)" "$(uname -r | string)" "$(uname -v | string)" "$(uname -m | string)"
    printf '"system": %s,\n' "$(said sed -n 's/^PRETTY_NAME="\(.*\)"$/\1/p' /etc/os-release)"
    printf '"cmdline": %s,\n' "$(file /proc/cmdline)"
    printf '"vendor": %s,\n' "$(file /sys/class/dmi/id/sys_vendor)"
    printf '"product": %s,\n' "$(file /sys/class/dmi/id/product_name)"
    printf '"virtual": %s,\n' "$(if is_virtual; then echo true; else echo false; fi)"
    printf '"microcode": %s,\n' \
        "$(said sed -n 's/^microcode.*: *//p' /proc/cpuinfo)"
    printf '"load": %s,\n' "$(file /proc/loadavg)"
    printf '"perf_event_paranoid": %s,\n' "$(file /proc/sys/kernel/perf_event_paranoid)"
    printf '"tools": {"rustc": %s, "perf": %s, "valgrind": %s, "bpftrace": %s},\n' \
        "$(said rustc --version)" "$(said perf --version)" "$(said valgrind --version)" \
        "$(said bpftrace --version)"
    printf '"commit": %s,\n' "$(said git -C "$here" describe --always --dirty)"
    printf '"topology": %s,\n' "$(document topology)"
    printf '"doctor": %s\n}' "$(document doctor)"
)
if [ -n "$out" ]; then
    printf '%s\n' "$text" >"$out"
else
    printf '%s\n' "$text"
fi
