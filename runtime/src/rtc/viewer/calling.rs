//! A viewer that is called, or calls: what it sends is taken in, too.

use std::sync::Arc;
use std::time::Instant;

use rtc::peer_connection::sdp::RTCSessionDescription;
use understudy_core::fanout::keyframe::Need;
use understudy_core::guard::{AllowPrivate, Policy};
use understudy_core::media::{Kind, VideoCodec};
use understudy_core::offer::{Agreement, Calling, Encoding};

use super::super::arrivals::Arrivals;
use super::super::connection::guarded;
use super::super::feedback::Feedback;
use super::super::intake::{Delivery, Intake};
use super::super::negotiate::{Negotiated, Seen, Sendings, to_callee, to_caller};
use super::super::outlet::Outlet;
use super::super::transport_address::TransportAddress;
use super::super::{AnswerError, OfferError, Sink};
use super::arrival::Arrival;
use super::{Agreed, End, Viewer, tapped};
use crate::seats::Seat;

/// A call of ours, until its peer has answered. Dropped, nothing comes of it.
pub(in super::super) struct Dialling {
    agreed: Agreed,
    arrivals: Arc<Arrivals>,
    outlet: Outlet,
}

/// Who is at the other end, and who takes what comes from there.
pub(in super::super) struct Ends {
    pub end: End,
    pub sink: Box<dyn Sink>,
}

impl Dialling {
    pub fn new(outlet: Outlet, announced: &[TransportAddress], seat: Seat) -> Result<Self, OfferError> {
        let seen = seen()?;
        let now = Instant::now();
        let at = outlet.announced(announced);
        let (negotiated, sendings) = guarded(|| to_callee(&at, &seen, now))?;
        let (agreed, arrivals) = agreed(negotiated, sendings, seen, seat);
        Ok(Self { agreed, arrivals, outlet })
    }

    pub fn sdp(&self) -> &str {
        &self.agreed.negotiated.sdp
    }

    pub fn session_id(&self) -> &str {
        &self.agreed.negotiated.session_id
    }

    /// The peer has answered so.
    pub fn answered(self, agreement: &Agreement, ends: Ends) -> Result<Viewer, AnswerError> {
        let Self { mut agreed, arrivals, outlet } = self;
        let (now, stack) = (Instant::now(), &mut agreed.negotiated.stack);
        let answer = agreement.sdp().to_owned();
        guarded(|| stack.set_remote_description(now, RTCSessionDescription::answer(answer)?))
            .map_err(|error| AnswerError::Untakeable(error.to_string()))?;
        Ok(Viewer::in_call((agreed, arrivals), agreement, ends, outlet))
    }
}

impl Viewer {
    /// Whoever calls has offered this. Tells our answer.
    pub fn called(
        calling: &Calling,
        ends: Ends,
        (outlet, announced): (Outlet, &[TransportAddress]),
        seat: Seat,
    ) -> Result<(Self, String), OfferError> {
        let (seen, now) = (seen()?, Instant::now());
        let at = outlet.announced(announced);
        let agreement = &calling.agreement;
        let (negotiated, sendings) = guarded(|| to_caller(agreement, &at, &seen, now))?;
        let sdp = calling.answer(&negotiated.sdp).map_err(OfferError::broken)?;
        let made = agreed(negotiated, sendings, seen, seat);
        Ok((Self::in_call(made, agreement, ends, outlet), sdp))
    }

    fn in_call(
        (mut agreed, arrivals): (Agreed, Arc<Arrivals>),
        agreement: &Agreement,
        Ends { end, sink }: Ends,
        outlet: Outlet,
    ) -> Self {
        let now = Instant::now();
        number(&mut agreed.sendings, agreement);
        let viewer = Self::new(agreed, &agreement.transport, now);
        // Whoever is called is anywhere, as whoever calls is: nothing but checks goes there before it has answered one.
        let reach = Policy { allow: AllowPrivate::All, own: Vec::new() };
        let mut connection = viewer.connection.calling(reach, now).leaving_by(Some(outlet.port()));
        // Before any check of its comes: of an address that a check was from the stack would make a second way.
        for (_, line) in agreement.candidates() {
            connection.add_candidate(&line);
        }
        let vp8 = agreement.video.sent.as_ref().is_some_and(|codec| codec.encoding == Encoding::Vp8);
        let codec = if vp8 { VideoCodec::Vp8 } else { VideoCodec::H264 };
        let intake = Some(Intake::new(agreement.comes(), arrivals, sink));
        Self { connection, codec, outlet: Some(outlet), desk: Some(end), intake, ..viewer }
    }

    /// Whether it sends, too.
    pub fn is_in_call(&self) -> bool {
        self.intake.is_some()
    }

    /// Wishes for a whole picture of its; wishes are merged and spaced.
    pub fn refresh(&mut self, need: Need) {
        if let Some(intake) = &mut self.intake {
            intake.refresh(need);
        }
    }

    /// Passes on what arrived of it, and asks for a picture if one is due.
    pub fn deliver(&mut self, now: Instant) -> Delivery {
        let Some(intake) = &mut self.intake else { return Delivery::default() };
        intake.deliver(&mut self.connection, now)
    }

    pub(super) fn intake_wakes_at(&self, now: Instant) -> Option<Instant> {
        self.intake.as_ref()?.wake_at(&self.connection, now)
    }
}

/// What the peer does not take is not sent, and all else under its numbers.
fn number(sendings: &mut Sendings, agreement: &Agreement) {
    for (kind, sending) in [(Kind::Video, &mut sendings.video), (Kind::Audio, &mut sendings.audio)] {
        match (sending.as_mut(), &agreement.way(kind).sent) {
            (Some(sending), Some(codec)) => sending.payload_type = codec.payload_type,
            _ => *sending = None,
        }
    }
}

fn seen() -> Result<Seen, OfferError> {
    Ok(Seen {
        feedback: Arc::new(Feedback::default()),
        arrivals: Arc::new(Arrivals::default()),
        cryptography: tapped()?,
    })
}

fn agreed(
    negotiated: Negotiated,
    sendings: Sendings,
    Seen { feedback, arrivals, cryptography }: Seen,
    seat: Seat,
) -> (Agreed, Arc<Arrivals>) {
    let arrival = Arrival::begin(Instant::now());
    (Agreed { negotiated, sendings, feedback, cryptography, seat, arrival }, arrivals)
}
