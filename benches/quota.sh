#!/usr/bin/env bash
# Sends payments one by one at a partner's quota, and has the partner say what came within each second.
#
#   benches/quota.sh [QUOTA] [BURST] [SECONDS] [MILLISECONDS]
#                      50 a second, burst 1, for about 60 seconds, each answered at once when not said
#
# Needs `cargo build --release` and Python 3. The partner (benches/quota_partner.py) is a process of its own with
# its own clock; what it prints is what it saw.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
quota=${1:-50} burst=${2:-1} seconds=${3:-60} answers_after=${4:-0}
chitra=${CHITRA:-$PWD/target/release/chitra}
[[ -x $chitra ]] || { echo "quota.sh: no program at $chitra; build it: cargo build --release" >&2; exit 2; }
work=$(mktemp -d "${TMPDIR:-/tmp}/chitra-quota.XXXXXX")
partner=''
trap '[[ -z $partner ]] || kill "$partner" 2>/dev/null; rm -rf "$work"' EXIT
# As many at once as the answers take, and a few more.
concurrency=$((10 + quota * answers_after / 1000))
port=$((20000 + RANDOM % 12000)) people=$((quota * seconds))

python3 benches/quota_partner.py "$port" "$answers_after" >"$work/told" &
partner=$!
{
  echo 'enrolment_id,national_id,full_name,date_of_birth,sex,commune_code,programme,benefit,decision_no,decision_date,entitled_from,status,channel,provider,account,fact.monthly_pension'
  for ((at = 0; at < people; at++)); do
    printf 'E%d,%s,Nguyễn Văn An,1944-03-14,male,00001,social_pension,monthly,12/QĐ,2025-07-01,2025-07-01,active,mobile_money,viettel,+849%08d,0\n' \
      "$at" "001044$(printf %06d "$at")" "$at"
  done
} >"$work/roster.csv"
{
  echo 'national_id,full_name,date_of_birth,sex,vital_status,commune_code'
  for ((at = 0; at < people; at++)); do
    printf '%s,Nguyễn Văn An,1944-03-14,male,alive,00001\n' "001044$(printf %06d "$at")"
  done
} >"$work/identity.csv"
on() { local day=$1; shift; "$chitra" --office "$work/office" --today "$day" "$@" >"$work/said" || { cat "$work/said" >&2; exit 1; }; }
"$chitra" init "$work/office" --name Benchmark --prefix BM02 --history-from 2026-11 >"$work/said"
cat >>"$work/office/chitra.toml" <<EOF

[[provider]]
name = "operator"
channel = "mobile_money"
format = "gsma-mobile-money-transaction"
answers = ["gsma-mobile-money-transaction-results"]
serves = ["*"]
count_max = 100000
total_max_minor = 900000000000000
amount_max_minor = 400000000
answer_days = 12
quota_per_second = $quota
burst = $burst
concurrency = $concurrency
[provider.http]
kind = "payments"
base_url = "http://127.0.0.1:$port"
send_path = "/pay"
EOF
on 2026-10-20 officer enrol lan --role officer --new-key
on 2026-10-20 officer enrol minh --role approver --new-key
on 2026-10-20 officer enrol hoa --role approver --new-key
on 2026-10-20 identity import "$work/identity.csv" --period 2026-11 --as lan
on 2026-10-20 roster import "$work/roster.csv" --period 2026-11 --as lan
on 2026-10-21 cycle open 2026-11 --value-date 2026-11-03 --as lan
on 2026-10-21 cycle run 2026-11
on 2026-10-23 submit 2026-11 --as lan
on 2026-10-23 approve 2026-11 --as minh
on 2026-10-23 approve 2026-11 --as hoa
on 2026-10-23 release 2026-11 --as hoa
on 2026-11-02 dispatch 2026-11
kill "$partner"
wait "$partner" || true
partner=''
echo "quota $quota a second, burst $burst, answers after $answers_after ms: $(<"$work/told")"
