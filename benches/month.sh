#!/usr/bin/env bash
# Runs a month stage by stage, each as a command of its own, and prints what each one cost.
#
#   benches/month.sh [PEOPLE] [SEED]        200000 people and seed 7 when not said
#
# Needs `cargo build --release` and GNU time (Debian: apt-get install time). Prints a table in Markdown:
# wall clock, CPU seconds, CPU microseconds a person and peak memory of each stage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
people=${1:-200000} seed=${2:-7}
chitra=$PWD/target/release/chitra
work=$(mktemp -d "${TMPDIR:-/tmp}/chitra-month.XXXXXX")
trap 'rm -rf "$work"' EXIT
[[ -x $chitra ]] || { echo "month.sh: no program at $chitra; build it: cargo build --release" >&2; exit 2; }
[[ -x /usr/bin/time ]] || { echo "month.sh: GNU time is needed (Debian: apt-get install time)" >&2; exit 2; }

# stage NAME COMMAND…: adds what the command cost to the stage of that name.
stage() {
  local name=$1
  shift
  /usr/bin/time -f "$name|%e|%U|%S|%M" -a -o "$work/costs" "$@" >"$work/said" 2>&1 ||
    { cat "$work/said" >&2; echo "month.sh: $* failed" >&2; exit 1; }
}
on() { # DAY STAGE COMMAND…
  local day=$1 name=$2
  shift 2
  stage "$name" "$chitra" --office "$work/office" --today "$day" "$@"
}
sandbox() { stage 'sandbox (not the engine)' "$chitra" sandbox "$work/office/sandbox" "$@"; }
signed() { # DAY LIST
  on "$1" 'submit, approve, release' submit 2026-11 --list "$2" --as lan
  on "$1" 'submit, approve, release' approve 2026-11 --list "$2" --as minh
  on "$1" 'submit, approve, release' approve 2026-11 --list "$2" --as hoa
  on "$1" 'submit, approve, release' release 2026-11 --list "$2" --as hoa
}
days() {
  local day
  for day; do
    sandbox --day "$day"
    on "$day" 'collect, all answers' collect
  done
}

stage 'synth (not the engine)' "$chitra" synth --people "$people" --seed "$seed" --out "$work/month"
"$chitra" init "$work/office" --name "Benchmark" --prefix BM01 --history-from 2026-11 >"$work/said"
cat examples/sandbox-partners.toml >>"$work/office/chitra.toml"
"$chitra" sandbox "$work/office/sandbox" --seed "$seed" >"$work/said"
"$chitra" --office "$work/office" officer enrol lan --role officer --new-key >"$work/said"
"$chitra" --office "$work/office" officer enrol minh --role approver --new-key >"$work/said"
"$chitra" --office "$work/office" officer enrol hoa --role approver --new-key >"$work/said"
on 2026-10-20 'import, register' identity import "$work/month/identity.csv" --period 2026-11 --as lan
on 2026-10-20 'import, roster' roster import "$work/month/roster.csv" --period 2026-11 --as lan
on 2026-10-21 'open' cycle open 2026-11 --value-date 2026-11-03 --as lan
on 2026-10-21 'compute, assemble' cycle run 2026-11 --until-computed
on 2026-10-21 'render and seal' cycle run 2026-11
signed 2026-10-23 0
on 2026-11-02 'dispatch, all lists' dispatch 2026-11
days 2026-11-0{2,3,4,5,6,7,8,9}
on 2026-11-09 'reissue, both lists' reissue 2026-11
signed 2026-11-09 1
on 2026-11-09 'dispatch, all lists' dispatch 2026-11
days 2026-11-{12,14,16,18}
on 2026-11-18 'reissue, both lists' reissue 2026-11
signed 2026-11-18 2
on 2026-11-18 'dispatch, all lists' dispatch 2026-11
days 2026-11-{20,22,24,26,28,30}
on 2026-12-20 'close' collect
on 2026-12-20 'close' cycle close 2026-11 --as lan
on 2026-12-20 'report' report 2026-11
on 2026-12-20 'audit verify' audit verify

awk -F'|' -v people="$people" '
  !($1 in wall) { order[++count] = $1 }
  { wall[$1] += $2; cpu[$1] += $3 + $4; if ($5 > memory[$1]) memory[$1] = $5 }
  END {
    print "| stage | wall, s | CPU, s | µs of CPU a person | peak memory, MiB |"
    print "|---|---|---|---|---|"
    for (at = 1; at <= count; at++) {
      name = order[at]
      printf "| %s | %.1f | %.1f | %.1f | %d |\n", name, wall[name], cpu[name], cpu[name] * 1e6 / people, memory[name] / 1024
      if (name !~ /not the engine/) { w += wall[name]; c += cpu[name]; if (memory[name] > most) most = memory[name] }
    }
    printf "| **the engine'"'"'s month** | %.1f | %.1f | %.1f | %d |\n", w, c, c * 1e6 / people, most / 1024
  }' "$work/costs"
printf '\noffice folder: %d MiB of disk\n' "$(du -sm --exclude=sandbox "$work/office" | cut -f1)"
