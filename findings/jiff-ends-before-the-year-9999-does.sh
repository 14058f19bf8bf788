#!/usr/bin/env bash
# jiff 0.2.43 (a Rust crate), which k8s-openapi has for the times of objects.
#
# One would expect: 9999-12-31T23:59:59Z, the last second that RFC 3339 can write and that people mean by "never", is read as any
# other time is: the API server lets it into a field of format date-time.
# What happens: it is refused, and with it the whole object; the last second is 9999-12-30T22:00:00Z.
#
# Seen on 2026-11-30: 9999-12-30T22:00:00Z is read, 9999-12-30T22:00:01Z and 9999-12-31T23:59:59Z are refused
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

rust last-second 'jiff = "=0.2.43"' <<'RUST'
use jiff::Timestamp;

fn main() {
    for text in ["9999-12-30T22:00:00Z", "9999-12-30T22:00:01Z", "9999-12-31T23:59:59Z"] {
        let read = text.parse::<Timestamp>();
        println!("{text} {}", if read.is_ok() { "is read" } else { "is refused" });
    }
}
RUST
mapfile -t seen < <(./last-second)
sees "the last second that there is" "9999-12-30T22:00:00Z is read" "${seen[0]}"
sees "the one after it" "9999-12-30T22:00:01Z is refused" "${seen[1]}"
sees "what people mean by never" "9999-12-31T23:59:59Z is refused" "${seen[2]}"
