//! What a driver does while a frame leaves for hundreds.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use understudy_core::fanout::cut::Cutter;
use understudy_core::fanout::round::SLICE_BYTES;
use understudy_core::media::Unit;

use super::super::super::directory::Directory;
use super::super::super::driver::{Command, Shared};
use super::super::super::loops::{Loops, Newcomer};
use super::super::super::metrics::Metrics;
use super::super::super::reception::Reception;
use super::super::super::relay::Relays;
use super::super::super::socket::Socket;
use super::super::super::streams::Streams;
use super::super::super::stun;
use super::super::super::viewer::Viewer;
use super::super::super::ways::Ways;

use super::peer::Peer;
use super::sealed::watching;
use super::{ANNOUNCED, picture};
use crate::broadcast::{self, Renditions};
use crate::program::{Audience, Program};

const VIEWERS: usize = 300;
/// Of a whole picture.
const PICTURE_BYTES: usize = 60_000;
const SOON: Duration = Duration::from_secs(10);

fn keyframe() -> Unit {
    picture(Bytes::from([vec![0, 0, 0, 1, 0x65], vec![1; PICTURE_BYTES]].concat()))
}

/// One that is a task as it is in a transport.
fn loops(socket: Socket, metrics: Metrics, end: &CancellationToken) -> Loops {
    let directory = Directory::new(1);
    let (reception, inlets) = Reception::new(directory.clone(), 1, metrics.clone());
    let streams = Streams::new(reception.clone(), metrics.clone());
    let ways = Ways::new(socket, streams, Relays::new(reception.clone()));
    let shared = Shared { directory, announced: Arc::new(ANNOUNCED), metrics, audience: Audience::default() };
    Loops::start(ways, (reception, inlets), shared, end)
}

async fn admit(loops: &Loops, program: &Program, viewer: Viewer) {
    let newcomer = Newcomer::new(&viewer.connection, vec![]);
    let (name, program, viewer) = ("program".to_owned(), program.clone(), Box::new(viewer));
    let admitted = loops.take_in(&newcomer, |id, reply| Command::Admit { id, name, program, viewer, reply });
    admitted.await.expect("the loop must run");
}

/// On one thread: this and the driver take turns.
#[tokio::test]
async fn whoever_comes_while_a_frame_leaves_for_hundreds_is_answered_before_it_has_left() {
    let (media, metrics) = (Renditions::new(&broadcast::Metrics::default()), Metrics::default());
    let program = Program::of(&media, watch::channel(true).1);
    let socket = Socket::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let (address, end) = (socket.local_addr(), CancellationToken::new());
    let loops = loops(socket, metrics.clone(), &end);
    for _ in 0..VIEWERS {
        admit(&loops, &program, watching(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm).1).await;
    }
    let mut newcomer = Peer::new("actpass", vec![]);
    admit(&loops, &program, newcomer.watches()).await;
    media.video.demand().wait_for(|readers| *readers == 1).await.unwrap();

    let before = metrics.sent_datagrams.get();
    let sent = || (metrics.sent_datagrams.get() - before) as usize;
    let packets = Cutter::default().cut(keyframe()).payloads.len();
    media.video.publish(keyframe());
    while sent() == 0 {
        tokio::task::yield_now().await;
    }
    let slice = SLICE_BYTES / (PICTURE_BYTES / packets) + packets;
    let when_it_came = sent();
    assert!(when_it_came <= slice, "{when_it_came}");
    let place = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    place.send_to(&newcomer.check(), address).await.unwrap();
    let mut answer = [0; 1500];
    let length = tokio::time::timeout(SOON, place.recv(&mut answer)).await.expect("an answer").unwrap();
    assert!(stun::confirms(&answer[..length]));
    let meanwhile = sent() - when_it_came;
    assert!(meanwhile <= 3 * slice, "{meanwhile} of {} packets left meanwhile", VIEWERS * packets);

    // Each of them once, with a first report, and what the newcomer is told in that time.
    let all = VIEWERS * (packets + 1);
    let left = async {
        while sent() < all {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, left).await.expect("it must leave for all");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!((all..all + 10).contains(&sent()), "{} of {all}", sent());
    end.cancel();
    loops.stopped().await;
}
