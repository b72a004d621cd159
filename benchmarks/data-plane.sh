#!/usr/bin/env bash
# The data plane beside what this machine can do at all: `bigfs bench` against a cluster of processes (one name server,
# metadata server, node manager, file server and two datanodes; two replicas, everything flushed), in turns with a
# reference program, best of N rounds against best of N rounds. Only the ratios within one run mean anything: machines
# differ, and differ from day to day.
#
#   benchmarks/data-plane.sh [--rawlimit PATH] [--bigfs PATH] [--rounds 3] [--quick] [--dir DIR] [--rows LIST]
#
#   --rawlimit PATH  the reference: a program that is run as
#                      PATH put|get SIZE_BYTES COUNT STREAMS direct|buffered sync|nosync EMPTY_DIR
#                    sends COUNT records of SIZE over STREAMS loopback connections to one node that passes them on to a
#                    second one, written and (sync) flushed on both, or reads them back, and prints a line with
#                      ... N MB/s N op/s cpu N s/GB N us/op
#                    Without it there are no ceilings and no ratios.
#   --bigfs PATH     the program or its bigfs.dll; default this clone's, published as it ships
#   --rounds N       rounds, each on a fresh cluster; default 3
#   --quick          one round with fewer files: a look, not a measurement
#   --dir DIR        where the data goes (a folder of its own is made there and removed); default ${TMPDIR:-/tmp}
#   --rows LIST      only these rows, by the keys in the table's first column, separated by commas
set -uo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 LC_ALL=C

label=data-plane
fail() { echo "$label.sh: $*" >&2; exit 2; }

raw='' bigfs='' rounds=3 quick='' dir=${TMPDIR:-/tmp} only=''
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=1; rounds=1 ;;
    --rawlimit | --bigfs | --rounds | --dir | --rows)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case $1 in
        --rawlimit) raw=$2 ;;
        --bigfs) bigfs=$2 ;;
        --rounds) rounds=$2 ;;
        --dir) dir=$2 ;;
        --rows) only=,$2, ;;
      esac
      shift ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) fail "\"$1\" is no option here (--help shows them)" ;;
  esac
  shift
done
[[ $rounds =~ ^[1-9][0-9]*$ ]] || fail "--rounds must be 1 or more"
[ -z "$raw" ] || [ -x "$raw" ] || fail "\"$raw\" is no program"
. "$here/benchmarks/cluster.sh"

# pick FULL QUICK: a count by mode.
pick() { [ -n "$quick" ] && echo "$2" || echo "$1"; }

MiB=$((1 << 20))
# key | row | operation | bytes | files | callers | unit | ceiling: operation bytes records streams mode sync | least
# ratio | most cpu: "FACTOR" of the ceiling's s/GB + 0.3, or "usN" for N us a file | p99 below, ms | prefix
# A ceiling "=KEY" is that of the other row; of several streams the better counts. A get reads what its prefix's put left.
rows=(
  "p518|put 518 MiB, 1 caller|put|$((518 * MiB))|$(pick 3 1)|1|MB/s|put $((8 * MiB)) $(pick 192 64) 1,4 direct sync|0.8|1.5||p518"
  "p5x512|put 5 x 512 MiB, 5 callers|put|$((512 * MiB))|5|5|MB/s|put $((8 * MiB)) $(pick 320 128) 1,4 direct sync|0.8|1.5||p5x512"
  "g518|get 518 MiB, 1 caller, cached|get|$((518 * MiB))|$(pick 3 1)|1|MB/s|get $((518 * MiB)) $(pick 4 2) 1 buffered nosync|0.5|1.3||p518"
  "g5x512|get 5 x 512 MiB, 5 callers, cached|get|$((512 * MiB))|5|5|MB/s|get $((512 * MiB)) 5 5 buffered nosync|0.6|1.3||p5x512"
  "p512k-1|put 512 KiB, 1 caller|put|$((MiB / 2))|$(pick 1000 200)|1|files/s|put $((MiB / 2)) $(pick 1000 200) 1 direct sync|0.5|||p512k-1"
  "p512k-4|put 512 KiB, 4 callers|put|$((MiB / 2))|$(pick 2000 400)|4|files/s|put $((MiB / 2)) $(pick 2000 400) 4 direct sync|0.7|||p512k-4"
  "p4k-16|put 4 KiB, 16 callers|put|4096|$(pick 20000 2000)|16|files/s|put 4096 $(pick 20000 8000) 16 direct sync|0.6||10|p4k-16"
  "p4k-64|put 4 KiB, 64 callers|put|4096|$(pick 20000 3000)|64|files/s|=p4k-16|0.8|us200||p4k-64"
  "i4k-64|put 4 KiB inline, 64 callers|inline|4096|$(pick 20000 3000)|64|files/s|=p4k-16|1.2|||i4k-64"
  "g512k|get 512 KiB, 1 caller|get|$((MiB / 2))|$(pick 1000 200)|1|files/s|get $((MiB / 2)) $(pick 4000 2000) 1 buffered nosync|0.4|||p512k-1"
  "g4k-16|get 4 KiB, 16 callers|get|4096|$(pick 20000 2000)|16|files/s|get 4096 $(pick 160000 80000) 16 buffered nosync|0.2|||p4k-16"
)

