//! What a driver does while a frame leaves for hundreds.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use understudy_core::fanout::cut::Cutter;
use understudy_core::fanout::round::SLICE_BYTES;
use understudy_core::media::{Track, Unit};

use super::super::super::Audience;
use super::super::super::driver::{Command, Driver};
use super::super::super::metrics::Metrics;
use super::super::super::socket::Socket;
use super::super::super::streams::Streams;
use super::super::super::stun;
use super::super::super::viewer::Viewer;
use super::super::super::ways::Ways;
use super::ANNOUNCED;
use super::peer::Peer;
use super::sealed::watching;
use crate::broadcast::{self, Renditions};
use crate::program::Program;

const VIEWERS: usize = 300;
/// Of a whole picture.
const PICTURE_BYTES: usize = 60_000;
const SOON: Duration = Duration::from_secs(10);

fn keyframe() -> Unit {
    Unit {
        track: Track::h264(1280, 720, 30),
        pts: Duration::ZERO,
        dts: Duration::ZERO,
        duration: Duration::from_millis(33),
        key: true,
        payload: Bytes::from([vec![0, 0, 0, 1, 0x65], vec![1; PICTURE_BYTES]].concat()),
    }
}

async fn admit(mailbox: &mpsc::Sender<Command>, program: &Program, viewer: Viewer) {
    let (reply, admitted) = oneshot::channel();
    let (name, program, viewer) = ("program".to_owned(), program.clone(), Box::new(viewer));
    let told = mailbox.send(Command::Admit { name, program, viewer, reply }).await;
    assert!(told.is_ok() && admitted.await.is_ok(), "the driver must run");
}

/// On one thread: this and the driver take turns.
#[tokio::test]
async fn whoever_comes_while_a_frame_leaves_for_hundreds_is_answered_before_it_has_left() {
    let (media, metrics) = (Renditions::new(&broadcast::Metrics::default()), Metrics::default());
    let program = Program::of(&media, watch::channel(true).1);
    let socket = Socket::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr();
    let ways = Ways { socket, streams: Streams::new(metrics.clone()) };
    let driver = Driver::new(ways, Arc::new(ANNOUNCED), metrics.clone(), Audience::default());
    let (mailbox, inbox) = mpsc::channel(1);
    let end = CancellationToken::new();
    let driving = tokio::spawn(driver.run(inbox, end.clone()));
    for _ in 0..VIEWERS {
        admit(&mailbox, &program, watching(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm).1).await;
    }
    let mut newcomer = Peer::new("actpass", vec![]);
    admit(&mailbox, &program, newcomer.watches()).await;
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
    driving.await.unwrap();
}
