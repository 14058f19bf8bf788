//! One viewer: frames of a hub go to it from a keyframe on, sealed for it alone.
//!
//! ```text
//!   Expected ── handshake over ──> Settling{until} ── until ──> Beginning ── all of it has left, or it is lost ──> Watching
//!                                        └──────────────── there is nothing to begin with ──────────────────────────^
//! ```

mod adapting;
mod again;
mod arrival;
mod beginning;
mod calling;
mod desk;
mod offering;
mod publication;
mod stream;

#[cfg(test)]
pub(super) use again::Answered;
pub(super) use beginning::Due;
pub(super) use calling::{Dialling, Ends};
pub(super) use desk::{End, Word};
pub use offering::Offering;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::crypto::CryptoError;
use rtc::peer_connection::message::{RTCMessage, TaggedRTCMessage};
use rtc::sansio::Protocol;
use understudy_core::fanout::again::Again;
use understudy_core::fanout::clock::Anchor;
use understudy_core::fanout::cut::Cut;
use understudy_core::fanout::gate::{Gate, Verdict};
use understudy_core::fanout::history::History;
use understudy_core::fanout::repair::Patience;
use understudy_core::fanout::reporting::Reporting;
use understudy_core::fanout::rtp::Index;
use understudy_core::media::{Kind, VideoCodec};
use understudy_core::offer::{Credentials, Offer, Restart, Transport};

use super::batch::Path;
use super::connection::{Connection, State, guarded};
use super::directory::PeerId;
use super::distribution::DistributionId;
use super::feedback::Feedback;
use super::intake::Intake;
use super::keys::Tapped;
use super::negotiate::{Negotiated, Sendings, to_viewer};
use super::outlet::Outlet;
use super::seal::Sealer;
use super::spread::{Part, Spread};
use super::transport_address::TransportAddress;
use super::{Answer, OfferError, Progress};
use crate::seats::Seat;
use adapting::Adapting;
use arrival::Arrival;
use beginning::{Begun, Stage};
use publication::Publication;
use stream::Stream;

/// All that is left to do for a viewer that is in is to notice its silence, which counts from eight seconds. The stack would
/// look five times a second.
pub(super) const REST: Duration = Duration::from_secs(4);

pub(super) struct Viewer {
    pub connection: Connection,
    /// What it watches, from when it is admitted.
    pub distribution: Option<DistributionId>,
    /// What its picture is encoded as.
    pub codec: VideoCodec,
    /// Where its media goes, as soon as ICE and DTLS have found out.
    pub path: Option<Path>,
    /// The port of ours that it has to itself, until a loop has it.
    pub outlet: Option<Outlet>,
    /// Free again when the viewer is gone.
    _seat: Seat,
    ufrag: String,
    /// For finding the way to it anew, if it is the viewer who looks for it.
    restart: Option<Restart>,
    feedback: Arc<Feedback>,
    cryptography: Arc<Tapped>,
    sealer: Option<Sealer>,
    stage: Stage,
    streams: Streams,
    gate: Gate,
    /// The first packet of the last keyframe that it was sent.
    keyframe: Index,
    /// The RTP timestamp of the last picture that it was sent.
    shown: Option<u32>,
    adapting: Adapting,
    patience: Patience,
    /// When a keyframe is asked for that it does not know it needs.
    repair_at: Option<Instant>,
    again: Again,
    report_at: Instant,
    reporting: Reporting,
    begun: Option<Begun>,
    /// Until it is sent its first picture.
    arrival: Option<Arrival>,
    /// If it is a server that we publish to.
    publication: Option<Publication>,
    /// If it is at a desk, or in a call.
    desk: Option<End>,
    /// What comes from it, if it is in a call.
    intake: Option<Intake>,
}

/// What comes of a negotiation with a viewer.
struct Agreed {
    negotiated: Negotiated,
    sendings: Sendings,
    feedback: Arc<Feedback>,
    cryptography: Arc<Tapped>,
    seat: Seat,
    arrival: Arrival,
}

struct Streams {
    video: Option<Stream>,
    audio: Option<Stream>,
}

/// A frame, and when it is shown.
pub(super) struct Showing<'a> {
    pub cut: &'a Arc<Cut>,
    pub anchor: Anchor,
    pub now: Instant,
}

