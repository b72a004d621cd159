#!/usr/bin/env bash
# Files through a gateway beside the direct way, in one table: `bigfs bench put | get` against a cluster of processes (one of each
# role, two file servers, three datanodes, two replicas, flushed), in turns straight at the datanodes, through the gateway as gRPC
# streams (the SDK), and through it by plain HTTP/1.1 (HttpClient); the median of N rounds against the median of N rounds. A get
# reads the files over and over, for some seconds. Then the gateway's resident memory after each round, and whether it has stopped
# growing. Only the ratios within one run mean anything. The client of HTTP runs with the program's own settings of the runtime.
#
#   benchmarks/gateway.sh [--bigfs PATH] [--benchmarks PATH] [--size 64MiB] [--count 16] [--callers 1] [--rounds 3] [--quick] [--dir DIR]
#
#   --bigfs PATH       the program or its bigfs.dll; default this clone's, published as it ships
#   --benchmarks PATH  BigFs.Benchmarks.dll, which has the client of HTTP; default the Release build of this clone
#   --size SIZE        of each file, in MiB; default 64MiB
#   --count N          files of a row; default 16
#   --callers N        files under way at once; default 1
#   --rounds N         rounds on one cluster; default 3; from 6 on there is a word about the memory
#   --quick            one round with few files: a look, not a measurement
#   --dir DIR          where the data goes (a folder of its own is made there and removed); default ${TMPDIR:-/tmp}
set -uo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 LC_ALL=C

label=gateway
fail() { echo "$label.sh: $*" >&2; exit 2; }

bigfs='' benchmarks='' size=64MiB count=16 callers=1 rounds=3 quick='' dir=${TMPDIR:-/tmp}
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=1; rounds=1; count=4 ;;
    --bigfs | --benchmarks | --size | --count | --callers | --rounds | --dir)
      [ $# -ge 2 ] || fail "$1 needs a value"
      declare "${1#--}=$2"
      shift ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) fail "\"$1\" is no option here (--help shows them)" ;;
  esac
  shift
done
for number in "$count" "$callers" "$rounds"; do
  [[ $number =~ ^[1-9][0-9]*$ ]] || fail "--count, --callers and --rounds must be 1 or more"
done
[[ $size =~ ^([1-9][0-9]*)MiB$ ]] || fail "--size must be in MiB, for example 64MiB"
bytes=$((BASH_REMATCH[1] << 20))

. "$here/benchmarks/cluster.sh"
: "${benchmarks:=$(built benchmarks/BigFs.Benchmarks benchmarks/BigFs.Benchmarks/bin/Release/net10.0/BigFs.Benchmarks.dll)}"
[ -e "$benchmarks" ] || fail "\"$benchmarks\" is not there"
# key | row | way | operation | bar: least ratio to the direct row
rows=(
  "dp|put, direct|direct|put|"
  "gp|put, gRPC through the gateway|grpc|put|0.4"
  "hp|put, HTTP through the gateway|http|put|0.5"
  "dg|get, direct|direct|get|"
  "gg|get, gRPC through the gateway|grpc|get|0.25"
  "hg|get, HTTP through the gateway|http|get|0.5"
)

# Bytes of a row of gets, in GiB: three seconds and more of each way on a small machine.
declare -A gets=([direct]=16 [grpc]=5 [http]=10)
[ -z "$quick" ] || gets=([direct]=1 [grpc]=1 [http]=1)

declare -A rates note
memory=() after=()
warm=$([ -n "$quick" ] && echo 1 || echo 3)

