#!/usr/bin/env bash
# Kills a whole month without warning, again and again, and holds what comes of it against a month
# that nobody disturbed.
#
#   ops/chaos/kill.sh [--people 200000] [--seed 1] [--kills 20 | --every SECONDS] [--script FILE] [--keep]
#                     [--binary target/release/chitra] [--dir DIR]
#
# A control run of `chitra demo` shows how long each stage takes. Moments are then drawn from its
# duration with --seed, one in each of --kills equal parts; a second run of the same people dies by
# SIGKILL at each of them and is started again until it finishes. A moment is where the run is, not
# what the clock says: so many milliseconds after the same line of its log.
#
# With --every the second run dies each time that it has lived so many seconds, until its cycle is closed and
# only reading is left; it fails when it gets no further in five lives. --script says what goes wrong at the partners, as
# `chitra sandbox --script` reads it (ops/chaos/million.toml).
#
# Afterwards these must hold: the files that left are the control's, byte for byte, and no other;
# every figure of `cycle status --json` is the control's; `audit verify` passes; what the partners'
# own ledger credited is what our books hold paid, and nothing was credited twice.
#
# Exits 0 when all of it holds, 1 when something does not, 2 when it could not be tried.
set -uo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

people=200000 seed=1 kills=20 every=0 script='' binary=target/release/chitra dir='' keep=0
while (($#)); do
  case $1 in
    --people) people=$2; shift 2 ;;
    --seed) seed=$2; shift 2 ;;
    --kills) kills=$2; shift 2 ;;
    --every) every=$2; shift 2 ;;
    --script) script=$2; shift 2 ;;
    --binary) binary=$2; shift 2 ;;
    --dir) dir=$2; shift 2 ;;
    --keep) keep=1; shift ;;
    *) sed -n '2,6p' "$0" >&2; exit 2 ;;
  esac
done
[[ -x $binary ]] || { echo "kill.sh: no program at $binary; build it: cargo build --release" >&2; exit 2; }
command -v jq >/dev/null || { echo "kill.sh: jq is needed to compare figures" >&2; exit 2; }
binary=$(realpath "$binary")
work=$(mktemp -d "${dir:-${TMPDIR:-/tmp}}/chitra-kill.XXXXXX") || exit 2
failures=0
victim=''

main() {
  trap clean_up EXIT
  trap 'exit 130' INT TERM
  RANDOM=$seed
  control || exit 2
  echo
  if ((every)); then
    printf '%-4s %s\n' kill 'stage (the log says)'
    kill_every
  else
    plan
    printf '%-4s %-9s %-44s %-9s %s\n' kill moment 'stage (the log says)' after resumed
    torment
  fi
  verdict
  ((failures == 0))
}

clean_up() {
  [[ -n $victim ]] && kill -9 "$victim" 2>/dev/null
  if ((keep || failures)); then echo "kept: $work"; else rm -rf "$work"; fi
}

# Starts the month in a folder; its log goes to a file, each line without its time.
demo() { # DIR LOG
  CHITRA_LOG=chitra=debug NO_COLOR=1 \
    "$binary" demo --people "$people" --seed "$seed" ${script:+--script "$script"} --dir "$1" \
    >"$work/said" 2>"$2" &
  victim=$!
}

# What a line says, without when: the engine's lines begin with a date, the demo's with seconds.
words() { sed -E 's/^[0-9TZ:.-]+ +DEBUG [a-z_:]+: //; s/^ *[0-9.]+ s  //' "$@"; }

