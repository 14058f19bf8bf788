# shellcheck shell=bash
# Read by measurements: processor time of a program and all that it has started.

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
