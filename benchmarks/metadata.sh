#!/usr/bin/env bash
# Names beside what SQLite itself can do with the same rows, in two tables. In process: the store as a library, with its own
# reference (BigFs.Benchmarks metadata). Over gRPC: `bigfs bench create | stat | list | delete` against a cluster of processes
# (one of each role), straight at the metadata server (streamed and unary) and through a file server, in turns with a
# reference that writes the rows by hand on one connection with the same durability and as many creates a transaction as
# there are callers; best of N rounds against best of N rounds. Only the ratios within one run mean anything.
#
#   benchmarks/metadata.sh [--bigfs PATH] [--benchmarks PATH] [--count 100000] [--large 1000000] [--rounds 3] [--growth N]
#                          [--only process|grpc] [--quick] [--dir DIR]
#
#   --bigfs PATH       the program or its bigfs.dll; default this clone's, published as it ships
#   --benchmarks PATH  BigFs.Benchmarks.dll, which has the reference and the store in process; default the Release build of this clone
#   --count N          names of a row; default 100000
#   --large N          names of the directory whose first page is timed; default 1000000
#   --rounds N         rounds, each on a fresh cluster; default 3
#   --growth N         also how the store fares with N entries beside 100,000
#   --only TABLE       one table: process or grpc
#   --quick            one round with few names: a look, not a measurement
#   --dir DIR          where the data goes (a folder of its own is made there and removed); default ${TMPDIR:-/tmp}
set -uo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 LC_ALL=C

label=metadata
fail() { echo "$label.sh: $*" >&2; exit 2; }

bigfs='' benchmarks='' count=100000 large=1000000 rounds=3 growth='' only='' quick='' dir=${TMPDIR:-/tmp}
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=1; rounds=1; count=20000; large=50000 ;;
    --bigfs | --benchmarks | --count | --large | --rounds | --growth | --only | --dir)
      [ $# -ge 2 ] || fail "$1 needs a value"
      declare "${1#--}=$2"
      shift ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) fail "\"$1\" is no option here (--help shows them)" ;;
  esac
  shift
done
for number in "$count" "$large" "$rounds"; do
  [[ $number =~ ^[1-9][0-9]*$ ]] || fail "--count, --large and --rounds must be 1 or more"
done
[[ $growth =~ ^([1-9][0-9]*)?$ ]] || fail "--growth must be a number"
[[ $only =~ ^(process|grpc)?$ ]] || fail "--only must be process or grpc"

. "$here/benchmarks/cluster.sh"
: "${benchmarks:=$(built benchmarks/BigFs.Benchmarks benchmarks/BigFs.Benchmarks/bin/Release/net10.0/BigFs.Benchmarks.dll)}"
[ -e "$benchmarks" ] || fail "\"$benchmarks\" is not there"
# key | row | operation | callers | where and how | prefix | reference | bar: least a second, or "ms" and most milliseconds
# A row without a reference of its own has "-". Rows run in this order: a stat, list or delete uses what its prefix's create made.
rows=(
  "c64s|create, streamed|create|64|--at metadata-server|s|create|13000"
  "c64u|create, unary|create|64|--at metadata-server --unary|u|create|13000"
  "c16s|create, streamed|create|16|--at metadata-server|t|create|"
  "f64s|find, streamed|stat|64|--at metadata-server|s|find|40000"
  "f64u|find, unary|stat|64|--at metadata-server --unary|s|find|20000"
  "l1|list, one caller|list|1|--at metadata-server|s|list|200000"
  "l4|list, four callers|list|4|--at metadata-server|s|list|200000"
  "d64|delete, unary|delete|64|--at metadata-server --unary|u|-|"
  "cf|create, file server|create|64||f|create|"
  "ff|find, file server|stat|64||f|find|"
  "lf|list, file server|list|1||f|list|"
  "first|first page of $large entries|list|1|--at metadata-server|large|-|ms20"
)

declare -A ours p99 first cpu reference note

# measure KEY OPERATION CALLERS WAY PREFIX
measure() {
  local key=$1 json rate n=$count
  if [ "$5" = large ]; then
    n=$large
    bench create --at metadata-server --concurrency 256 --count "$n" --prefix bigfs:/bench/large --warm-up 0 > /dev/null \
      || { note[$key]='not measured'; return; }
  fi
  # shellcheck disable=SC2086 # The way is a list of words.
  json=$(bench "$2" $4 --concurrency "$3" --count "$n" --prefix "bigfs:/bench/$5") || { note[$key]='not measured'; return; }
  rate=$(number operationsPerSecond <<< "$json")
  if better "$rate" "${ours[$key]:-}"; then
    ours[$key]=$rate
    p99[$key]=$(number p99Milliseconds <<< "$json")
    first[$key]=$(number p50Milliseconds <<< "$json")
    cpu[$key]=$(number cpuMicrosecondsPerOperation <<< "$json")
  fi
}

