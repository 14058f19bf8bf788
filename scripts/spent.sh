# shellcheck shell=bash
# Read by measurements: whether a session is ready, what it holds, and processor time of a program and all that it has started.

# As in the image, where memory is given back and does not lie about in the arenas of many threads.
export MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072

# ready WHAT PID PORT LOG SECONDS: waits until the session whose health is told there is ready; fails, with the end of its log, if it
# ends before or is late.
ready() {
  local left=$5
  until curl -fs -o /dev/null "http://127.0.0.1:$3/readyz"; do
    kill -0 "$2" 2>/dev/null || { echo "$1 ended:" && tail -n 20 "$4" && return 1; } >&2
    left=$((left - 1))
    [ "$left" -gt 0 ] || { echo "$1 is not ready within $5 s:" && tail -n 20 "$4" && return 1; } >&2
    sleep 1
  done
}

# Of a process that may be gone: its memory in KiB, its descriptors and its threads.
resident() { awk '/^VmRSS:/ { print $2 }' "/proc/$1/status" 2>/dev/null; }
descriptors() { find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l; }
threads() { find "/proc/$1/task" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l; }

# spent PID: what each program at or below it has used, in ticks (proc_pid_stat(5), utime and stime).
spent() {
  cat /proc/[0-9]*/stat 2>/dev/null | awk -v root="$1" '
    {
      match($0, /\(.*\)/)
      name[$1] = substr($0, RSTART + 1, RLENGTH - 2)
      split(substr($0, RSTART + RLENGTH + 1), field, " ")
      parent[$1] = field[2]
      ticks[$1] = field[12] + field[13]
    }
    END {
      for (process in parent) {
        above = process
        while (above > 1 && above != root) above = parent[above]
        if (above == root) sum[name[process]] += ticks[process]
      }
      for (program in sum) { gsub(" ", "-", program); print program, sum[program] }
    }' | sort
}

# cores PID SECONDS: what they use from now on for so long, of one core: "ALL | PROGRAM CORES; …".
cores() {
  local before after
  before=$(spent "$1")
  sleep "$2"
  after=$(spent "$1")
  join -a 2 -o 0,1.2,2.2 -e 0 <(echo "$before") <(echo "$after") |
    awk -v seconds="$2" -v hz="$(getconf CLK_TCK)" '
      { cores = ($3 - $2) / hz / seconds; all += cores; if (cores >= 0.001) parts = parts sprintf("%s %.3f; ", $1, cores) }
      END { sub(/; $/, "", parts); printf "%.3f | %s\n", all, parts }'
}
