//! What `make bench` measures viewers with: a film that was encoded beforehand, and programs that send it.
//!
//! `fanout film FILE` encodes it. `fanout serve FILE ADDRESS` plays it into a hub and serves that over WHEP, as a session
//! does, but without a browser and an encoder beside it. `fanout feed FILE ADDRESS` sends it as RTP, the picture to that
//! port and the sound to the next but one, for another server to serve. `fanout floor FILE ADDRESS COUNT` sends it to COUNT
//! ports from that one on, each packet as long as it would be encrypted: what the kernel alone takes.
//! `fanout sink ADDRESS COUNT` takes that. `fanout glass SECONDS FILE PYTHON` measures a display of its own, from glass to glass, and
//! `fanout join ADDRESS COUNT FILE` how soon one after the other who plays RTMP there has a picture.
//!
//! Nothing here is for users.

mod feed;
mod film;
mod floor;
mod glass;
mod join;
mod packets;
mod playback;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

#[derive(Parser)]
enum Command {
    Film { file: PathBuf },
    Serve { file: PathBuf, address: SocketAddr },
    Feed { file: PathBuf, address: SocketAddr },
    Floor { file: PathBuf, address: SocketAddr, count: u16 },
    Sink { address: SocketAddr, count: u16 },
    Glass { seconds: u64, file: PathBuf },
    Join { address: String, count: usize, file: PathBuf },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Film { file } => film::encode()?.write(&file),
        Command::Serve { file, address } => serve::run(film::Film::read(&file)?, address).await,
        Command::Feed { file, address } => feed::run(&film::Film::read(&file)?, address).await,
        Command::Floor { file, address, count } => {
            floor::send(&film::Film::read(&file)?, address, count).await
        }
        Command::Sink { address, count } => floor::take(address, count).await,
        Command::Glass { seconds, file } => glass::run(seconds, &file).await,
        Command::Join { address, count, file } => join::run(&address, count, &file).await,
    }
}