/// What has to be done for a viewer that was shown a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// What there was to send was spread.
    Done,
    /// Its connection has something to say, or it has something to be done.
    Settle,
}

impl Viewer {
    /// Reads nothing but the offer; the viewer speaks next.
    pub fn answer(
        offer: &Offer,
        announced: &[TransportAddress],
        seat: Seat,
    ) -> Result<(Self, Answer), OfferError> {
        let now = Instant::now();
        let arrival = Arrival::begin(now);
        let feedback = Arc::new(Feedback::default());
        let cryptography = tapped()?;
        let (seen, tapped) = (Arc::clone(&feedback), Arc::clone(&cryptography));
        let (negotiated, sendings) = guarded(|| to_viewer(offer, announced, seen, tapped, now))?;
        let sdp = offer.answer(&negotiated.sdp).map_err(OfferError::broken)?;
        let agreed = Agreed { negotiated, sendings, feedback, cryptography, seat, arrival };
        let viewer = Self::new(agreed, &offer.transport, now);
        let viewer = Self { codec: offer.picture(), restart: Some(offer.restart()), ..viewer };
        let answer = Answer::new(&viewer.connection, sdp);
        Ok((viewer, answer))
    }

    fn new(agreed: Agreed, peer: &Transport, now: Instant) -> Self {
        let Agreed { negotiated, sendings, feedback, cryptography, seat, arrival } = agreed;
        let streams =
            Streams { video: sendings.video.map(Stream::new), audio: sendings.audio.map(Stream::new) };
        Self {
            connection: Connection::new(negotiated, peer, REST, now),
            distribution: None,
            codec: VideoCodec::default(),
            path: None,
            outlet: None,
            _seat: seat,
            ufrag: peer.ufrag.clone(),
            restart: None,
            feedback,
            cryptography,
            sealer: None,
            stage: Stage::Expected,
            streams,
            gate: Gate::default(),
            keyframe: Index(0),
            shown: None,
            adapting: Adapting::default(),
            patience: Patience::default(),
            repair_at: None,
            again: Again::default(),
            report_at: now,
            reporting: Reporting::default(),
            begun: None,
            arrival: Some(arrival),
            publication: None,
            desk: None,
            intake: None,
        }
    }

    pub fn begun(&self) -> super::Begun {
        super::Begun { ice_session: self.connection.ufrag().to_owned(), viewer_ufrag: self.ufrag.clone() }
    }

    /// Has the way to it found anew, with new credentials of its own. Tells what it has to know of ours.
    pub fn restart(&mut self, credentials: &Credentials, now: Instant) -> Result<String, OfferError> {
        let restart = self.restart.as_ref().ok_or(OfferError::Settled)?;
        let answer = self.connection.restart(restart.offer(credentials), now)?;
        self.ufrag.clone_from(&credentials.ufrag);
        Ok(restart.fragment(&answer))
    }

    pub fn feedback(&self) -> &Feedback {
        &self.feedback
    }

    /// When it has something to do although nothing arrives and nothing is shown.
    pub fn wake_at(&self, now: Instant) -> Option<Instant> {
        let stage = match &self.stage {
            Stage::Settling { until } => Some(*until),
            Stage::Beginning { portions, .. } => Some(portions.due()),
            Stage::Expected | Stage::Watching => None,
        };
        let adapting = self.adapting.wake_at();
        let told = [self.desk_wakes_at(), self.intake_wakes_at(now)].into_iter().flatten();
        let own = [self.connection.wake_at(), stage, self.repair_at, adapting].into_iter().flatten();
        own.chain(told).min()
    }

    /// Spreads a frame if this viewer can use it.
    pub fn show(&mut self, id: PeerId, showing: &Showing<'_>, spread: &mut Spread) -> Shown {
        let Showing { cut, anchor, now } = *showing;
        let (State::Live, Some(path)) = (self.connection.state(), self.path) else { return Shown::Done };
        let is_in = matches!(self.stage, Stage::Beginning { .. } | Stage::Watching);
        let has_it = cut.payloads.is_empty() || self.has_begun_with(cut);
        if !is_in || has_it || self.gate.admit(&cut.frame) == Verdict::Skip {
            return Shown::Done;
        }
        match &mut self.stage {
            Stage::Beginning { portions, .. } if cut.frame.kind() == Kind::Video => {
                if !portions.push(cut) {
                    self.lose(now);
                    return Shown::Settle;
                }
            }
            _ => {
                if !self.send(id, path, cut, spread) {
                    return Shown::Settle;
                }
            }
        }
        if self.report_at > now {
            return Shown::Done;
        }
        self.report_at = now + self.reporting.next(self.streams.have_sent());
        if let Some(begun) = self.begun.as_mut().filter(|begun| begun.forgotten_at <= now) {
            begun.history = History::default();
        }
        self.report(&anchor, now);
        Shown::Settle
    }

