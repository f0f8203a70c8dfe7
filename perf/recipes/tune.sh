#!/usr/bin/env bash
# Prints what would make measurements on this machine steadier, and with --apply does it.
#
#   tune.sh [--probe] [--cpus LIST] [--no-turbo] [--apply [-- COMMAND...]] [--root DIR] [--state FILE]
#
# Without --apply nothing is changed: each line is a command, and behind it the one that undoes it.
# --apply takes root, keeps the old values in FILE [/run/mainspring-tune.state], and untune.sh puts them
# back; with a command they are put back when it ends, however it ends. --cpus names the CPUs that are
# measured: interrupts and unbound kernel work are moved to the others. --root takes sys and proc from
# another folder.
set -euo pipefail
. "$(dirname "$0")/lib/probe.sh"
. "$(dirname "$0")/lib/settings.sh"

apply=
turbo=yes
measured=
while [ $# -gt 0 ]; do
    parse_place "$@"
    [ "$taken" -eq 0 ] || {
        shift "$taken"
        continue
    }
    case $1 in
        --probe) probe_only=yes ;;
        --apply) apply=yes ;;
        --no-turbo) turbo= ;;
        --cpus)
            measured=${2-}
            [[ $measured =~ ^[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*$ ]] ||
                refuse "--cpus $measured: give a list such as 2-3,6"
            shift
            ;;
        --)
            parse "$@"
            break
            ;;
        *) parse "$1" ;;
    esac
    shift
done
find_state
[ ${#command[@]} -eq 0 ] || [ -n "$apply" ] || refuse "--: a command is run with --apply only"

# What is to be set: "file<tab>word<tab>why".
plan=()
changes=0
want() { # file, word, why
    local now
    now=$(value "$1") && [ -n "$now" ] || return 0
    plan+=("$1"$'\t'"$2"$'\t'"$3")
    same "$1" "$now" "$2" || changes=$((changes + 1))
}

# The online CPUs that aren't measured, as a list; as a mask of the kernel's.
others() {
    comm -23 <(each "$(value /sys/devices/system/cpu/online)" | sort) <(each "$measured" | sort) |
        sort -n | paste -sd,
}
mask() {
    # Words of 32 bits, the highest first.
    each "$1" | awk '
        BEGIN { last = 0 }
        { word[int($1 / 32)] += 2 ^ ($1 % 32); if ($1 / 32 > last) last = int($1 / 32) }
        END {
            printf "%x", word[last]
            for (at = last - 1; at >= 0; at--) printf ",%08x", word[at]
        }'
}

look() {
    local file rest
    for file in "$root"/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor; do
        want "${file#"$root"}" performance "a frequency that follows the load makes the first requests slow"
    done
    if [ -z "$turbo" ]; then
        want /sys/devices/system/cpu/intel_pstate/no_turbo 1 "with turbo, speed depends on what the others do"
        want /sys/devices/system/cpu/cpufreq/boost 0 "with boost, speed depends on what the others do"
    fi
    want /proc/sys/kernel/timer_migration 0 "timers of other CPUs may come to a measured one"
    want /proc/sys/kernel/nmi_watchdog 0 "the watchdog takes a hardware counter and interrupts"
    want /proc/sys/kernel/numa_balancing 0 "it takes pages away to see who uses them"
    want /proc/sys/vm/stat_interval 120 "each CPU is interrupted for statistics every second"
    want /proc/sys/vm/swappiness 1 "a page that was swapped out takes milliseconds"
    want /sys/kernel/mm/transparent_hugepage/enabled madvise "huge pages for all come with compaction"
    want /sys/kernel/mm/transparent_hugepage/khugepaged/defrag 0 "compaction stops threads"
    if is_virtual; then
        want /sys/module/haltpoll/parameters/guest_halt_poll_ns 200000 "an idle CPU that polls is woken without its hypervisor"
    fi
    [ -n "$measured" ] || return 0
    rest=$(others)
    [ -n "$rest" ] || refuse "--cpus $measured: those are all; leave one for everything else"
    want /sys/devices/virtual/workqueue/cpumask "$(mask "$rest")" "kernel work belongs on the other CPUs"
    want /proc/irq/default_smp_affinity "$(mask "$rest")" "new interrupts belong on the other CPUs"
    for file in "$root"/proc/irq/[0-9]*/smp_affinity_list; do
        file=${file#"$root"}
        # One that can't come to a measured CPU is left where it is.
        [ -z "$(comm -12 <(each "$(value "$file")" | sort) <(each "$measured" | sort))" ] ||
            want "$file" "$rest" "this interrupt belongs on the other CPUs"
    done
}

print() {
    local line path word why now
    for line in "${plan[@]}"; do
        IFS=$'\t' read -r path word why <<<"$line"
        now=$(value "$path")
        if same "$path" "$now" "$word"; then
            printf '# %s is %s already\n' "$path" "$word"
        else
            printf 'echo %s > %s  # undo: echo %s > %s  (%s)\n' "$word" "$path" "$now" "$path" "$why"
        fi
    done
    printf '# By hand: stop irqbalance, which undoes the above; no deep sleep: hold /dev/cpu_dma_latency at 0.\n'
}

# Broken off anywhere from here on, all is put back: the traps stay until everything is set.
set_all() {
    local line path word now
    mkdir -p "$(dirname "$state")"
    (set -C && : >"$state") 2>/dev/null ||
        refuse "$state: it is tuned already, or the file can't be written; untune.sh --apply first"
    trap 'exit 130' INT TERM HUP
    trap 'put_back || true' EXIT
    for line in "${plan[@]}"; do
        IFS=$'\t' read -r path word _ <<<"$line"
        now=$(value "$path")
        if same "$path" "$now" "$word"; then
            continue
        fi
        # Noted first: what is set and not noted can't be undone.
        printf '%s\t%s\t%s\n' "$path" "$now" "$word" >>"$state"
        if put "$path" "$word"; then
            note "$path: $now -> $word"
        else
            note "$path: the kernel refuses $word; it stays $(value "$path" || echo unknown)"
        fi
    done
}

look
if [ ${#plan[@]} -eq 0 ]; then
    tier none "none of the settings is there; use: mainspring doctor, for what can be said without them"
fi
words="$changes of ${#plan[@]} settings would change"
if [ -n "$root" ] || is_root; then
    tier full "$words"
else
    tier print "$words, which takes root; use: sudo, for the commands that are printed"
fi
if [ -z "$apply" ]; then
    print
    exit 0
fi
may_apply
set_all
if [ ${#command[@]} -gt 0 ]; then
    "${command[@]}"
    exit
fi
trap - EXIT
note "old values are in $state; untune.sh --apply puts them back"
