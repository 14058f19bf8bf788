//! One client's connection: a tunnel, or one request and its answer.

use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use futures::future::Either;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::timeout;
use understudy_core::guard::{Ask, Bad, Body, Malformed, Request, Response};

use super::denial::Denial;
use super::metrics::Outcome;
use super::{Checkpoint, reach};

/// Clients of this machine send a head in one go; a connection that was opened ahead of need and stays silent is closed,
/// and opened again when there is something to say.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);

/// What servers commonly take: URLs and cookies fit, floods do not.
const HEAD_BYTES: usize = 64 << 10;

/// For what a refused client is still sending: closed on it, it might not get to read the answer.
const FAREWELL: Duration = Duration::from_secs(2);

/// Once one side of a tunnel has closed, what the other may still have to say. A page that drops a connection to a server
/// that never closes would keep the place for good.
const HALF_CLOSED: Duration = Duration::from_secs(60);

/// What is read at once: less would send a large body in crumbs.
const PIECE: usize = 16 << 10;

/// Takes the request and carries it out, or says why not. Once it is under way there is no deadline: a live stream has no
/// end and a WebSocket may rest, and whoever waits here is a program of ours that hangs up when it has had enough.
pub(super) async fn serve(mut client: TcpStream, door: &Checkpoint) -> io::Result<()> {
    let mut bytes = BytesMut::new();
    let request = match timeout(HEAD_DEADLINE, head(&mut client, &mut bytes)).await {
        Ok(request) => request?,
        Err(_) => return Ok(()),
    };
    let count = |outcome| door.metrics.count(door.audience, outcome);
    let request = match request {
        Some(Ok(request)) => request,
        Some(Err(bad)) => {
            count(Outcome::Malformed);
            return deny(client, &Denial::from(&bad)).await;
        }
        None => return Ok(()),
    };
    let mut server = match reach::connect(&request.host, request.port, &door.policy).await {
        Ok(server) => server,
        Err(refused) => {
            let denial = Denial::from(&refused);
            count(denial.outcome);
            return deny(client, &denial).await;
        }
    };
    count(Outcome::Passed);
    drop(server.set_nodelay(true));
    match request.ask {
        Ask::Tunnel => tunnel(client, server, &bytes).await,
        Ask::Forward { head, body, upgrade } => {
            server.write_all(&head).await?;
            forward(client, server, Sent { bytes, body, upgrade }).await
        }
    }
}

/// Reads until there is a request. None if the client left before.
async fn head(client: &mut TcpStream, bytes: &mut BytesMut) -> io::Result<Option<Result<Request, Bad>>> {
    while client.read_buf(bytes).await? > 0 {
        match Request::parse(bytes) {
            Ok(Some((request, length))) => {
                bytes.advance(length);
                return Ok(Some(Ok(request)));
            }
            Ok(None) if bytes.len() > HEAD_BYTES => {
                return Ok(Some(Err(Bad::Malformed("its head is too long".to_owned()))));
            }
            Ok(None) => {}
            Err(bad) => return Ok(Some(Err(bad))),
        }
    }
    Ok(None)
}

async fn tunnel(mut client: TcpStream, mut server: TcpStream, early: &[u8]) -> io::Result<()> {
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    server.write_all(early).await?;
    both_ways(client, server).await
}

/// Until both sides have closed, or one has and the other keeps its side open without need.
async fn both_ways(mut client: TcpStream, mut server: TcpStream) -> io::Result<()> {
    let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
    let (mut up, mut down) = (pin!(pass(from_client, to_server)), pin!(pass(from_server, to_client)));
    let rest = tokio::select! {
        first = &mut up => first.map(|()| timeout(HALF_CLOSED, down)).map(Either::Left),
        first = &mut down => first.map(|()| timeout(HALF_CLOSED, up)).map(Either::Right),
    };
    rest?.await.unwrap_or(Ok(()))
}

async fn pass(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> io::Result<()> {
    copy(&mut from, &mut to).await?;
    to.shutdown().await
}

/// What the client has sent behind the head, and what it may send yet.
struct Sent {
    bytes: BytesMut,
    body: Body,
    upgrade: bool,
}

/// What became of the server's answer.
enum Answered {
    Whole,
    /// These bytes, and then both sides speak another protocol.
    Switched(BytesMut),
    Nothing,
}

async fn forward(mut client: TcpStream, mut server: TcpStream, sent: Sent) -> io::Result<()> {
    let upgrade = sent.upgrade;
    let ((from_client, mut to_client), (from_server, to_server)) = (client.split(), server.split());
    let answered = tokio::select! {
        gone = upload(from_client, to_server, sent) => return gone,
        answered = download(from_server, &mut to_client) => answered?,
    };
    match answered {
        Answered::Switched(bytes) if upgrade => {
            client.write_all(&bytes).await?;
            both_ways(client, server).await
        }
        Answered::Whole => farewell(client).await,
        Answered::Switched(_) | Answered::Nothing => deny(client, &Denial::no_answer()).await,
    }
}

/// Sends the one request's body on, and nothing that follows it. Resolves when the client has left.
async fn upload(mut client: ReadHalf<'_>, mut server: WriteHalf<'_>, sent: Sent) -> io::Result<()> {
    let Sent { mut bytes, mut body, .. } = sent;
    let mut listening = true;
    loop {
        let length = body
            .take(&bytes)
            .map_err(|error: Malformed| io::Error::new(io::ErrorKind::InvalidData, error))?;
        // A server that has heard enough may still answer. Its side stays open: many take a closed one as "never mind".
        listening = listening && server.write_all(&bytes[..length]).await.is_ok();
        bytes.clear();
        bytes.reserve(PIECE);
        if client.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
}

/// Sends the answer on, marked as the last one on its connection.
async fn download(mut server: ReadHalf<'_>, client: &mut WriteHalf<'_>) -> io::Result<Answered> {
    let mut bytes = BytesMut::new();
    loop {
        match Response::parse(&bytes) {
            Response::Partial if bytes.len() < HEAD_BYTES => {
                if server.read_buf(&mut bytes).await? > 0 {
                    continue;
                }
                if bytes.is_empty() {
                    return Ok(Answered::Nothing);
                }
            }
            Response::Partial | Response::Raw => {}
            Response::Interim(length) => {
                client.write_all(&bytes.split_to(length)).await?;
                continue;
            }
            Response::Switched(_) => return Ok(Answered::Switched(bytes)),
            Response::Final(head, length) => {
                client.write_all(&head).await?;
                bytes.advance(length);
            }
        }
        client.write_all(&bytes).await?;
        copy(&mut server, client).await?;
        return Ok(Answered::Whole);
    }
}

async fn deny(mut client: TcpStream, denial: &Denial) -> io::Result<()> {
    client.write_all(denial.to_string().as_bytes()).await?;
    farewell(client).await
}

/// Lets the client read to the end before it is hung up on.
async fn farewell(mut client: TcpStream) -> io::Result<()> {
    client.shutdown().await?;
    // What it sends yet is meant for nobody.
    drop(timeout(FAREWELL, copy(&mut client, &mut sink())).await);
    Ok(())
}
