#!/usr/bin/env bash
# A month over a line to PostgreSQL that loses packets, and is cut for a while in the middle of sending.
#
#   ops/chaos/loss.sh [--people 60] [--loss 20] [--cut 8] [--binary target/release/chitra] [--keep]
#
# The program runs in a network namespace of its own, whose only way to a PostgreSQL server, started here, is
# a pair of interfaces on which nftables drops --loss of every hundred packets each way. While files are
# sent, everything from the server is dropped for --cut seconds, and nothing of what goes to it: commits
# arrive whose replies do not.
#
# Afterwards the files that left, the figures and the partners' ledger must be those of the same office over
# a line that loses nothing, and the log must verify. Needs root, ip, nft and PostgreSQL's programs.
#
# Exits 0 when all of it holds, 1 when something does not, 2 when it could not be tried.
set -uo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

people=60 loss=20 cut=8 binary=target/release/chitra keep=0
while (($#)); do
  case $1 in
    --people) people=$2; shift 2 ;;
    --loss) loss=$2; shift 2 ;;
    --cut) cut=$2; shift 2 ;;
    --binary) binary=$2; shift 2 ;;
    --keep) keep=1; shift ;;
    *) sed -n '2,14p' "$0" >&2; exit 2 ;;
  esac
done
not_possible() { echo "loss.sh: $1" >&2; exit 2; }
[[ -x $binary ]] || not_possible "no program at $binary; build it: cargo build --release"
[[ $(id -u) == 0 ]] || not_possible "only root makes network namespaces"
for program in ip nft jq runuser; do
  command -v $program >/dev/null || not_possible "$program is not installed"
done
programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
[[ -x $programs/initdb ]] || not_possible "PostgreSQL is not installed"
binary=$(realpath "$binary")
work=$(mktemp -d /tmp/chitra-loss.XXXXXX) || exit 2
chmod 755 "$work"
space=chitra-loss-$$
here=chl$$h there=chl$$t
net=10.$((RANDOM % 200 + 20)).$((RANDOM % 250))
port=$((20000 + RANDOM % 12000))
failures=0

main() {
  trap clean_up EXIT
  trap 'exit 130' INT TERM
  ip netns add "$space" && ip link add "$here" type veth peer name "$there" netns "$space" &&
    ip addr add "$net.1/30" dev "$here" && ip link set "$here" up &&
    ip -n "$space" addr add "$net.2/30" dev "$there" && ip -n "$space" link set "$there" up ||
    not_possible "network namespaces cannot be made here"
  server || not_possible "PostgreSQL does not start"

  lines 0
  month calm || { echo "the undisturbed month failed"; exit 2; }
  lines "$loss"
  local begun=$SECONDS
  month lossy
  echo "over a line that loses $loss of 100 packets each way: $((SECONDS - begun)) s"
  lines 0
  holds 'the same files left, byte for byte' diff -r "$work/calm.files" "$work/lossy.files"
  holds 'the same figures' diff "$work/calm.status" "$work/lossy.status"
  holds "the same ledger at the partners" diff "$work/calm.ledger" "$work/lossy.ledger"
  holds 'nobody was credited twice' test "$(jq .credited_again "$work/lossy.ledger")" = 0
  holds 'the log verifies' on lossy 2026-11-09 audit verify
  if ((failures)); then echo "FAILED: $failures"; else echo "HELD: $people people, $loss % lost, cut for $cut s"; fi
  ((failures == 0))
}

clean_up() {
  ip netns pids "$space" 2>/dev/null | xargs -r kill -9
  [[ -d $work/data ]] && as_postgres pg_ctl stop --mode=immediate --silent --pgdata="$work/data" >/dev/null 2>&1
  ip netns del "$space" 2>/dev/null
  ip link del "$here" 2>/dev/null
  if ((keep)); then echo "kept: $work"; else rm -rf "$work"; fi
}

as_postgres() { (cd / && runuser -u postgres -- "$programs/$1" "${@:2}"); }

server() {
  install -d -o postgres "$work/data" "$work/socket"
  as_postgres initdb --pgdata="$work/data" --username=postgres --auth=trust --data-checksums >"$work/initdb.log" 2>&1 &&
    echo "host all all $net.0/30 trust" >>"$work/data/pg_hba.conf" &&
    as_postgres pg_ctl start --wait --silent --pgdata="$work/data" --log="$work/data/server.log" \
      --options="-p $port -c listen_addresses=$net.1 -c unix_socket_directories=$work/socket" >/dev/null
}

