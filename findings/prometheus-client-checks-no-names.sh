#!/usr/bin/env bash
# prometheus-client 0.25.2 (a Rust crate), the Rust client of the Prometheus project; the page that it writes is read by that
# project's own parser for Python, prometheus-client 0.26.0 (PyPI).
#
# One would expect: names are checked where they are registered, as the clients for Go, Java and Python do: a name that is
# taken is refused, and one that has its suffix already is not given it again.
# What happens: registration cannot fail. A name registered twice is written twice, and the parser refuses the whole page. A
# counter `requests_total` becomes `requests_total_total`, a gauge with its unit in its name has it twice, an info twice, and
# a help that ends with a full stop gets another one.
#
# Seen on 2026-11-28: requests_total_total 0, wait_seconds_seconds 0, build_info_info{version="1"} 1, "Wait..";
# the parser: the page with the name twice refused (metadata after samples), without it read
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

needs python3 python3
python prometheus-client==0.26.0
rust prometheus-names 'prometheus-client = "=0.25.2"' <<'RUST'
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge, info::Info};
use prometheus_client::registry::{Registry, Unit};

/// A page of metrics, the last of which is registered this many times.
fn page(times: usize) -> String {
    let mut registry = Registry::default();
    registry.register("requests_total", "Requests", Counter::<u64>::default());
    registry.register_with_unit("wait_seconds", "Wait.", Unit::Seconds, Gauge::<i64>::default());
    registry.register("build_info", "Build", Info::new(vec![("version", "1")]));
    for _ in 0..times {
        registry.register("open", "Open", Gauge::<i64>::default());
    }
    let mut page = String::new();
    encode(&mut page, &registry).unwrap();
    page
}

fn main() {
    std::fs::write("once", page(1)).unwrap();
    std::fs::write("twice", page(2)).unwrap();
}
RUST
./prometheus-names
cat >read.py <<'PYTHON'
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
try:
    families = list(parse(open(sys.argv[1]).read()))
    print("read")
except ValueError as error:
    print(f"refused: {error}")
PYTHON
line() { grep "^$1" once; }
sees "a counter" "requests_total_total 0" "$(line requests)"
sees "a gauge with a unit" "wait_seconds_seconds 0" "$(line wait)"
sees "its help" "*Wait.." "$(line '# HELP wait')"
sees "an info" 'build_info_info{version="1"} 1' "$(line build)"
sees "lines of the name that was registered twice" 2 "$(grep -c '^open ' twice)"
sees "the page without it, to the parser" read "$(python/bin/python read.py once)"
sees "the page with it" 'refused: *' "$(python/bin/python read.py twice)"
