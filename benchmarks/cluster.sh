# What the benchmarks beside it share; sourced, not run. Who sources it has set $here (the clone), $dir (where data goes), $bigfs
# (the program, its bigfs.dll, or empty for the one that is made here as it is shipped) and a name for its folder in $label.


# built PROJECT DLL: the Release build of a project of this clone.
built() {
  [ -e "$here/$2" ] || dotnet build "$here/$1" -c Release >&2 || fail "the build of $1 failed"
  echo "$here/$2"
}

[ -d "$dir" ] || fail "\"$dir\" is no folder"
if [ -z "$bigfs" ]; then
  # What is measured is what ships: with its runtime, compiled ahead. A minute or two when something has changed.
  dotnet publish "$here/src/BigFs.Cli" -p:PublishProfile=server -v quiet >&2 || fail "the program could not be published"
  bigfs=$here/artifacts/server/bigfs
fi
[ -e "$bigfs" ] || fail "\"$bigfs\" is not there"
case $bigfs in
  *.dll) program=(dotnet "$bigfs") ;;
  *) program=("$bigfs") ;;
esac

work=$(mktemp -d "$dir/bigfs-$label.XXXXXX") || exit 1
dev=''
trap 'stop_cluster; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# start_cluster ARGUMENT...: `bigfs dev --processes` on the folder $work/data, as it is; BIGFS_ENDPOINT leads to it, $work/ready has
# its lines, $dev its process.
start_cluster() {
  local i endpoint
  "${program[@]}" dev --processes --data "$work/data" --port 0 --json "$@" > "$work/ready" 2> "$work/dev.log" &
  dev=$!
  for ((i = 0; i < 600; i++)); do
    grep -q '"ready":true' "$work/ready" && break
    kill -0 "$dev" 2> /dev/null || break
    sleep 0.1
  done
  endpoint=$(grep -o '"endpoint":"bigfs:[^"]*"' "$work/ready" | head -n 1 | number endpoint)
  [ -n "$endpoint" ] || { cat "$work/dev.log" >&2; fail "the cluster did not start"; }
  export BIGFS_ENDPOINT=$endpoint
}

# end_cluster [SIGNAL]: ends it and keeps its data.
end_cluster() {
  [ -z "$dev" ] || { kill "-${1:-TERM}" "$dev" 2> /dev/null; wait "$dev" 2> /dev/null; }
  dev=''
}

stop_cluster() {
  end_cluster
  rm -rf "$work/data"
}

# bench ARGUMENTS...: one measurement as JSON; says why there is none.
bench() { "${program[@]}" bench "$@" --json --quiet 2> "$work/bench.log" || { head -n 2 "$work/bench.log" >&2; return 1; }; }

# number NAME: the value of a property, from JSON on one line.
number() { sed -nE "s/.*\"$1\":\"?([^,\"}]*).*/\1/p"; }

# better NEW OLD: whether a figure is larger than the one so far, if any.
better() { [ -z "$2" ] || awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }
