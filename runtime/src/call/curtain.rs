//! What goes out in a call: what the participant carries, or black and silence where that is switched off.
//!
//! What is carried is encoded once for all that need it; what goes out is the same units. Time goes on: nothing is shown that is older
//! than what was shown before, so that what comes after a switch begins with a keyframe that was made for it.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use understudy_core::fanout::keyframe::Need;
use understudy_core::media::{Kind, Track, Unit};
use understudy_core::rendition::{Audio, Video};

use crate::broadcast::{Hub, Metrics};
use crate::capture::Speaker;
use crate::gst;
use crate::program::{Ladder, Program};

/// A piece of sound, as all of ours are.
const PIECE: Duration = Duration::from_millis(20);
/// One in which nothing is heard (RFC 6716 §3.1): CELT alone, stereo, of 20 ms.
const SILENCE: [u8; 3] = [0xfc, 0xff, 0xfe];

/// Whether something goes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sends {
    #[default]
    On,
    Off,
}

/// What there is to go out, and where what comes is heard.
pub struct Stage {
    /// What camera and microphone carry.
    pub carried: Program,
    /// A black picture.
    pub dark: Program,
    /// Where PulseAudio is, while it is there.
    pub speaker: watch::Receiver<Option<Speaker>>,
    pub metrics: Metrics,
}

/// In front of one call. Dropped, what goes out stays as it is.
pub(super) struct Curtain {
    pub program: Program,
    video: watch::Sender<Sends>,
    audio: watch::Sender<Sends>,
}

impl Curtain {
    pub fn new(stage: &Stage) -> Self {
        let (video, audio) = (watch::Sender::default(), watch::Sender::default());
        let (seen, heard) = (video.subscribe(), audio.subscribe());
        let hubs = |kind| {
            let metrics = stage.metrics.clone();
            move || Hub::new(kind, metrics.clone())
        };
        let (carried, dark, sounding) = (stage.carried.clone(), stage.dark.clone(), stage.carried.clone());
        let pictured = Ladder::derived(hubs(Kind::Video), move |rendition: Video, out| {
            pictures([carried.video(rendition), dark.video(rendition)], out, seen.clone())
        });
        let sounded = Ladder::derived(hubs(Kind::Audio), move |rendition: Audio, out| {
            sounds(sounding.audio(rendition), out, heard.clone())
        });
        let program = Program::new(pictured, sounded, watch::channel(true).1);
        Self { program, video, audio }
    }

    pub fn sends(&self, video: Sends, audio: Sends) {
        let change = |side: &watch::Sender<Sends>, to| {
            side.send_if_modified(|now| std::mem::replace(now, to) != to);
        };
        change(&self.video, video);
        change(&self.audio, audio);
    }
}

async fn pictures([carried, dark]: [Hub; 2], out: Hub, mut sends: watch::Receiver<Sends>) {
    let (mut wishes, mut shown) = (out.keyframe_requests(), None);
    loop {
        let from = match *sends.borrow_and_update() {
            Sends::On => &carried,
            Sends::Off => &dark,
        };
        let mut reader = from.subscribe();
        from.request_keyframe(Need::Join);
        let mut begun = false;
        loop {
            tokio::select! {
                changed = sends.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                need = wishes.next() => from.request_keyframe(need),
                unit = reader.next() => {
                    let is_later = shown.is_none_or(|shown| unit.pts > shown);
                    begun |= unit.key && is_later;
                    if begun && is_later {
                        shown = Some(unit.pts);
                        out.publish(unit);
                    }
                }
            }
        }
    }
}

async fn sounds(carried: Hub, out: Hub, mut sends: watch::Receiver<Sends>) {
    let mut heard = None;
    let mut publish = |unit: Unit| {
        if heard.is_none_or(|heard| unit.pts > heard) {
            heard = Some(unit.pts);
            out.publish(unit);
        }
    };
    loop {
        let now = *sends.borrow_and_update();
        let passing = async {
            match now {
                Sends::On => {
                    let mut reader = carried.subscribe();
                    loop {
                        publish(reader.next().await);
                    }
                }
                Sends::Off => {
                    let mut pieces = tokio::time::interval(PIECE);
                    loop {
                        pieces.tick().await;
                        publish(silence(gst::now()));
                    }
                }
            }
        };
        tokio::select! {
            changed = sends.changed() => if changed.is_err() { return },
            () = passing => return,
        }
    }
}