# A month that nobody disturbs, and when each line of its log came, in microseconds.
control() {
  local begun=${EPOCHREALTIME/./} line status
  mkfifo "$work/pipe"
  (
    while IFS= read -r line; do printf '%s %s\n' "$((${EPOCHREALTIME/./} - begun))" "$line"; done \
      <"$work/pipe" >"$work/timed"
  ) &
  local reader=$!
  demo "$work/control" "$work/pipe"
  wait "$victim"; status=$?
  victim=''
  wait "$reader"
  duration=$((${EPOCHREALTIME/./} - begun))
  if ((status)); then
    echo "kill.sh: the undisturbed run failed ($status):" >&2
    tail -3 "$work/timed" >&2
    return 1
  fi
  # Only lines that come once can say where a run is.
  cut -d' ' -f2- "$work/timed" | words >"$work/lines"
  cut -d' ' -f1 "$work/timed" | paste -d' ' - "$work/lines" >"$work/all"
  awk '{ key = substr($0, index($0, " ") + 1); n[key]++; at[NR] = $1; text[NR] = key }
    END { for (i = 1; i <= NR; i++) if (n[text[i]] == 1) print at[i] "\t" text[i] }' \
    "$work/all" >"$work/marks"
  printf 'control: %s people, seed %s, %d.%d s, %s lines that tell where it is\n' \
    "$people" "$seed" $((duration / 1000000)) $((duration % 1000000 / 100000)) \
    "$(wc -l <"$work/marks")"
}

# One moment in each equal part of the control run: the last mark before it, and how long after.
plan() {
  local part=$((duration / kills)) i at
  for ((i = 0; i < kills; i++)); do
    at=$((i * part + (RANDOM * 32768 + RANDOM) * part / 1073741824))
    awk -F'\t' -v at="$at" '
      $1 <= at { n = NR; since = $1; text = $2 }
      END { printf "%d\t%d\t%d\t%s\n", at, n, n ? at - since : at, n ? text : "(the beginning)" }' \
      "$work/marks"
  done >"$work/plan"
}

torment() {
  declare -gA order=()
  local n=0 text
  while IFS=$'\t' read -r _ text; do order[$text]=$((++n)); done <"$work/marks"
  local i=0 at mark after
  while IFS=$'\t' read -r -u 3 at mark after text; do
    i=$((i + 1))
    demo "$work/victim" "$work/log"
    await "$mark"
    case $? in
      0) sleep "$((after / 1000000)).$(printf %06d $((after % 1000000)))" ;;
      1) ;; # it is past the mark already
      2) # it ended before the moment came
        wait "$victim"; local status=$?; victim=''
        if ((status == 0)); then
          row "$i" "$at" "finished before: $text" "$after" yes
          continue
        fi
        row "$i" "$at" "$text" "$after" "NO: $(tail -1 "$work/log")"
        failures=$((failures + 1))
        return ;;
    esac
    kill -9 "$victim" 2>/dev/null
    wait "$victim" 2>/dev/null
    victim=''
    row "$i" "$at" "$(stage "$text")" "$after" yes
  done 3<"$work/plan"
  demo "$work/victim" "$work/log"
  wait "$victim"; local status=$?
  victim=''
  if ((status)); then
    failures=$((failures + 1))
    echo "the last resumption did not finish ($status): $(tail -1 "$work/log")"
  else
    echo "the last resumption finished"
  fi
}

# Kills the month each time that it has lived so many seconds, until it is closed.
kill_every() {
  local stuck=0 before='' now status
  kills=0
  while :; do
    demo "$work/victim" "$work/log"
    for ((tenth = 0; tenth < every * 10; tenth++)); do
      kill -0 "$victim" 2>/dev/null || break
      sleep 0.1
    done
    if grep -q 'is closed$' "$work/log" || ! kill -0 "$victim" 2>/dev/null; then
      wait "$victim"; status=$?; victim=''
      ((status == 0)) && { echo "the last resumption finished"; return; }
      failures=$((failures + 1))
      echo "the last resumption did not finish ($status): $(tail -1 "$work/log")"
      return
    fi
    kill -9 "$victim"
    wait "$victim" 2>/dev/null
    victim=''
    kills=$((kills + 1))
    now=$(stage '(nothing said)')
    printf '%-4s %s\n' "$kills" "$now"
    if [[ $now == "$before" ]]; then stuck=$((stuck + 1)); else stuck=0; fi
    if ((stuck == 5)); then
      failures=$((failures + 1))
      echo "it gets no further than this in $every s"
      return
    fi
    before=$now
  done
}

# The last line of the victim's log, or the mark it was to reach when it said nothing yet.
stage() { local last; last=$(words "$work/log" | tail -1); echo "${last:-$1}"; }

