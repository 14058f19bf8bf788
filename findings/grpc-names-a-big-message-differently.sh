#!/usr/bin/env bash
# tonic 0.14.9 (a Rust crate) and grpcio 1.85.1 (PyPI). A client with no settings sends a message of 5 MiB to a server with no
# settings, once of each library. The service is gRPC's own health check.
#
# One would expect: the limit of 4 MiB is known, and so is what an implementation says about it: RESOURCE_EXHAUSTED, as
# gRPC's documentation of status codes has it.
# What happens: grpcio says RESOURCE_EXHAUSTED, tonic says OUT_OF_RANGE, the code for reading past an end. A client that
# cuts its messages smaller upon the one goes on failing upon the other.
#
# Seen on 2026-11-28: grpcio's server RESOURCE_EXHAUSTED, tonic's server OUT_OF_RANGE; 3 MiB are read by both.
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

needs python3 python3
python grpcio==1.85.1 grpcio-health-checking==1.85.1
echo "grpcio $(python/bin/python -c 'import grpc; print(grpc.__version__)')"
rust tonic-sizes 'tonic = "=0.14.9"' 'tonic-health = "=0.14.9"' 'tokio = { version = "=1.54.1", features = ["macros", "net", "rt", "time", "sync"] }' \
  'tokio-stream = { version = "=0.1.19", features = ["net"] }' <<'RUST'
use tokio_stream::wrappers::TcpListenerStream;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let (_reporter, health) = tonic_health::server::health_reporter();
    let server = tonic::transport::Server::builder().add_service(health);
    server.serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap();
}
RUST
cat >server.py <<'PYTHON'
from concurrent import futures
import grpc
from grpc_health.v1 import health, health_pb2_grpc
server = grpc.server(futures.ThreadPoolExecutor())
health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
print(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}", flush=True)
server.start()
server.wait_for_termination()
PYTHON
cat >client.py <<'PYTHON'
"""client.py ADDRESS MEBIBYTES: asks for the health of a service with a name of this size, and prints the code."""
import sys
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
with grpc.insecure_channel(sys.argv[1]) as channel:
    try:
        name = "a" * (int(sys.argv[2]) << 20)
        health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=name), timeout=20)
        print("OK")
    except grpc.RpcError as error:
        print(error.code().name)
PYTHON
start ./tonic-sizes >tonic
start python/bin/python server.py >grpcio
for server in tonic grpcio; do
  until_true 20 test -s $server
done
code() { python/bin/python client.py "$(cat "$1")" "$2"; }
# NOT_FOUND: the message was read, and there is no service with this name.
sees "3 MiB to tonic's server" NOT_FOUND "$(code tonic 3)"
sees "3 MiB to grpcio's server" NOT_FOUND "$(code grpcio 3)"
sees "5 MiB to tonic's server" OUT_OF_RANGE "$(code tonic 5)"
sees "5 MiB to grpcio's server" RESOURCE_EXHAUSTED "$(code grpcio 5)"
