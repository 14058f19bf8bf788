//! How a viewer comes to what all are shown: it has its keys first, and then gets the last keyframe and what followed, a portion
//! at a time. To another rendition it comes in the same way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::crypto::CryptoError;
use understudy_core::fanout::cut::Cut;
use understudy_core::fanout::history::{History, Reach};
use understudy_core::fanout::portions::Portions;
use understudy_core::fanout::rtp::Index;
use understudy_core::fanout::settling::settles_in;
use understudy_core::media::Kind;

use super::super::Progress;
use super::super::directory::PeerId;
use super::super::seal::Sealer;
use super::super::spread::{Part, Spread};
use super::Viewer;

/// From a keyframe's being asked for: an encoder makes it with the next picture.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How long what a viewer began with can be asked for again: about as long as what a hub sends.
const REMEMBERED: Duration = Duration::from_secs(3);

pub(super) enum Stage {
    Expected,
    /// It may not have its keys yet.
    Settling {
        until: Instant,
    },
    /// What it begins with is on its way; `frame` is the first packet of the picture that is.
    Beginning {
        portions: Portions,
        frame: Index,
    },
    Watching,
}

/// What a viewer was sent when it came, or came to another rendition. Its times are other than those of the hub, so the hub's
/// packets must never go out under these numbers.
pub(super) struct Begun {
    pub history: History,
    /// Packets before this are of another rendition.
    pub from: Index,
    /// From here on packets are the hub's.
    pub until: Index,
    /// The hub's number of the first packet that is not among these.
    next: u64,
    /// Nobody asks for them again after that.
    pub forgotten_at: Instant,
}

/// What the time has come for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Due {
    Nothing,
    /// [`Viewer::begin`].
    Begin,
    /// [`Viewer::pour`].
    Portion,
    /// A keyframe is to be made.
    Repair,
    /// A keyframe is to be made of the step that it is to be shown.
    Ask,
    /// The step that it was to be shown does not come.
    Stay,
}

impl Viewer {
    pub fn due(&mut self, now: Instant) -> Due {
        match &self.stage {
            Stage::Settling { until } if *until <= now => return Due::Begin,
            Stage::Beginning { portions, .. } if portions.due() <= now => return Due::Portion,
            _ => {}
        }
        // Should one have been asked for meanwhile, that one serves.
        let repair = self.repair_at.take_if(|at| *at <= now).is_some() && self.patience.admits(now);
        if repair { Due::Repair } else { self.adapting.due(now) }
    }

    /// The handshake is over on our side, and perhaps not yet on the viewer's.
    pub fn connected(&mut self, now: Instant) {
        match Sealer::agreed(&self.cryptography) {
            Ok(sealer) => self.sealer = Some(sealer),
            Err(error) => return self.cannot_protect(&error),
        }
        let wait = settles_in(self.connection.role(), self.connection.handshake(now));
        self.stage = Stage::Settling { until: now + wait };
        if let Some(arrival) = &self.arrival {
            arrival.connected(now);
        }
        self.progresses(Progress::Connected);
    }

    /// Other keys than those that its media is sealed with would be a reason to end it.
    pub fn mind_keys(&mut self) {
        if self.cryptography.again() {
            self.cannot_protect(&CryptoError::Provider("keys were derived again".into()));
        }
    }

    /// It has its keys. False: there is nothing that it could begin with, and it needs a keyframe.
    pub fn begin(&mut self, history: &History, now: Instant) -> bool {
        self.stage = Stage::Watching;
        if self.streams.video.is_none() {
            self.arrival = None; // there will be no frame
            return true;
        }
        let Some(cuts) = history.beginning() else {
            // Should that one not come.
            self.repair_at = Some(now + ASK_AGAIN);
            return false;
        };
        self.start(cuts, now);
        true
    }

    /// From now on it is sent these, and then what its hub has.
    pub(super) fn start(&mut self, cuts: Vec<Arc<Cut>>, now: Instant) {
        let Some(stream) = &self.streams.video else { return };
        let mut history = History::reaching(Reach::Keyframe);
        cuts.iter().for_each(|cut| history.keep(cut));
        let packets = cuts.iter().map(|cut| cut.payloads.len()).sum();
        let from = stream.next();
        let next = cuts.last().map_or(0, |cut| cut.first + cut.payloads.len() as u64);
        // Before any of them is sealed: what is asked for again is looked for by this.
        let (until, forgotten_at) = (from.plus(packets), now + REMEMBERED);
        self.begun = Some(Begun { history, from, until, next, forgotten_at });
        for cut in &cuts {
            self.gate.admit(&cut.frame);
        }
        self.stage = Stage::Beginning { portions: Portions::new(cuts, now), frame: from };
    }

    /// Whether a picture is among those that it began with: it was on its way to all when this viewer came.
    pub(super) fn has_begun_with(&self, cut: &Cut) -> bool {
        cut.frame.kind() == Kind::Video && self.begun.as_ref().is_some_and(|begun| cut.first < begun.next)
    }

    /// Spreads the next portion of what it begins with.
    pub fn pour(&mut self, id: PeerId, now: Instant, spread: &mut Spread) {
        let before = std::mem::replace(&mut self.stage, Stage::Watching);
        let Stage::Beginning { mut portions, mut frame } = before else { return };
        let Some(path) = self.path else { return self.lose(now) };
        for (turn, piece) in portions.take(now).into_iter().enumerate() {
            if piece.packets.start == 0 {
                frame = self.name(&piece.cut).unwrap_or(frame);
            }
            let part = Part { viewer: id, path, kind: Kind::Video, frame, turn };
            if !self.write(part, &piece.cut, piece.packets, spread) {
                return;
            }
        }
        if !portions.is_empty() {
            self.stage = Stage::Beginning { portions, frame };
        }
    }

    /// It waits for a keyframe, which it does not know.
    pub(super) fn lose(&mut self, now: Instant) {
        self.gate.close();
        self.repair_at = Some(self.patience.admits_at(now).unwrap_or(now));
        if matches!(self.stage, Stage::Beginning { .. }) {
            self.stage = Stage::Watching;
        }
        // What has no number yet will never have one of these.
        if let (Some(begun), Some(stream)) = (&mut self.begun, &self.streams.video) {
            begun.until = begun.until.min(stream.next());
        }
    }
}