# What is lost of a hundred packets, each way.
lines() {
  ip netns exec "$space" nft flush ruleset
  (($1 == 0)) && return
  ip netns exec "$space" nft -f - <<RULES
table inet loss {
  chain in { type filter hook input priority 0; tcp sport $port numgen random mod 100 < $1 drop; }
  chain out { type filter hook output priority 0; tcp dport $port numgen random mod 100 < $1 drop; }
}
RULES
}

# From the server nothing comes any more.
deaf() { ip netns exec "$space" nft add table inet deaf '{ chain in { type filter hook input priority -1; tcp sport '"$port"' drop; }; }'; }
hearing() { ip netns exec "$space" nft delete table inet deaf; }

on() { # OFFICE DAY COMMAND…
  ip netns exec "$space" "$binary" --json --office "$work/$1" --today "${@:2}"
}

# Whether no file that was to be sent is still here, or perhaps.
all_left() { [[ $step != *dispatch* ]] || ! grep -q '"state": "\(released\|sending\|unknown\)"' "$work/said"; }

# A whole month of one office; what cannot be done is tried again, as people do.
month() { # OFFICE
  local office=$1 step try
  as_postgres psql -q -h "$work/socket" -p "$port" -U postgres -c "create database $office" || return
  [[ -d $work/month ]] || "$binary" synth --people "$people" --seed 1 --out "$work/month" >/dev/null || return
  "$binary" init "$work/$office" --prefix AB01 --history-from 2026-11 \
    --database "postgres://postgres@$net.1:$port/$office" >/dev/null || return
  # The same key gives the same files.
  [[ $office == calm ]] || cp "$work/calm/keys/office.key" "$work/$office/keys/office.key"
  cat examples/sandbox-partners.toml >>"$work/$office/chitra.toml"
  "$binary" sandbox "$work/$office/sandbox" >/dev/null || return
  while read -r step; do
    for try in 1 2 3 4 5; do
      if [[ $office == lossy && $try == 1 && $step == *dispatch* ]]; then
        (sleep 0.3; deaf; sleep "$cut"; hearing) &
      fi
      # shellcheck disable=SC2086
      on "$office" $step >"$work/said" 2>&1 && all_left && break
      # Done already, though the reply did not come.
      grep -q '"error":"\(I120\|G121\|C102\|A108\|A109\|G123\)"' "$work/said" && break
      tail -c 300 "$work/said"
      ((try < 5)) || return
    done
  done <<STEPS
2026-10-20 officer enrol lan --role officer --new-key
2026-10-20 officer enrol minh --role approver --new-key
2026-10-20 officer enrol hoa --role approver --new-key
2026-10-20 identity import $work/month/identity.csv --period 2026-11 --as lan
2026-10-20 roster import $work/month/roster.csv --period 2026-11 --as lan
2026-10-21 cycle open 2026-11 --value-date 2026-11-03 --as lan
2026-10-21 cycle run 2026-11
2026-10-23 submit 2026-11 --as lan
2026-10-23 approve 2026-11 --as minh
2026-10-23 approve 2026-11 --as hoa
2026-10-23 release 2026-11 --as hoa
2026-11-02 dispatch 2026-11
STEPS
  wait
  mkdir -p "$work/$office.files"
  (cd "$work/$office/sandbox" && cp --parents ./*/inbox/* "$work/$office.files")
  "$binary" sandbox "$work/$office/sandbox" --day 2026-11-09 >/dev/null || return
  for try in 1 2 3 4 5; do on "$office" 2026-11-09 collect >"$work/said" 2>&1 && break; done
  on "$office" 2026-11-09 cycle status 2026-11 | jq 'del(.lists)' >"$work/$office.status" &&
    "$binary" sandbox "$work/$office/sandbox" --json >"$work/$office.ledger"
}

holds() { # SENTENCE COMMAND…
  local why
  if why=$("${@:2}" 2>&1); then echo "yes  $1"; else
    failures=$((failures + 1))
    echo "NO   $1: ${why:0:600}"
  fi
}

main
