"""Invites a session to a stage over HTTP, again and again, and tells how long each step took: a row for a table of p50 and p95, in
milliseconds from the invitation to the connection, and to the first report that what is sent arrives (receivers report when they
like: aiortc each half to one and a half seconds)."""

import argparse
import json
import statistics
import sys
import time
import urllib.error
import urllib.request

STEPS = ("Connected", "Published")
LOOK = 0.005
PATIENCE = 30.0


def ask(port, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            text = answer.read()
    except urllib.error.HTTPError as refusal:
        sys.exit(f"{path} was answered {refusal.code}: {refusal.read().decode()}")
    return json.loads(text) if text else None


def until(what, found):
    began = time.monotonic()
    while True:
        try:
            result = found()
        except (urllib.error.URLError, ConnectionError):
            result = None
        if result:
            return result
        if time.monotonic() - began > PATIENCE:
            sys.exit(f"not {what} within {PATIENCE} s")
        time.sleep(LOOK)


def is_true(report, condition):
    said = (report.get("invitation") or {}).get("conditions") or []
    return any(one["type"] == condition and one["status"] == "True" for one in said)


def join(arguments, number):
    """Seconds to each step."""
    stage = {"whip": {"url": arguments.stage, "token": arguments.token}}
    began = time.monotonic()
    ask(arguments.port, "/stage/invite", {"id": f"show-{began:.6f}-{number}", "stage": stage})
    took = {}
    while len(took) < len(STEPS):
        report = until("told of", lambda: ask(arguments.port, "/status"))
        for step in STEPS:
            if step not in took and is_true(report, step):
                took[step] = time.monotonic() - began
        if time.monotonic() - began > PATIENCE:
            sys.exit(f"it stays {report}")
        time.sleep(LOOK)
    return took


def leave(arguments):
    report = ask(arguments.port, "/status")
    ask(arguments.port, "/stage/kick", {"id": report["invitation"]["id"]})
    until("away", lambda: not is_true(ask(arguments.port, "/status"), "Connected"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--stay", action="store_true")
    parser.add_argument("--raw", help="a row for each, in milliseconds")
    arguments = parser.parse_args()
    until("there", lambda: ask(arguments.port, "/status"))
    rows = []
    for number in range(arguments.times):
        rows.append(join(arguments, number))
        if not arguments.stay:
            time.sleep(1)
            leave(arguments)
    if arguments.raw:
        with open(arguments.raw, "w", encoding="utf-8") as file:
            print(",".join(STEPS), file=file)
            for row in rows:
                print(",".join(f"{row[step] * 1000:.0f}" for step in STEPS), file=file)
    cells = []
    for step in STEPS:
        times = sorted(row[step] * 1000 for row in rows)
        cells.append(f"{statistics.median(times):.0f} / {times[int(0.95 * (len(times) - 1))]:.0f}")
    print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
