//! The task of a recording: takes a program's units, and says what is to be written and when it is enough.

use std::sync::mpsc::SyncSender;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout};
use understudy_core::aac::Format;
use understudy_core::media::{AudioCodec, Unit};
use understudy_core::mp4::Muxer;
use understudy_core::recording::{End, Limits, Stop, Tally, Wanted};
use understudy_core::rendition::{Audio, Video};

use super::metrics::Running;
use super::{Ended, State};
use crate::broadcast::Subscriber;
use crate::deadline::reached;
use crate::program::Program;

/// What every player decodes. It is announced in the file before any comes.
const SOUND: Audio = Audio { codec: AudioCodec::Aac, bitrate: None };
const RATE_HZ: u32 = 48_000;
const CHANNELS: u32 = 2;

/// Of a recording that shall last so long, the first picture is awaited for as long as an encoder may take to begin.
const BEGIN: Duration = Duration::from_secs(15);

/// What waits for the disk at the end is written within this, or the disk does not answer: some seconds before the whole process
/// has to have ended.
const FINISH: Duration = Duration::from_secs(5);

pub(super) struct Reading {
    pub(super) stopped: watch::Receiver<Option<Stop>>,
    pub(super) pieces: SyncSender<Bytes>,
    /// The end of who writes.
    pub(super) written: oneshot::Receiver<Result<(), End>>,
    pub(super) state: watch::Sender<State>,
    pub(super) metrics: Running,
}

/// A program as it is read.
struct Sources {
    pictures: Subscriber,
    sounds: Subscriber,
}

impl Sources {
    /// What is dropped when it is not awaited to its end is not lost.
    async fn next(&mut self) -> Unit {
        tokio::select! {
            unit = self.sounds.next() => unit,
            unit = self.pictures.next() => unit,
        }
    }

    fn lost(&self) -> u64 {
        self.pictures.lost() + self.sounds.lost()
    }
}

/// Why nothing more is taken.
enum Over {
    /// What has come since the last fragment is written, too.
    Whole(End),
    /// The file ends with its last fragment.
    Cut(End),
    /// Nobody writes any more.
    Broken(End),
}

impl Reading {
    #[tracing::instrument(name = "recording", skip_all, fields(id = wanted.id))]
    pub(super) async fn run(mut self, program: Program, wanted: Wanted) {
        tracing::info!(limits = ?wanted.limits, "a recording begins");
        let pictures = program.video(Video { steady: true, ..Video::default() }).subscribe_to_keep();
        let sounds = program.audio(SOUND).subscribe_to_keep();
        let mut sources = Sources { pictures, sounds };
        let (mut muxer, mut tally) = (Muxer::new(Format::new(RATE_HZ, CHANNELS)), Tally::new(wanted.limits));
        let over = self.read(&mut sources, &mut muxer, &mut tally, wanted.limits).await;
        let lost = sources.lost();
        drop(sources);
        let last = match over {
            Over::Whole(_) => {
                let last = muxer.finish(wanted.limits.duration);
                last.filter(|piece| tally.takes(Duration::ZERO, piece.len()))
            }
            Over::Cut(_) | Over::Broken(_) => None,
        };
        self.end(over, last, lost).await;
    }

    async fn read(
        &mut self,
        sources: &mut Sources,
        muxer: &mut Muxer,
        tally: &mut Tally,
        limits: Limits,
    ) -> Over {
        let latest = limits.duration.map(|duration| Instant::now() + BEGIN + duration);
        loop {
            let unit = tokio::select! {
                biased;
                ended = &mut self.written => return Over::Broken(broken(ended)),
                () = reached(latest) => return match tally.has_begun() {
                    true => Over::Whole(End::Duration),
                    false => Over::Cut(End::Failed("no picture came that it could begin with".to_owned())),
                },
                unit = sources.next() => unit,
                // Last: what came before it is in the file.
                how = stopped(&mut self.stopped) => return match how {
                    Stop::Finished => Over::Whole(End::Stopped),
                    Stop::AtOnce => Over::Cut(End::Stopped),
                },
            };
            if tally.is_past(unit.dts) {
                return Over::Whole(End::Duration);
            }
            let Some(piece) = muxer.push(&unit) else { continue };
            if !tally.takes(unit.dts, piece.len()) {
                return Over::Cut(End::Size);
            }
            if self.pieces.try_send(piece).is_err() {
                return Over::Cut(End::DiskSlow);
            }
            let lost = sources.lost();
            self.state.send_modify(|state| state.lost = lost);
        }
    }

    /// What waits is written, and the end is told.
    async fn end(self, over: Over, last: Option<Bytes>, lost: u64) {
        let Self { pieces, written, state, metrics, .. } = self;
        let is_late = last.is_some_and(|last| pieces.try_send(last).is_err());
        drop(pieces);
        let why = match over {
            Over::Broken(why) => why,
            Over::Whole(_) if is_late => End::DiskSlow,
            Over::Whole(why) | Over::Cut(why) => match timeout(FINISH, written).await {
                Ok(Ok(Ok(()))) => why,
                Ok(ended) => broken(ended),
                Err(_) => End::Failed("the disk does not answer".to_owned()),
            },
        };
        metrics.ended(&why, lost);
        tracing::info!(why = why.word(), fault = why.fault(), lost, "a recording ended");
        let ended = Ended { at: SystemTime::now(), why };
        state.send_modify(|state| (state.lost, state.ended) = (lost, Some(ended)));
    }
}

/// Whoever has the recording no more has stopped it.
async fn stopped(stop: &mut watch::Receiver<Option<Stop>>) -> Stop {
    let told = stop.wait_for(Option::is_some).await;
    told.ok().and_then(|told| *told).unwrap_or(Stop::Finished)
}

/// Who writes ends before it is told to only if it cannot go on.
fn broken(ended: Result<Result<(), End>, oneshot::error::RecvError>) -> End {
    match ended {
        Ok(Err(why)) => why,
        Ok(Ok(())) | Err(_) => End::Failed("what writes the file broke down".to_owned()),
    }
}