# measure_reference CALLERS: what SQLite does by hand, once for each number of callers.
measure_reference() {
  local operation rate
  rm -rf "$work/reference" && mkdir "$work/reference"
  while read -r operation rate _; do
    better "$rate" "${reference[$operation-$1]:-}" && reference[$operation-$1]=$rate
  done < <(dotnet "$benchmarks" metadata-reference "$work/reference" "$count" "$1")
  rm -rf "$work/reference"
}

round() {
  local row key name operation callers way prefix ceiling bar callers_done=' '
  start_cluster --nodes 1
  for row in "${rows[@]}"; do
    IFS='|' read -r key name operation callers way prefix ceiling bar <<< "$row"
    echo "  $name, $callers" >&2
    measure "$key" "$operation" "$callers" "$way" "$prefix"
    if [ "$ceiling" != - ] && [[ $callers_done != *" $callers "* ]]; then
      callers_done="$callers_done$callers "
      measure_reference "$callers"
    fi
  done
  stop_cluster
}

# in_process: the first table, from the FIGURE lines that the benchmarks print.
in_process() {
  echo "In process: SQLite with a full flush before each answer; the reference writes the same rows on one connection."
  echo
  TMPDIR=$work dotnet "$benchmarks" metadata < /dev/null > "$work/process" 2>&1 || { cat "$work/process" >&2; echo "not measured"; }
  [ -z "$growth" ] || TMPDIR=$work dotnet "$benchmarks" metadata growth "$growth" < /dev/null >> "$work/process" 2>&1 \
    || { tail -n 5 "$work/process" >&2; echo "growth not measured"; }
  awk -F ': ' '/^FIGURE / {
      name = substr($1, 8); value = $2; number = value; gsub(/,/, "", number); number += 0; bar = ""
      if (name == "creates, 128 callers, of those by hand") bar = (number >= 0.8 ? "holds" : "below") ": >= 0.8"
      if (name ~ /^look-ups, one thread/) bar = (number >= 150000 ? "holds" : "below") ": >= 150,000"
      if (name == "listed entries, one thread") bar = (number >= 500000 ? "holds" : "below") ": >= 500,000"
      printf "%-52s %18s  %s\n", name, value, bar
    }' "$work/process"
  echo
}

[ "$only" = grpc ] || in_process
[ "$only" = process ] && exit 0
for ((i = 1; i <= rounds; i++)); do
  echo "round $i of $rounds" >&2
  round
done

echo "BigFS, every role a process, SQLite with a full flush (fdatasync) before each acknowledgement; client and servers on the"
echo "same $(nproc) cores, Linux $(uname -r); $count names a row; best of $rounds against best of $rounds${quick:+; quick: few names, no measurement}."
echo "The reference is SQLite by hand: one connection, the same flush, as many creates a transaction as callers."
echo
printf '%-6s %-32s %7s %11s %11s %6s %9s %11s  %s\n' key row callers ours/s reference ratio 'us each' p99 bar
for row in "${rows[@]}"; do
  IFS='|' read -r key name operation callers way prefix ceiling bar <<< "$row"
  awk -v key="$key" -v name="$name" -v callers="$callers" -v bar="$bar" -v note="${note[$key]:-}" \
    -v o="${ours[$key]:-}" -v t="${reference[$ceiling-$callers]:-}" -v us="${cpu[$key]:-}" -v p="${p99[$key]:-}" -v f="${first[$key]:-}" '
    function shown(value, format) { return value == "" ? "-" : sprintf(format, value) }
    BEGIN {
      ratio = o != "" && t > 0 ? o / t : ""
      verdict = note != "" ? note : o == "" ? "not measured" : ""
      if (verdict == "" && bar ~ /^ms/) { most = substr(bar, 3) + 0; verdict = (f <= most ? "holds" : "below") ": first entries in " f " ms, at most " most }
      else if (verdict == "" && bar != "") verdict = (o >= bar ? "holds" : "below") ": >= " bar
      printf "%-6s %-32s %7s %11s %11s %6s %9s %11s  %s\n", key, name, callers, shown(o, "%.0f"), shown(t, "%.0f"),
        shown(ratio, "%.2f"), shown(us, "%.1f"), shown(p, "%.2f ms"), verdict
    }'
done
exit 0
