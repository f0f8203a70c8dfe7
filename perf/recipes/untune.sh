#!/usr/bin/env bash
# Prints what puts back what tune.sh --apply has changed, and with --apply does it.
#
#   untune.sh [--probe] [--apply] [--root DIR] [--state FILE]
#
# What somebody else has changed since stays as it is, and is named.
set -euo pipefail
. "$(dirname "$0")/lib/probe.sh"
. "$(dirname "$0")/lib/settings.sh"

apply=
while [ $# -gt 0 ]; do
    parse_place "$@"
    [ "$taken" -eq 0 ] || {
        shift "$taken"
        continue
    }
    case $1 in
        --probe) probe_only=yes ;;
        --apply) apply=yes ;;
        *) parse "$1" ;;
    esac
    shift
done
find_state

if [ ! -e "$state" ]; then
    tier none "nothing is tuned: there is no $state; use: tune.sh --apply first, or --state FILE"
fi
tier full "$(wc -l <"$state") settings in $state"
if [ -n "$apply" ]; then
    may_apply
    put_back
    exit
fi
while IFS=$'\t' read -r path old new; do
    printf 'echo %s > %s  # tune.sh wrote %s\n' "$old" "$path" "$new"
done < <(tac "$state")
