#!/usr/bin/env bash
# What a datanode with very many chunks costs: how long it takes to serve again after a clean stop and after a kill, and its resident
# memory; then the client's memory while one large file goes up. A cluster of processes, two datanodes, so that each holds every
# chunk. The time is that from the process's start to its line that it is ready, the other roles being up: it includes the runtime's start.
#
#   benchmarks/many-chunks.sh [--bigfs PATH] [--chunks 1000000] [--size 4GiB] [--turns 3] [--dir DIR]
#
#   --bigfs PATH  the program or its bigfs.dll; default this clone's, published as it ships
#   --chunks N    files of 4 KiB, a chunk each; default 1000000, which takes some minutes and 9 GiB
#   --size SIZE   of the large file; default 4GiB, which takes twice as much
#   --turns N     stops and kills; the best counts; default 3
#   --dir DIR     where the data goes (a folder of its own is made there and removed); default ${TMPDIR:-/tmp}
set -uo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 LC_ALL=C

label=many-chunks
fail() { echo "$label.sh: $*" >&2; exit 2; }

bigfs='' chunks=1000000 size=4GiB turns=3 dir=${TMPDIR:-/tmp}
while [ $# -gt 0 ]; do
  case $1 in
    --bigfs | --chunks | --size | --turns | --dir)
      [ $# -ge 2 ] || fail "$1 needs a value"
      declare "${1#--}=$2"
      shift ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) fail "\"$1\" is no option here (--help shows them)" ;;
  esac
  shift
done
for number in "$chunks" "$turns"; do
  [[ $number =~ ^[1-9][0-9]*$ ]] || fail "--chunks and --turns must be 1 or more"
done
. "$here/benchmarks/cluster.sh"

# row WHAT FIGURE UNIT MOST: one line, with whether the figure is at most that.
row() {
  awk -v what="$1" -v figure="$2" -v unit="$3" -v most="$4" 'BEGIN {
    printf "%-62s %9.2f %-4s %s: <= %s\n", what, figure, unit, (figure <= most ? "holds" : "below"), most }'
}

# memory FIELD: of the datanode, in MiB (VmRSS now, VmHWM at its most).
memory() { awk -v field="$1:" '$1 == field { print $2 / 1024 }' "/proc/$datanode/status"; }

# reopen SIGNAL: ends the datanode, starts it again with its own arguments, and prints the seconds until it serves.
reopen() {
  local begun
  kill "-$1" "$datanode"
  wait "$datanode" 2> /dev/null
  while kill -0 "$datanode" 2> /dev/null; do sleep 0.05; done
  : > "$work/node"
  begun=$(date +%s%N)
  # shellcheck disable=SC2086 # The command is a list of words.
  $command --json > "$work/node" 2> "$work/node.log" &
  datanode=$!
  until grep -q '"ready":true' "$work/node"; do
    kill -0 "$datanode" 2> /dev/null || { cat "$work/node.log" >&2; fail "the datanode did not start again"; }
    sleep 0.01
  done
  seconds=$(awk -v from="$begun" -v to="$(date +%s%N)" 'BEGIN { print (to - from) / 1e9 }')
}

# best SIGNAL: the shortest of all turns; each begins after something was written, so that there is something to settle.
best() {
  local i try
  least=''
  for ((i = 1; i <= turns; i++)); do
    # Just after a kill the cluster still counts a node too few.
    for ((try = 1; ; try++)); do
      bench put --size 4KiB --count 200 --concurrency 16 --prefix "bigfs:/$1-$i-$try" --warm-up 0 > /dev/null 2>&1 && break
      [ "$try" -lt 30 ] || { cat "$work/bench.log" >&2; fail "nothing could be written"; }
      sleep 1
    done
    reopen "$1"
    better "${least:-999999}" "$seconds" && least=$seconds
  done
}

start_cluster --nodes 2
node=$(grep -o '{"role":"datanode"[^}]*}' "$work/ready" | head -n 1)
datanode=$(number pid <<< "$node")
command=$(number command <<< "$node")
echo "$chunks chunks of 4 KiB ..." >&2
bench put --size 4KiB --count "$chunks" --concurrency 64 --prefix bigfs:/small --warm-up 0 > /dev/null || fail "the chunks could not be written"
row "resident while $chunks chunks came, at most" "$(memory VmHWM)" MiB 300
best TERM
row "serves again after a clean stop" "$least" s 1
row "resident then" "$(memory VmRSS)" MiB 300
best KILL
row "serves again after a kill" "$least" s 10
row "resident then, at most" "$(memory VmHWM)" MiB 300
json=$(bench put --size "$size" --count 1 --prefix bigfs:/large) || fail "the large file could not be written"
row "the client over its idle size, a file of $size going up (8 MiB x 4)" \
  "$(awk -v peak="$(number clientPeakMebibytes <<< "$json")" -v idle="$(number clientIdleMebibytes <<< "$json")" 'BEGIN { print peak - idle }')" MiB 96