# resident: the gateway's memory now, in MiB.
resident() { awk '/^VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$gateway/status"; }

# median KEY: of the row's rounds.
median() { tr ' ' '\n' <<< "${rates[$1]:-}" | grep . | sort -g | awk '{ all[NR] = $1 } END { if (NR) print (all[int((NR + 1) / 2)] + all[int(NR / 2) + 1]) / 2 }'; }

# measure KEY WAY OPERATION
measure() {
  local key=$1 json rate endpoint=$direct passes=1 before=$warm
  [ "$3" = put ] || passes=$(((gets[$2] << 30) / (bytes * count) + 1))

  # Servers are warm after the first round, and what a put before the put leaves takes disk until it is collected.
  [ "$3" = get ] || [ -z "${rates[$key]:-}" ] || before=0
  if [ "$2" = http ]; then
    rate=$(dotnet "$benchmarks" http "$3" "http://$door/v1/files/bench/http/" "$bytes" "$count" "$callers" "$before" "$passes" 2> "$work/bench.log") \
      || { head -n 2 "$work/bench.log" >&2; note[$key]='not measured'; return; }
    rate=$(sed -nE 's|.* ([0-9.]+) MB/s|\1|p' <<< "$rate")
  else
    [ "$2" = direct ] || endpoint=http://$door
    local arguments=("$3" --count "$count" --concurrency "$callers" --prefix "bigfs:/bench/$2" --warm-up "$before")
    [ "$3" = get ] && arguments+=(--passes "$passes") || arguments+=(--size "$size")
    json=$("${program[@]}" bench "${arguments[@]}" --endpoint "$endpoint" --json --quiet 2> "$work/bench.log") \
      || { head -n 2 "$work/bench.log" >&2; note[$key]='not measured'; return; }
    rate=$(number megabytesPerSecond <<< "$json")
  fi
  rates[$key]+=" $rate"
}

start_cluster --nodes 3 --file-servers 2 --gateway
direct=$BIGFS_ENDPOINT
role=$(grep -o '{"role":"gateway"[^}]*}' "$work/ready")
door=$(number endpoint <<< "$role")
gateway=$(number pid <<< "$role")
[ -n "$door" ] && [ -n "$gateway" ] || fail "the gateway did not start"
memory+=("started: $(resident) MiB")
for ((i = 1; i <= rounds; i++)); do
  echo "round $i of $rounds" >&2
  for row in "${rows[@]}"; do
    IFS='|' read -r key name way operation _ <<< "$row"
    echo "  $name" >&2
    measure "$key" "$way" "$operation"
  done
  after+=("$(resident)")
  memory+=("after round $i: ${after[-1]} MiB")
done

echo "BigFS, every role a process, 2 replicas, flushed (fdatasync) before each acknowledgement; client and servers on the same"
echo "$(nproc) cores, Linux $(uname -r); $count files of $size a row, $callers at once; median of $rounds${quick:+; quick: few files, no measurement}."
echo
printf '%-4s %-32s %12s %6s  %s\n' key row ours ratio bar
for row in "${rows[@]}"; do
  IFS='|' read -r key name _ operation bar <<< "$row"
  awk -v key="$key" -v name="$name" -v bar="$bar" -v note="${note[$key]:-}" -v o="$(median "$key")" -v t="$(median "d${operation:0:1}")" '
    function shown(value, format) { return value == "" ? "-" : sprintf(format, value) }
    BEGIN {
      ratio = o != "" && t > 0 ? o / t : ""
      verdict = note != "" ? note : o == "" ? "not measured" : bar == "" ? "" : t == "" ? "no reference" : (ratio >= bar ? "holds" : "below") ": >= " bar
      printf "%-4s %-32s %12s %6s  %s\n", key, name, shown(o, "%.0f MB/s"), shown(ratio, "%.2f"), verdict
    }'
done
echo
printf "the gateway's resident memory, %s\n" "${memory[@]}"
# The first round warms up. What grows with what goes through would grow in the later half of the others, too.
if [ "$rounds" -ge 6 ]; then
  printf '%s\n' "${after[@]:1}" | awk '
    { all[NR] = $1 }
    END {
      for (i = 1; i <= NR; i++) { half = i <= NR / 2; if (half && all[i] > first) first = all[i]; if (!half && all[i] > last) last = all[i] }
      printf "%s: at most %d MiB in the rounds from 2 to %d, at most %d MiB in those after them\n", last <= first * 1.05 ? "flat" : "it grows", first, int(NR / 2) + 1, last
    }'
fi