declare -A ours ours_cpu ours_us ours_p99 top top_cpu top_us note

# wanted KEY: a row is run when it was asked for, or a get that was asked for reads what it wrote.
wanted() {
  local row key ceiling prefix
  [ -z "$only" ] && return 0
  [[ $only == *",$1,"* ]] && return 0
  for row in "${rows[@]}"; do
    IFS='|' read -r key _ _ _ _ _ _ ceiling _ _ _ prefix <<< "$row"
    [[ $only == *",$key,"* ]] && { [ "$prefix" = "$1" ] || [ "$ceiling" = "=$1" ]; } && return 0
  done
  return 1
}

# measure_ours KEY OPERATION BYTES FILES CALLERS PREFIX
measure_ours() {
  # Each client compiles itself, too.
  local key=$1 json rate common=(--count "$4" --concurrency "$5" --prefix "bigfs:/bench/$6" --warm-up "$(pick 4 1)")
  case $2 in
    put) json=$(bench put --size "$3" "${common[@]}") ;;
    inline) json=$(bench put --inline --size "$3" "${common[@]}") ;;
    # Once through before, so that what is measured is cached.
    get) bench get "${common[@]}" > /dev/null && json=$(bench get "${common[@]}") ;;
  esac || { note[$key]='not measured'; return; }
  if [ "$2" != get ] && [ "$(number durability <<< "$json")" != flushed ]; then
    note[$key]='not flushed'
    return
  fi
  rate=$(number "$([ "$7" = MB/s ] && echo megabytesPerSecond || echo operationsPerSecond)" <<< "$json")
  if better "$rate" "${ours[$key]:-}"; then
    ours[$key]=$rate
    ours_cpu[$key]=$(number cpuSecondsPerGigabyte <<< "$json")
    ours_us[$key]=$(number cpuMicrosecondsPerOperation <<< "$json")
    ours_p99[$key]=$(number p99Milliseconds <<< "$json")
  fi
}

