# shellcheck shell=bash
# Owns how a long job shows itself: which step runs, how long it took, where its log is, which of its tests ended how. The
# same stands in logs/summary.jsonl, one JSON object a line, for programs. Sourced by the scripts here.

repository=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/..")
cache=${UNDERSTUDY_CACHE:-$HOME/.cache/understudy}
logs=$cache/logs
# shellcheck disable=SC2034  # for the scripts that source this
target=${CARGO_TARGET_DIR:-$repository/target}
# Where scripts/build leaves the programs. Cargo calls the folder of its profile dev otherwise.
# shellcheck disable=SC2034
case ${PROFILE:=release} in dev) built=$target/debug ;; *) built=$target/$PROFILE ;; esac
export PROFILE

log_of() { echo "$logs/${1//[^a-zA-Z0-9]/-}.log"; }

# step NAME COMMAND…: runs the command with its output in a log of the step's name; a failure shows the log's end.
step() {
  local name=$1 log began=$SECONDS code=0
  shift
  log=$(log_of "$name")
  mkdir -p "$logs"
  printf '%-44s %s\n' "· $name" "$log"
  ("$@") </dev/null >"$log" 2>&1 || code=$? # in a subshell, so that a trap of the script does not write to the log
  tell_end "$name" "$code" $((SECONDS - began)) "$log"
  return "$code"
}

# The same for a step that tells of itself: each test, and each program that is built, in the moment in which it ends.
step_told() {
  local name=$1 log began=$SECONDS code=0 runs follower
  shift
  log=$(log_of "$name")
  mkdir -p "$logs"
  printf '%-44s %s\n' "· $name" "$log"
  : >"$log"
  # The follower reads the log to its end when this one is gone, and this one goes with the script, however that ends.
  tail --pid $$ -f /dev/null &
  runs=$!
  tail --pid "$runs" -n +1 -f "$log" 2>/dev/null | tell_along "$name" &
  follower=$!
  ("$@") </dev/null >"$log" 2>&1 || code=$?
  kill "$runs"
  wait "$runs" "$follower" 2>/dev/null || true
  tell_end "$name" "$code" $((SECONDS - began)) "$log"
  return "$code"
}

tell_end() {
  local name=$1 code=$2 took=$3 log=$4
  note step "$name" code "$code" seconds "$took" log "$log"
  if [ "$code" = 0 ]; then
    printf '%-44s %s\n' "✓ $name" "$took s"
  else
    printf '%-44s %s\n' "✗ $name" "code $code after $took s; what panicked, and the end of its log:"
    { grep -A 3 'panicked at' "$log" | head -n 40; tail -n 30 "$log"; } | sed 's/^/    /'
  fi
}

# in_group COMMAND…: in the background, in a process group of its own: `kill -- -$!` ends all that it started. By itself a
# shell's background neither hears Ctrl-C nor takes its children along.
in_group() {
  set -m
  "$@" </dev/null &
  set +m
}

# A line for each test that ended, from what cargo and its tests print, and those that e2e/cluster/binaries tells. A test's
# seconds are those since the test before it: its own where one runs at a time. What a test prints itself comes before its
# result, on the same line and on more.
tell_along() {
  local name=$1 line program='' test='' before=$SECONDS
  while IFS= read -r line; do
    if [[ $line =~ ^\ +Running\ (.+)\ \((.*)\)$ ]]; then
      program=${BASH_REMATCH[1]}
      before=$SECONDS
    elif [[ $line =~ ^test\ ([^ ]+)\ \.\.\.\ (.*)$ ]]; then
      test=${BASH_REMATCH[1]}
      line=${BASH_REMATCH[2]}
    elif [[ $line =~ ^[0-9]+\ of\ [0-9]+\ are\ built ]]; then
      printf '  %s\n' "$line"
    fi
    if [ -n "$test" ] && [[ $line =~ ^(ok|FAILED)$ ]]; then
      tell_test "$name" "$program" "$test" "$line" $((SECONDS - before))
      test=''
      before=$SECONDS
    fi
  done
}
tell_test() {
  local word=✗
  if [ "$4" = ok ]; then word=✓; fi
  printf '  %s %s\n' "$word" "$3"
  note step "$1" program "$2" test "$3" result "$4" seconds "$5"
}

# note KEY VALUE…: a line of the summary. Numbers stay numbers.
note() {
  local object='' key value
  while [ $# -gt 1 ]; do
    key=$1 value=$2
    shift 2
    if ! [[ $value =~ ^[0-9]+$ ]]; then
      value=${value//\\/\\\\}
      value=\"${value//\"/\\\"}\"
    fi
    object+="${object:+, }\"$key\": $value"
  done
  echo "{$object}" >>"$logs/summary.jsonl"
}

# A job with many steps begins with an empty summary.
begin_summary() { mkdir -p "$logs" && : >"$logs/summary.jsonl"; }
