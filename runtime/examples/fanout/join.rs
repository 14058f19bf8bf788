//! How soon a player of RTMP has a picture: from the moment in which it asks to play until it has a whole keyframe.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use understudy_rtmp::amf::Value;
use understudy_rtmp::chunk::{self, Lane, Reader};
use understudy_rtmp::flv::{Kind, Sort, inspect};
use understudy_rtmp::handshake::{BYTES, Handshake};
use understudy_rtmp::message::{Command, Message};
use understudy_rtmp::outbox::Outbox;

/// Whoever has no picture by then gets none.
const DEADLINE: Duration = Duration::from_secs(10);
/// No multiple of the time between two keyframes: joins meet each phase of it.
const APART: Duration = Duration::from_millis(730);
/// Of a keyframe, and what is read of it at once.
const MOST_BYTES: usize = 4 << 20;
const PIECE_BYTES: usize = 64 << 10;
/// Of our own chunks, as long as nothing else is said.
const CHUNK_BYTES: usize = 128;

/// Prints a row of a table; each join goes to the file, as milliseconds.
#[allow(clippy::print_stdout, reason = "it is what it is for")]
pub async fn run(address: &str, count: usize, file: &Path) -> anyhow::Result<()> {
    let mut taken = Vec::new();
    for _ in 0..count {
        let joined = tokio::time::timeout(DEADLINE, join(address)).await.context("no picture came")??;
        taken.push(joined.as_secs_f64() * 1000.0);
        tokio::time::sleep(APART).await;
    }
    let rows: Vec<String> = taken.iter().map(|milliseconds| format!("{milliseconds:.2}\n")).collect();
    std::fs::write(file, format!("milliseconds\n{}", rows.concat()))?;
    taken.sort_by(f64::total_cmp);
    let at = |part: f64| taken[((taken.len() - 1) as f64 * part) as usize];
    println!("| RTMP | {count} | {:.1} ms | {:.1} ms |", at(0.5), at(0.95));
    Ok(())
}

async fn join(address: &str) -> anyhow::Result<Duration> {
    let mut player = Player::open(address).await?;
    player.ask(0, "connect", vec![Value::object([("app", Value::text("live"))])]).await?;
    player
        .until(|message| matches!(message, Message::Command { command, .. } if command.name == "_result"))
        .await?;
    player.ask(0, "createStream", vec![Value::Null]).await?;
    player
        .until(|message| matches!(message, Message::Command { command, .. } if command.name == "_result"))
        .await?;
    let asked = Instant::now();
    player.ask(1, "play", vec![Value::Null, Value::text("program")]).await?;
    let is_key = |message: &Message| match message {
        Message::Media { media, .. } => {
            media.kind == Kind::Video && inspect(media.kind, &media.body).sort == Sort::Key
        }
        _ => false,
    };
    player.until(is_key).await?;
    Ok(asked.elapsed())
}

struct Player {
    io: TcpStream,
    reader: Reader,
}

impl Player {
    async fn open(address: &str) -> anyhow::Result<Self> {
        let mut io = TcpStream::connect(address).await?;
        io.set_nodelay(true)?;
        let (mut out, mut input) = (Outbox::default(), BytesMut::new());
        let mut handshake = Handshake::call([1; BYTES], &mut out);
        while !handshake.is_done() {
            io.write_all_buf(&mut out).await?;
            io.read_buf(&mut input).await?;
            handshake.advance(&mut input, &mut out)?;
        }
        io.write_all_buf(&mut out).await?;
        let mut reader = Reader::new(MOST_BYTES);
        reader.feed(input.chunk());
        Ok(Self { io, reader })
    }

    async fn ask(&mut self, stream: u32, name: &str, arguments: Vec<Value>) -> anyhow::Result<()> {
        let command = Command { name: name.to_owned(), transaction: 1.0, arguments };
        let (_, whole) = Message::Command { stream, command }.write();
        let mut out = Outbox::default();
        chunk::write(&mut out, CHUNK_BYTES, Lane::Command, &whole);
        Ok(self.io.write_all_buf(&mut out).await?)
    }

    /// Reads until such a message has come.
    async fn until(&mut self, is_it: impl Fn(&Message) -> bool) -> anyhow::Result<()> {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            while let Some(whole) = self.reader.next_whole()? {
                match Message::read(&whole)? {
                    Message::ChunksOf(bytes) => self.reader.chunks_of(bytes)?,
                    message if is_it(&message) => return Ok(()),
                    _ => {}
                }
            }
            let bytes = self.io.read(&mut piece).await?;
            anyhow::ensure!(bytes > 0, "the server has closed the connection");
            self.reader.feed(&piece[..bytes]);
        }
    }
}
