# shellcheck shell=bash
# What the recipes ask of the machine, and how they answer. Sourced by each of them.
#
# A recipe chooses the best of its tiers that this machine allows, and says so in one line:
# `NAME: TIER: what there is, or what is missing; use: what to do instead`. With --probe that line is
# all it does. Exit codes: 0 it ran, in whatever tier; 2 the command line is wrong; 3 nothing can be
# done here; otherwise that of what was measured.

recipe=$(basename "$0" .sh)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Both are set by the recipes' options.
probe_only=
seconds=5
out=
command=()

has() { command -v "$1" >/dev/null 2>&1; }

note() { printf '%s: %s\n' "$recipe" "$*" >&2; }

refuse() {
    note "$*"
    exit 2
}

# The comment at the head of the recipe, without its marks.
usage() { sed -n '2,/^[^#]/{/^#/{s/^# \{0,1\}//;p;};}' "$0"; }

# Reads `[--probe] [--seconds N] [--out FILE] [-- COMMAND...]`.
parse() {
    while [ $# -gt 0 ]; do
        case $1 in
            --probe) probe_only=yes ;;
            --seconds)
                seconds=${2-}
                shift
                # No shell's number is longer.
                [[ $seconds =~ ^[1-9][0-9]{0,3}$ ]] ||
                    refuse "--seconds ${seconds:-(nothing)}: give 1 to 9999"
                ;;
            --out)
                out=${2-}
                shift
                [ -n "$out" ] || refuse "--out: give a file"
                ;;
            --)
                shift
                command=("$@")
                [ ${#command[@]} -gt 0 ] || refuse "--: give a command after it"
                has "${command[0]}" || refuse "${command[0]}: there is no such command"
                return 0
                ;;
            -h | --help)
                usage
                exit 0
                ;;
            *) refuse "$1: there is no such option; see $recipe.sh --help" ;;
        esac
        [ $# -gt 0 ] && shift
    done
}

# Says which tier this is. `none` ends the recipe, as --probe does.
tier() {
    local line="$recipe: $1: $2"
    if [ -n "$probe_only" ]; then
        printf '%s\n' "$line"
    elif [ "$1" != full ]; then
        printf '%s\n' "$line" >&2
    fi
    [ "$1" != none ] || exit 3
    [ -z "$probe_only" ] || exit 0
}

is_root() { [ "$(id -u)" -eq 0 ]; }

is_virtual() { grep -qm1 '^flags.* hypervisor' /proc/cpuinfo 2>/dev/null; }

# perf, as it is installed and allowed; on some systems a perf in the path is only a hint to install it.
has_perf() { has perf && perf --version >/dev/null 2>&1; }

# Whether perf counts such an event of a process of one's own.
counts() { has_perf && perf stat -x, -e "$1" -- true 2>&1 | grep -q '^[0-9]'; }

# Why there are no hardware counters.
why_not_counted() {
    local paranoid
    paranoid=$(cat /proc/sys/kernel/perf_event_paranoid 2>/dev/null || echo unknown)
    if ! has_perf; then
        echo "perf is not installed (Debian: linux-perf)"
    elif ! is_root && [ "$paranoid" != unknown ] && [ "$paranoid" -gt 2 ]; then
        echo "perf is not allowed (kernel.perf_event_paranoid is $paranoid; 2 is enough)"
    elif is_virtual; then
        echo "no hardware counters on this machine (virtual, no PMU)"
    else
        echo "no hardware counters on this machine"
    fi
}

# The mainspring command: the one named, the one built here, or the one installed. Empty if none.
find_mainspring() {
    local built=${CARGO_TARGET_DIR:-$here/../../target}/release/mainspring
    if [ -n "${MAINSPRING:-}" ]; then
        echo "$MAINSPRING"
    elif [ -x "$built" ]; then
        echo "$built"
    else
        command -v mainspring || true
    fi
}
mainspring=$(find_mainspring)

no_mainspring="the mainspring command is not built (cargo build --release)"

# What is measured unless a command is given: scenarios with $1 in their name.
default_command() {
    [ ${#command[@]} -eq 0 ] || return 0
    [ -n "$mainspring" ] || {
        note "$no_mainspring, and no command is given after --"
        exit 3
    }
    command=("$mainspring" bench --only "$1" --seconds "$seconds")
}

# A folder that is gone when the recipe is.
scratch() {
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
}