row() {
  printf '%-4s %6d.%d s %-44.44s %5d ms  %s\n' \
    "$1" $(($2 / 1000000)) $(($2 % 1000000 / 100000)) "$3" $(($4 / 1000)) "$5"
}

# Waits until the victim's log has the mark (0) or a later one (1), or it ended (2).
await() { # MARK
  local line text n
  (($1 == 0)) && return 0
  while :; do
    text=$(words "$work/log" 2>/dev/null | tail -n 40)
    while IFS= read -r line; do
      n=0
      [[ -n $line ]] && n=${order[$line]:-0}
      ((n == $1)) && return 0
      ((n > $1)) && return 1
    done <<<"$text"
    kill -0 "$victim" 2>/dev/null || return 2
    sleep 0.01
  done
}

verdict() {
  echo
  holds 'the same files left, byte for byte' same_files
  holds 'nothing half-written stays' nothing_half_written
  holds 'the same figures in cycle status' same_figures
  holds 'the log verifies' log_verifies
  holds "the partners' ledger equals our books" ledger_equals_books
  if ((failures)); then echo "FAILED: $failures"; else echo "HELD: $kills kills, $people people"; fi
}

holds() { # SENTENCE FUNCTION
  local why
  if why=$($2 2>&1); then echo "yes  $1${why:+ ($why)}"; else
    failures=$((failures + 1))
    echo "NO   $1: $why"
  fi
}

same_files() {
  local one
  for one in control victim; do
    (cd "$work/$one/sandbox" && find . -path '*/taken/*' -type f -exec sha256sum {} + | sort -k2) \
      >"$work/$one.files"
    [[ -z $(find "$work/$one/sandbox" -path '*/inbox/*' -type f) ]] ||
      { echo "a file still lies in an inbox of the $one"; return 1; }
  done
  [[ -s $work/control.files ]] || { echo 'the control sent nothing'; return 1; }
  diff "$work/control.files" "$work/victim.files" && echo "$(wc -l <"$work/control.files") files"
}

nothing_half_written() {
  local found
  found=$(find "$work/victim" -name '*.part' -o -path '*/rendering/*' -type f -o -path '*/collecting/*' -type f)
  [[ -z $found ]] || { echo "${found//$work\//}"; return 1; }
}

same_figures() {
  local one
  for one in control victim; do
    "$binary" --office "$work/$one" cycle status 2026-11 --json >"$work/$one.status" || return 1
  done
  [[ $(jq -r '.balanced, .state' "$work/victim.status") == $'true\nclosed' ]] ||
    { jq -c '{state, balanced, hinders_closing}' "$work/victim.status"; return 1; }
  diff "$work/control.status" "$work/victim.status"
}

log_verifies() { "$binary" --office "$work/victim" audit verify --json | jq -e .verified >"$work/said"; }

# What stays credited at the partners: all that was credited, less what came back.
ledger_equals_books() {
  "$binary" sandbox "$work/control/sandbox" --json >"$work/control.ledger" || return 1
  "$binary" sandbox "$work/victim/sandbox" --json >"$work/ledger" || return 1
  diff "$work/control.ledger" "$work/ledger" || return 1
  local kept paid again
  again=$(jq .credited_again "$work/ledger")
  ((again == 0)) || { echo "$again references were credited twice"; return 1; }
  kept=$(jq -r '[.providers[] | .credited.count - .returned.count] | add' "$work/ledger")
  kept+=" / $(jq -r '[.providers[] | (.credited.minor | tonumber) - (.returned.minor | tonumber)] | add' "$work/ledger")"
  # What we could not learn before closing is in suspense, and may have been credited.
  paid=$(jq -r '"\(.payables.paid) / \(.money.paid)"' "$work/victim.status")
  if [[ $kept == "$paid" ]]; then echo "$paid"; return 0; fi
  echo "credited $kept, paid $paid, unknown $(jq -r '"\(.payables.unknown) / \(.money.unknown)"' "$work/victim.status")"
  local unknown
  unknown=$(jq -r .payables.unknown "$work/victim.status")
  local more=$((${kept%% *} - ${paid%% *}))
  ((more >= 0 && more <= unknown))
}

main
