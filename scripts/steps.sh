# shellcheck shell=bash
# Owns how a long job shows itself: which step runs, how long it took, where its log is. Sourced by the scripts here.

repository=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/..")
cache=${UNDERSTUDY_CACHE:-$HOME/.cache/understudy}
logs=$cache/logs
# shellcheck disable=SC2034  # for the scripts that source this
target=${CARGO_TARGET_DIR:-$repository/target}

# step NAME COMMAND…: runs the command with its output in a log of the step's name; a failure shows the log's end.
step() {
  local name=$1 log began=$SECONDS code=0
  shift
  log=$logs/${name//[^a-zA-Z0-9]/-}.log
  mkdir -p "$logs"
  printf '%-44s %s\n' "· $name" "$log"
  ("$@") </dev/null >"$log" 2>&1 || code=$? # in a subshell, so that a trap of the script does not write to the log
  if [ "$code" = 0 ]; then
    printf '%-44s %s\n' "✓ $name" "$((SECONDS - began)) s"
  else
    printf '%-44s %s\n' "✗ $name" "code $code after $((SECONDS - began)) s; the end of its log:"
    tail -n 40 "$log" | sed 's/^/    /'
  fi
  return "$code"
}
