#!/usr/bin/env bash
# PulseAudio 16.1 (Debian 12). A null sink on which nothing plays, and readers of its monitor.
#
# One would expect: a reader that asks for 20 ms gets its first sound within a few tens of milliseconds, as every 20 ms later.
# What happens: the first one comes when a block of two seconds is over that the sink had begun before anybody asked. A
# reader that asks for nothing gets lumps of two seconds for good, until another one asks for less: then both get little ones.
#
# Seen on 2026-11-28 (first sound after, longest time between two):
#   no latency asked for: 2.01 s, 2.00 s
#   20 ms asked for: 1.99 s, 0.02 s
#   no latency asked for, beside one with 20 ms: 0.01 s, 0.02 s
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

needs pulseaudio pulseaudio
needs parec pulseaudio-utils
needs python3 python3
version PulseAudio '16.*' "$(pulseaudio --version | sed 's/^pulseaudio //')"

export PULSE_RUNTIME_PATH=$work/run HOME=$work PULSE_SERVER=unix:$work/socket
start pulseaudio -n --daemonize=no --exit-idle-time=-1 \
  -L "module-native-protocol-unix socket=$work/socket auth-anonymous=1" -L "module-null-sink sink_name=quiet" 2>log
until_true 10 pactl info >server

cat >reader.py <<'PYTHON'
"""reader.py SECONDS [PAREC'S OPTIONS…]: when the first sound came, and the longest time between two."""
import os, subprocess, sys, time
reader = subprocess.Popen(
    ["parec", "--raw", "--device=quiet.monitor", "--rate=48000", "--channels=2", "--format=s16le", *sys.argv[2:]],
    stdout=subprocess.PIPE,
)
began, came = time.monotonic(), []
while not came or came[-1] < float(sys.argv[1]):
    os.read(reader.stdout.fileno(), 1 << 16)
    came.append(time.monotonic() - began)
reader.terminate()
reader.wait()
gaps = [later - earlier for earlier, later in zip(came, came[1:])]
print(f"first {'late' if came[0] > 0.5 else 'soon'}, then {'seldom' if max(gaps) > 1 else 'often'}")
print(f"first after {came[0]:.2f} s, longest time between two {max(gaps):.2f} s", file=sys.stderr)
PYTHON

sees "no latency asked for" 'first late, then seldom' "$(python3 reader.py 6)"
sees "20 ms asked for" 'first late, then often' "$(python3 reader.py 4 --latency-msec=20)"
start python3 reader.py 6 --latency-msec=20 >beside 2>/dev/null
beside=$!
until_true 10 sh -c 'pactl list short source-outputs | grep -q .'
sleep 3
sees "no latency asked for, beside one with 20 ms" 'first soon, then often' "$(python3 reader.py 2)"
wait "$beside"