fn silence(pts: Duration) -> Unit {
    let payload = Bytes::from_static(&SILENCE);
    Unit { track: Track::opus(2), pts, dts: pts, duration: PIECE, key: true, payload }
}

#[cfg(test)]
mod tests {
    use understudy_core::media::VideoCodec;

    use super::*;
    use crate::broadcast::Renditions;

    const SOON: Duration = Duration::from_secs(5);

    struct Sides {
        carried: Renditions,
        dark: Renditions,
        curtain: Curtain,
    }

    fn sides() -> Sides {
        gst::init().unwrap();
        let metrics = Metrics::default();
        let (carried, dark) = (Renditions::new(&metrics), Renditions::new(&metrics));
        let program = |media| Program::of(media, watch::channel(true).1);
        let speaker = watch::channel(None).1;
        let stage = Stage { carried: program(&carried), dark: program(&dark), speaker, metrics };
        let curtain = Curtain::new(&stage);
        Sides { carried, dark, curtain }
    }

    fn picture(milliseconds: u64, key: bool, of: u8) -> Unit {
        let track = Track::Video { codec: VideoCodec::Vp8, width: 64, height: 48, frames_per_second: 30 };
        let (pts, duration) = (Duration::from_millis(milliseconds), Duration::from_millis(33));
        Unit { track, pts, dts: pts, duration, key, payload: Bytes::copy_from_slice(&[of]) }
    }

    /// Resolves when that hub is read.
    async fn read(hub: &Hub) {
        let mut demand = hub.demand();
        tokio::time::timeout(SOON, demand.wait_for(|readers| *readers > 0)).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_picture_that_is_switched_off_is_black_from_a_keyframe_on_and_time_never_goes_back() {
        let Sides { carried, dark, curtain } = sides();
        let mut seen = curtain.program.video(Video::default()).subscribe();
        read(&carried.video).await;
        carried.video.publish(picture(1000, true, 1));
        assert_eq!(seen.next().await.payload[0], 1);
        curtain.sends(Sends::Off, Sends::On);
        read(&dark.video).await;
        dark.video.publish(picture(900, true, 0));
        dark.video.publish(picture(1040, false, 0));
        dark.video.publish(picture(1080, true, 0));
        // Said again, nothing of it changes: nobody is asked for another keyframe.
        curtain.sends(Sends::Off, Sends::On);
        let black = seen.next().await;
        assert_eq!((black.payload[0], black.pts), (0, Duration::from_millis(1080)));
        carried.video.publish(picture(1090, true, 1));
        dark.video.publish(picture(1120, false, 0));
        assert_eq!(seen.next().await.payload[0], 0, "what is carried does not go out");
        curtain.sends(Sends::On, Sends::On);
        read(&carried.video).await;
        carried.video.publish(picture(1160, true, 1));
        assert_eq!(seen.next().await.pts, Duration::from_millis(1160));
    }

    #[tokio::test]
    async fn a_sound_that_is_switched_off_is_silence() {
        let Sides { carried, curtain, .. } = sides();
        let mut heard = curtain.program.audio(Audio::default()).subscribe();
        read(&carried.audio).await;
        carried.audio.publish(Unit { payload: Bytes::from_static(&[7]), ..silence(gst::now()) });
        assert_eq!(heard.next().await.payload[..], [7]);
        curtain.sends(Sends::On, Sends::Off);
        for _ in 0..3 {
            assert_eq!(heard.next().await.payload[..], SILENCE);
        }
        curtain.sends(Sends::On, Sends::On);
        read(&carried.audio).await;
        carried.audio.publish(Unit { payload: Bytes::from_static(&[8]), ..silence(gst::now() + PIECE) });
        let back = async { while heard.next().await.payload[..] != [8] {} };
        tokio::time::timeout(SOON, back).await.unwrap();
    }
}
