//! Two participants who talk, each with a transport of its own, on this machine.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use understudy_core::media::{Kind, Track, Unit};

use super::*;
use crate::broadcast::{Renditions, Subscriber};
use crate::call::curtain::{Curtain, Sends, Stage};
use crate::rtc::tests::on_loopback;

const FRAME: Duration = Duration::from_millis(33);
/// A handshake on a machine that does more than this.
const SOON: Duration = Duration::from_secs(15);
/// What both have of the picture, by which it is told from black.
const ADA: u8 = 1;
const BOB: u8 = 2;
const DARK: u8 = 0;

struct Peer {
    legs: Legs,
    stage: Stage,
    shutdown: CancellationToken,
}

impl Peer {
    fn new(of: u8) -> Self {
        crate::gst::init().expect("GStreamer must start");
        let (shutdown, metrics) = (CancellationToken::new(), Metrics::default());
        let programs = [of, DARK].map(|of| {
            let media = Renditions::new(&metrics);
            let program = Program::of(&media, watch::channel(true).1);
            tokio::spawn(publish(media, of));
            program
        });
        let [carried, dark] = programs;
        let legs = Legs::new(on_loopback(8, &shutdown), metrics.clone());
        Self { legs, stage: Stage { carried, dark, speaker: watch::channel(None).1, metrics }, shutdown }
    }

    fn curtain(&self) -> Curtain {
        Curtain::new(&self.stage)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Pictures, each of them whole and larger than a packet, and sound.
async fn publish(media: Renditions, of: u8) {
    let mut frames = tokio::time::interval(FRAME);
    loop {
        frames.tick().await;
        let pts = crate::gst::now();
        let track = Track::Video { codec: VideoCodec::Vp8, width: 64, height: 48, frames_per_second: 30 };
        let payload = [&[0x10, 0, 0, 0x9d, 0x01, 0x2a, 64, 0, 48, 0][..], &[of; 3000]].concat();
        let unit = Unit { track, pts, dts: pts, duration: FRAME, key: true, payload: payload.into() };
        let sound = Bytes::from_static(&[0xfc, 0xff, 0xfe]);
        media.audio.publish(Unit { track: Track::opus(2), payload: sound, ..unit.clone() });
        media.video.publish(unit);
    }
}

/// Both ends of a call, connected.
async fn talk((ada, ours): (&Peer, &Curtain), (bob, theirs): (&Peer, &Curtain)) -> (Leg, Leg) {
    let offered = ada.legs.offer(ours.program.clone()).await;
    let (mut ours, offer) = offered.expect("it must be offered");
    let answered = bob.legs.answer(&offer, theirs.program.clone()).await;
    let (mut theirs, answer) = answered.expect("it must be answered");
    ours.take(&answer).await.expect("the answer must be taken");
    for leg in [&mut ours, &mut theirs] {
        let told = tokio::time::timeout(SOON, leg.told()).await;
        assert_eq!(told, Ok(Told::Media(connection::State::Connected)));
    }
    (ours, theirs)
}

/// Reads until a picture of that comes.
async fn sees(picture: &mut Subscriber, of: u8) -> Unit {
    let seen = async {
        loop {
            let unit = picture.next().await;
            if unit.payload.last() == Some(&of) {
                return unit;
            }
        }
    };
    tokio::time::timeout(SOON, seen).await.expect("a picture of it must come")
}

async fn heard(remote: &Remote) -> Unit {
    remote.sound.subscribe().next().await
}

fn remote(leg: &Leg) -> Remote {
    leg.remote().expect("both descriptions are known")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_carries_comes_whole_to_the_other_and_black_and_silence_where_that_is_switched_off() {
    let (ada, bob) = (Peer::new(ADA), Peer::new(BOB));
    let (curtain, of_theirs) = (ada.curtain(), bob.curtain());
    let (ours, mut theirs) = talk((&ada, &curtain), (&bob, &of_theirs)).await;
    let (of_bob, of_ada) = (remote(&ours), remote(&theirs));
    for remote in [&of_ada, &of_bob] {
        assert_eq!((remote.codec, remote.has_sound), (Some(VideoCodec::Vp8), true));
    }
    let unit = sees(&mut of_bob.picture.subscribe(), BOB).await;
    assert_eq!((unit.payload.len(), unit.key), (3010, true), "a picture is whole");
    assert!(matches!(unit.track, Track::Video { codec: VideoCodec::Vp8, width: 64, height: 48, .. }));
    let heard = tokio::time::timeout(SOON, heard(&of_bob)).await;
    assert_eq!(heard.expect("sound must come").kind(), Kind::Audio);

    let mut seen = of_ada.picture.subscribe();
    sees(&mut seen, ADA).await;
    curtain.sends(Sends::Off, Sends::On);
    sees(&mut seen, DARK).await;
    for _ in 0..10 {
        assert_eq!(seen.next().await.payload.last(), Some(&DARK), "nothing else is shown any more");
    }
    curtain.sends(Sends::On, Sends::On);
    sees(&mut seen, ADA).await;

    drop(ours);
    let over = async { while theirs.told().await != Told::Closed {} };
    tokio::time::timeout(SOON, over).await.expect("it must be told");
}

#[tokio::test]
async fn what_cannot_be_talked_about_is_said_in_words() {
    let ada = Peer::new(ADA);
    let program = ada.stage.carried.clone();
    let refused = ada.legs.answer("v=0\r\n", program.clone()).await.err().expect("it is no offer");
    assert!(refused.contains("media section"), "{refused}");
    let (mut ours, _offer) = ada.legs.offer(program).await.expect("it must be offered");
    assert!(ours.take("nonsense").await.is_err());
    assert!(ours.take("nonsense").await.is_err(), "and it is over");
}
