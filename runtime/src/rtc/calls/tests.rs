//! Two who call each other, each with a transport of its own, on this machine.

use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use understudy_core::media::{Track, Unit, VideoCodec};
use understudy_core::offer::Encoding;

use super::super::tests::on_loopback;
use super::super::{Packet, Report, Sink, Taken};
use super::*;
use crate::broadcast::{Metrics, Renditions};

const FRAME: Duration = Duration::from_millis(33);
/// A handshake on a machine that does more than this.
const SOON: Duration = Duration::from_secs(10);

/// What came, by its encoding.
#[derive(Clone, Default)]
struct Came(Arc<Mutex<Vec<Encoding>>>);

impl Sink for Came {
    fn take(&self, packet: Packet) -> Taken {
        self.0.lock().push(packet.format.encoding);
        Taken::Yes
    }

    fn report(&self, _report: Report) {}
}

impl Came {
    fn count(&self, encoding: Encoding) -> usize {
        self.0.lock().iter().filter(|other| **other == encoding).count()
    }

    async fn until(&self, encoding: Encoding, count: usize) {
        let enough = async {
            while self.count(encoding) < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let came = tokio::time::timeout(SOON, enough).await;
        assert!(came.is_ok(), "{count} of {encoding:?} must come: {}", self.count(encoding));
    }
}

struct Peer {
    handle: Handle,
    program: Program,
    came: Came,
    shutdown: CancellationToken,
}

impl Peer {
    fn new() -> Self {
        let shutdown = CancellationToken::new();
        let media = Renditions::new(&Metrics::default());
        let program = Program::of(&media, watch::channel(true).1);
        tokio::spawn(publish(media));
        Self { handle: on_loopback(8, &shutdown), program, came: Came::default(), shutdown }
    }

    fn party(&self) -> Party<'_> {
        Party { name: "call", program: &self.program, sink: Box::new(self.came.clone()) }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Pictures of VP8, each of them whole, and sound.
async fn publish(media: Renditions) {
    let mut frames = tokio::time::interval(FRAME);
    for number in 1.. {
        frames.tick().await;
        let pts = FRAME * number;
        let track = Track::Video { codec: VideoCodec::Vp8, width: 64, height: 48, frames_per_second: 30 };
        let payload = [&[0x10, 0, 0, 0x9d, 0x01, 0x2a, 64, 0, 48, 0][..], &[7; 3000]].concat();
        let unit = Unit { track, pts, dts: pts, duration: FRAME, key: true, payload: payload.into() };
        media.audio.publish(Unit {
            track: Track::opus(2),
            payload: Bytes::from_static(&[0xfc, 0xff, 0xfe]),
            ..unit.clone()
        });
        media.video.publish(unit);
    }
}

async fn connected(call: &mut Call) {
    let connected = async { while call.told().await != Told::Connected {} };
    tokio::time::timeout(SOON, connected).await.expect("it must be connected");
}

/// Both ends of a call, connected.
async fn talk(ada: &Peer, bob: &Peer) -> (Call, Call) {
    let dialled = ada.handle.dial().expect("there must be room");
    let offer = dialled.sdp().to_owned();
    let (mut theirs, answer) =
        bob.handle.answer_call(&offer, bob.party()).await.expect("it must be answered");
    let mut ours = dialled.answered(&answer, ada.party()).await.expect("the answer must be taken");
    tokio::join!(connected(&mut ours), connected(&mut theirs));
    (ours, theirs)
}

#[tokio::test(flavor = "multi_thread")]
async fn picture_and_sound_go_both_ways_until_one_of_the_two_hangs_up() {
    let (ada, bob) = (Peer::new(), Peer::new());
    let (ours, mut theirs) = talk(&ada, &bob).await;
    let sent = |call: &Call| call.agreement().video.sent.as_ref().map(|codec| codec.encoding);
    assert_eq!((sent(&ours), sent(&theirs)), (Some(Encoding::Vp8), Some(Encoding::Vp8)));
    for peer in [&ada, &bob] {
        // Three packets a picture.
        peer.came.until(Encoding::Vp8, 60).await;
        peer.came.until(Encoding::Opus, 20).await;
    }
    drop(ours);
    let over = async {
        loop {
            if let Told::Closed(ended) = theirs.told().await {
                return ended;
            }
        }
    };
    assert_eq!(tokio::time::timeout(SOON, over).await, Ok(Ended::Closed));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_talked_about_is_said() {
    let ada = Peer::new();
    let refused = ada.handle.answer_call("v=0\r\n", ada.party()).await;
    assert!(matches!(refused, Err(OfferError::Faulty(_))));
    let dialled = ada.handle.dial().expect("there must be room");
    let refused = dialled.answered("nonsense", ada.party()).await;
    assert!(matches!(refused, Err(AnswerError::Unusable(_))));
}
