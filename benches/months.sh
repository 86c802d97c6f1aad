#!/usr/bin/env bash
# Lives through several months of one office and prints what the steps of each month cost: what grows with the
# months that an office has had shows here, and not in month.sh.
#
#   benches/months.sh [PEOPLE] [SEED] [MONTHS]      50000 people, seed 7 and 10 months when not said; up to 12
#
# Needs `cargo build --release` and GNU time (Debian: apt-get install time). Prints a table in Markdown: CPU
# seconds of each step, and the peak memory of computing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
people=${1:-50000} seed=${2:-7} months=${3:-10}
chitra=$PWD/target/release/chitra
work=$(mktemp -d "${TMPDIR:-/tmp}/chitra-months.XXXXXX")
trap 'rm -rf "$work"' EXIT
[[ -x $chitra ]] || { echo "months.sh: no program at $chitra; build it: cargo build --release" >&2; exit 2; }
[[ -x /usr/bin/time ]] || { echo "months.sh: GNU time is needed (Debian: apt-get install time)" >&2; exit 2; }

on() { # DAY STEP COMMAND…: what it costs is kept under the step of the month
  local day=$1 step=$2
  shift 2
  /usr/bin/time -f "$month|$step|%U|%S|%M" -a -o "$work/costs" \
    "$chitra" --office "$work/office" --today "$day" "$@" >"$work/said" 2>&1 ||
    { cat "$work/said" >&2; echo "months.sh: $* failed" >&2; exit 1; }
}

"$chitra" init "$work/office" --name "Benchmark" --prefix BM01 --history-from 2026-01 >"$work/said"
cat examples/sandbox-partners.toml >>"$work/office/chitra.toml"
"$chitra" sandbox "$work/office/sandbox" --seed "$seed" >"$work/said"
"$chitra" --office "$work/office" officer enrol lan --role officer --new-key >"$work/said"
"$chitra" --office "$work/office" officer enrol minh --role approver --new-key >"$work/said"
"$chitra" --office "$work/office" officer enrol hoa --role approver --new-key >"$work/said"
for number in $(seq -f %02g 1 "$months"); do
  month=2026-$number
  before=$(date -d "$month-01 -10 days" +%Y-%m-%d)
  "$chitra" synth --people "$people" --seed "$seed" --period "$month" --out "$work/month" >"$work/said"
  on "$before" import identity import "$work/month/identity.csv" --period "$month" --as lan
  on "$before" import roster import "$work/month/roster.csv" --period "$month" --as lan
  on "$before" compute cycle open "$month" --value-date "$month-05" --as lan
  on "$before" compute cycle run "$month" --until-computed
  on "$before" render cycle run "$month"
  on "$before" approve submit "$month" --list 0 --as lan
  on "$before" approve approve "$month" --list 0 --as minh
  on "$before" approve approve "$month" --list 0 --as hoa
  on "$before" approve release "$month" --list 0 --as hoa
  on "$month-05" dispatch dispatch "$month"
  for day in 05 06 07 08 09 10 12 14; do
    "$chitra" sandbox "$work/office/sandbox" --day "$month-$day" >"$work/said"
    on "$month-$day" collect collect
  done
  on "$month-15" explain explain E0000000008
  on "$month-15" verify audit verify
done

awk -F'|' '
  { cpu[$1, $2] += $3 + $4 }
  $2 == "compute" && $5 > memory[$1] { memory[$1] = $5 }
  !($1 in seen) { seen[$1]; order[++count] = $1 }
  END {
    split("import compute render approve dispatch collect explain verify", steps, " ")
    line = "| month |"; rule = "|---|"
    for (at = 1; at <= 8; at++) { line = line " " steps[at] " |"; rule = rule "---|" }
    print line " computing, MiB |"
    print rule "---|"
    for (at = 1; at <= count; at++) {
      line = "| " order[at] " |"
      for (step = 1; step <= 8; step++) line = line sprintf(" %.2f |", cpu[order[at], steps[step]])
      print line sprintf(" %d |", memory[order[at]] / 1024)
    }
  }' "$work/costs"
