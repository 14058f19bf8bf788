#!/usr/bin/env bash
# tonic 0.14.9 (a Rust crate). A server is told to shut down while one client holds a stream on which nothing is said, and
# another server takes its place at the same address. The service is gRPC's own health check.
#
# One would expect: a graceful shutdown ends a stream that nobody speaks on, or tells it; and a call on the client's channel
# fails with Unavailable, which is what clients try again.
# What happens: serve_with_shutdown goes on for as long as the quiet stream is held, and tells it nothing. A new call on
# that channel fails at once with Cancelled, as if the caller had given up; the next one reaches the new server.
#
# Seen on 2026-11-28:
#   server ended within 3 s: false    stream told within 1 s: false
#   first call: Cancelled             second call: Ok
#   server ended once the client let go of its stream: true
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

rust tonic-shutdown 'tonic = "=0.14.9"' 'tonic-health = "=0.14.9"' 'tokio = { version = "=1.54.1", features = ["macros", "net", "rt", "time", "sync"] }' \
  'tokio-stream = { version = "=0.1.19", features = ["net"] }' <<'RUST'
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

async fn call(channel: &Channel) -> String {
    let mut client = HealthClient::new(channel.clone());
    match timeout(Duration::from_secs(5), client.check(HealthCheckRequest::default())).await {
        Err(_) => "no answer".into(),
        Ok(Ok(_)) => "Ok".into(),
        Ok(Err(status)) => format!("{:?}", status.code()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (_first, health) = tonic_health::server::health_reporter();
    let mut server = tokio::spawn(Server::builder().add_service(health).serve_with_incoming_shutdown(
        TcpListenerStream::new(listener),
        async move { stopped.await.unwrap() },
    ));
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let mut client = HealthClient::new(channel.clone());
    let mut stream = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    stream.message().await.unwrap();
    println!("call before: {}", call(&channel).await);

    stop.send(()).unwrap();
    println!("server ended: {}", timeout(Duration::from_secs(3), &mut server).await.is_ok());
    println!("stream told: {}", timeout(Duration::from_secs(1), stream.message()).await.is_ok());
    let listener = TcpListener::bind(address).await.unwrap();
    let (_second, health) = tonic_health::server::health_reporter();
    tokio::spawn(Server::builder().add_service(health).serve_with_incoming(TcpListenerStream::new(listener)));
    println!("first call: {}", call(&channel).await);
    println!("second call: {}", call(&channel).await);
    drop(stream);
    println!("server ended at last: {}", timeout(Duration::from_secs(3), &mut server).await.is_ok());
}
RUST

./tonic-shutdown >said
of() { sed -n "s/^$1: //p" said; }
sees "call before the shutdown" Ok "$(of 'call before')"
sees "server ended within 3 s" false "$(of 'server ended')"
sees "stream told within 1 s" false "$(of 'stream told')"
sees "first call after" Cancelled "$(of 'first call')"
sees "second call after" Ok "$(of 'second call')"
sees "server ended once the client let go of its stream" true "$(of 'server ended at last')"