# measure_ceiling KEY UNIT OPERATION BYTES RECORDS STREAMS[,STREAMS] MODE SYNC
measure_ceiling() {
  local key=$1 unit=$2 streams line rate
  for streams in ${6//,/ }; do
    rm -rf "$work/raw" && mkdir "$work/raw"
    line=$(cd "$work/raw" && "$raw" "$3" "$4" "$5" "$streams" "$7" "$8" "$work/raw") \
      || { echo "data-plane.sh: the reference failed: $3 $4 $5 $streams $7 $8" >&2; continue; }
    rate=$(sed -nE "s|.* ([0-9.]+) $([ "$unit" = MB/s ] && echo MB/s || echo op/s).*|\1|p" <<< "$line")
    if [ -n "$rate" ] && better "$rate" "${top[$key]:-}"; then
      top[$key]=$rate
      top_cpu[$key]=$(sed -nE 's|.* cpu ([0-9.]+) s/GB.*|\1|p' <<< "$line")
      top_us[$key]=$(sed -nE 's|.* ([0-9.]+) us/op.*|\1|p' <<< "$line")
    fi
  done
  rm -rf "$work/raw"
}

round() {
  local row key name operation bytes files callers unit ceiling prefix free
  free=$(df -Pk "$dir" | awk 'NR == 2 { print int($4 / 1024 / 1024) }')
  [ "$free" -ge 40 ] || fail "$dir has $free GiB free; a round wants 40"
  start_cluster --nodes 2
  grep -q '"replicas":2' "$work/ready" || fail "the cluster does not keep two replicas"

  # Servers that have just started spend a good part of the processor on compiling what is used most: that is not measured.
  [ -n "$quick" ] || bench put --size 512MiB --count 1 --prefix bigfs:/bench/start --warm-up 15 > /dev/null
  for row in "${rows[@]}"; do
    IFS='|' read -r key name operation bytes files callers unit ceiling _ _ _ prefix <<< "$row"
    wanted "$key" || continue
    echo "  $name" >&2
    measure_ours "$key" "$operation" "$bytes" "$files" "$callers" "$prefix" "$unit"
    # shellcheck disable=SC2086 # The ceiling is a list of words.
    [ -z "$raw" ] || [[ $ceiling == =* ]] || measure_ceiling "$key" "$unit" $ceiling
  done
  stop_cluster
}

# print_row KEY NAME UNIT CEILING RATIO CPU P99: one line of the table, with what the bar says and whether it holds.
print_row() {
  local key=$1 from=$1
  [[ $4 == =* ]] && from=${4#=}
  awk -v key="$key" -v name="$2" -v unit="$3" -v least="$5" -v cpu="$6" -v p99="$7" -v note="${note[$key]:-}" \
    -v o="${ours[$key]:-}" -v o_cpu="${ours_cpu[$key]:-}" -v o_us="${ours_us[$key]:-}" -v o_p99="${ours_p99[$key]:-}" \
    -v t="${top[$from]:-}" -v t_cpu="${top_cpu[$from]:-}" -v t_us="${top_us[$from]:-}" '
    function shown(value, format) { return value == "" ? "-" : sprintf(format, value) }
    function judge(holds) { bad = bad || !holds }
    BEGIN {
      large = unit == "MB/s"
      ratio = o != "" && t > 0 ? o / t : ""
      bar = "ratio >= " least
      if (ratio != "") judge(ratio >= least)
      if (cpu ~ /^us/) {
        most = substr(cpu, 3) + 0
        bar = bar ", cpu <= " most " us"
        if (o_us != "") judge(o_us <= most)
      } else if (cpu != "") {
        most = t_cpu == "" ? "" : cpu * t_cpu + 0.3
        bar = bar ", cpu <= " (most == "" ? cpu " x + 0.3 s/GB" : sprintf("%.2f s/GB", most))
        if (most != "" && o_cpu != "") judge(o_cpu <= most)
      }
      if (p99 != "") {
        bar = bar ", p99 < " p99 " ms"
        if (o_p99 != "") judge(o_p99 < p99)
      }
      verdict = note != "" ? note : o == "" ? "not measured" : t == "" ? "no ceiling" : bad ? "below" : "holds"
      printf "%-8s %-35s %12s %12s %6s %12s %12s %10s  %s: %s\n", key, name,
        shown(o, large ? "%.0f" : "%.0f") " " unit, shown(t, "%.0f") " " unit, shown(ratio, "%.2f"),
        large ? shown(o_cpu, "%.2f s/GB") : shown(o_us, "%.0f us"), large ? shown(t_cpu, "%.2f s/GB") : shown(t_us, "%.0f us"),
        shown(o_p99, "%.2f ms"), verdict, bar
    }'
}

for ((i = 1; i <= rounds; i++)); do
  echo "round $i of $rounds" >&2
  round
done

echo "BigFS, every role a process, 2 replicas, flushed (fdatasync on each) before each acknowledgement; $(nproc) cores,"
echo "Linux $(uname -r); best of $rounds against best of $rounds$([ -n "$quick" ] && echo "; quick: few files, no measurement" || echo "; servers 15 s under load before")"
echo
printf '%-8s %-35s %12s %12s %6s %12s %12s %10s  %s\n' key row ours ceiling ratio 'cpu ours' 'cpu ceiling' p99 bar
for row in "${rows[@]}"; do
  IFS='|' read -r key name _ _ _ _ unit ceiling ratio cpu p99 _ <<< "$row"
  wanted "$key" && print_row "$key" "$name" "$unit" "$ceiling" "$ratio" "$cpu" "$p99"
done
exit 0
