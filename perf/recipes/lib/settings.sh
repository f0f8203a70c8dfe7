# shellcheck shell=bash
# Settings of the kernel: those that make a measurement steadier, and how each is put and put back.
#
# A setting is a file below $root, and a word. What it was is kept in $state, a line for each: file,
# old word, new word, with tabs between. The state lies where a restart empties it, as a restart undoes
# the settings.

root=${MAINSPRING_ROOT:-}
state=
# Of the last look at the options; whoever sources this reads it.
# shellcheck disable=SC2034
taken=0

# The word in force: of a choice such as `always [madvise] never`, the one in brackets.
value() {
    local text
    text=$(cat "$root$1" 2>/dev/null) || return 1
    case $text in
        *\[*\]*)
            text=${text#*\[}
            text=${text%%\]*}
            ;;
    esac
    printf '%s' "$text"
}

# A kernel's list of CPUs, one number a line.
each() {
    local part
    for part in ${1//,/ }; do
        seq "${part%-*}" "${part#*-}"
    done
}

# Whether two words mean the same to that file: the kernel writes 0,1 as 0-1, and masks with leading
# zeros.
same() {
    case $1 in
        *_list) [ "$(each "$2" | sort -n)" = "$(each "$3" | sort -n)" ] ;;
        *affinity | *cpumask) [ "$(bare "$2")" = "$(bare "$3")" ] ;;
        *) [ "$2" = "$3" ] ;;
    esac
}
bare() { sed 's/,//g; s/^0*//' <<<"$1"; }

# Writes a word and reads it back. The kernel may refuse, or take another.
put() {
    { printf '%s\n' "$2" >"$root$1"; } 2>/dev/null && same "$1" "$(value "$1" || true)" "$2"
}

# Puts everything back that the state names, the last first, and forgets it. What somebody else has
# changed since stays as it is.
put_back() {
    local path old new now failed=0
    while IFS=$'\t' read -r path old new; do
        now=$(value "$path") || {
            note "$path: it is gone"
            continue
        }
        if same "$path" "$now" "$old"; then
            continue
        elif ! same "$path" "$now" "$new"; then
            note "$path: it is $now, which is neither what tune wrote ($new) nor what was there ($old); left"
        elif put "$path" "$old"; then
            note "$path: $old again"
        else
            note "$path: it can't be put back to $old"
            failed=1
        fi
    done < <(tac "$state")
    # What couldn't be put back can be tried again.
    [ "$failed" -ne 0 ] || rm -f "$state"
    return "$failed"
}

# Reads `--root DIR` and `--state FILE`; says how many words that were, in $taken.
parse_place() {
    taken=0
    case $1 in
        --root)
            [ -d "${2-}" ] || refuse "--root ${2-}: give a folder that holds sys and proc"
            root=${2%/}
            ;;
        --state)
            [ -n "${2-}" ] || refuse "--state: give a file"
            state=$2
            ;;
        *) return 0 ;;
    esac
    # shellcheck disable=SC2034
    taken=2
}

find_state() { state=${state:-$root/run/mainspring-tune.state}; }

may_apply() {
    # Whoever has made a root of his own may write to it.
    if [ -z "$root" ] && ! is_root; then
        refuse "--apply: this takes root; without it, the commands are printed, for sudo"
    fi
}