    /// It reported a lost picture. True: one is to be made; what it begins with may be on its way instead.
    pub fn lost_picture(&mut self, now: Instant) -> bool {
        matches!(self.stage, Stage::Watching) && self.patience.admits(now)
    }

    /// A part of what it was shown did not leave. True: the rest of that picture is of no use.
    pub fn missed(&mut self, part: &Part, now: Instant) -> bool {
        let misses = part.kind == Kind::Video && part.frame >= self.keyframe && self.gate == Gate::Open;
        if misses {
            self.lose(now);
        }
        misses
    }

    /// False: its media cannot be protected, and it is gone.
    fn send(&mut self, id: PeerId, path: Path, cut: &Cut, spread: &mut Spread) -> bool {
        let Some(frame) = self.name(cut) else { return true };
        cut.runs.iter().enumerate().all(|(turn, packets)| {
            let part = Part { viewer: id, path, kind: cut.frame.kind(), frame, turn };
            self.write(part, cut, packets.clone(), spread)
        })
    }

    /// The index of the frame's first packet. None: its kind is not sent here.
    fn name(&mut self, cut: &Cut) -> Option<Index> {
        let frame = self.streams.of(cut.frame.kind())?.take(cut);
        if cut.frame.kind() == Kind::Video {
            self.shown = Some(cut.timestamp);
            self.again.sent(cut.payloads.len());
        }
        if cut.frame.starts_picture() {
            (self.keyframe, self.repair_at) = (frame, None);
            if let Some(arrival) = self.arrival.take() {
                arrival.sent(Instant::now());
                self.progresses(Progress::Showing);
            }
        }
        Some(frame)
    }

    /// False: its media cannot be protected, and it is gone.
    fn write(&mut self, part: Part, cut: &Cut, packets: Range<usize>, spread: &mut Spread) -> bool {
        let (Some(sealer), Some(stream)) = (&mut self.sealer, self.streams.of(part.kind)) else {
            return true;
        };
        let written = spread.add(part, packets, |at, out| {
            sealer.seal(&stream.header(cut, at, part.frame.plus(at)), &cut.payloads[at], out)
        });
        if let Err(error) = &written {
            self.cannot_protect(error);
        }
        written.is_ok()
    }

    fn cannot_protect(&mut self, error: &CryptoError) {
        tracing::error!(%error, "media cannot be protected for a viewer");
        self.connection.fail();
    }

    fn report(&mut self, anchor: &Anchor, now: Instant) {
        self.expects_word(now);
        self.adapting.reports(anchor.moment(Kind::Video, now, 0).ntp, now);
        let streams = [(Kind::Video, &self.streams.video), (Kind::Audio, &self.streams.audio)];
        let sent = |stream: &&Stream| stream.has_sent();
        let reports: Vec<_> = streams
            .into_iter()
            .filter_map(|(kind, stream)| {
                Some(stream.as_ref().filter(sent)?.report(&anchor.moment(kind, now, 0)))
            })
            .collect();
        self.connection.guarded(|stack| {
            for (track, report) in reports {
                stack
                    .handle_write(TaggedRTCMessage { now, message: RTCMessage::RtcpPacket(track, report) })?;
            }
            Ok(())
        });
    }
}

/// What takes a peer's keys along.
fn tapped() -> Result<Arc<Tapped>, OfferError> {
    Ok(Arc::new(Tapped::new().map_err(|error| OfferError::Unanswerable(error.to_string()))?))
}

impl Streams {
    /// Each of them.
    fn have_sent(&self) -> bool {
        [&self.video, &self.audio].into_iter().flatten().all(Stream::has_sent)
    }

    fn of(&mut self, kind: Kind) -> Option<&mut Stream> {
        match kind {
            Kind::Video => self.video.as_mut(),
            Kind::Audio => self.audio.as_mut(),
        }
    }
}

#[cfg(test)]
mod tests;
