//! A viewer that is offered what it is to be shown, until it answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::shared::error::Error;
use understudy_core::guard::Policy;
use understudy_core::level::Level;
use understudy_core::offer::{Acceptance, Restart, Shown, Transport, accept};

use super::super::connection::guarded;
use super::super::feedback::Feedback;
use super::super::keys::Tapped;
use super::super::negotiate::{Negotiated, Sendings, to_answerer, to_desk};
use super::super::outlet::Outlet;
use super::super::transport_address::TransportAddress;
use super::super::{AnswerError, Ice, OfferError};
use super::arrival::Arrival;
use super::{Agreed, End, Viewer, tapped};
use crate::seats::Seat;

/// What was offered. Dropped, nothing comes of it.
pub struct Offering {
    agreed: Agreed,
    /// The port of ours from which we go to whoever answers, if it is not the one that all share.
    outlet: Option<Outlet>,
}

impl Offering {
    pub(in super::super) fn new(
        offered: (Ice, Level),
        announced: &[TransportAddress],
        seat: Seat,
    ) -> Result<Self, OfferError> {
        Self::with(seat, |seen, tapped, now| to_answerer(offered, announced, seen, tapped, now))
    }

    /// The same, and data channels, to whoever comes to us.
    pub(in super::super) fn of_desk(
        level: Level,
        announced: &[TransportAddress],
        seat: Seat,
    ) -> Result<Self, OfferError> {
        Self::with(seat, |seen, tapped, now| to_desk(level, announced, seen, tapped, now))
    }

    fn with(
        seat: Seat,
        negotiate: impl FnOnce(Arc<Feedback>, Arc<Tapped>, Instant) -> Result<(Negotiated, Sendings), Error>,
    ) -> Result<Self, OfferError> {
        let arrival = Arrival::begin(Instant::now());
        let feedback = Arc::new(Feedback::default());
        let cryptography = tapped()?;
        let (seen, tapped) = (Arc::clone(&feedback), Arc::clone(&cryptography));
        let (negotiated, sendings) = guarded(|| negotiate(seen, tapped, Instant::now()))?;
        Ok(Self {
            agreed: Agreed { negotiated, sendings, feedback, cryptography, seat, arrival },
            outlet: None,
        })
    }

    /// The same, which is accepted at that port.
    pub(in super::super) fn leaving_by(self, outlet: Outlet) -> Self {
        Self { outlet: Some(outlet), ..self }
    }

    /// The port of ours from which we go to whoever answers, if it is not the one that all share.
    pub(in super::super) fn port(&self) -> Option<u16> {
        self.outlet.as_ref().map(Outlet::port)
    }

    pub fn sdp(&self) -> &str {
        &self.agreed.negotiated.sdp
    }

    /// Cannot be guessed: who knows it may end the session that comes of it.
    pub fn session_id(&self) -> &str {
        &self.agreed.negotiated.session_id
    }

    /// Names the ICE session, as in [`Answer::ice_session`](super::super::Answer::ice_session).
    pub fn ice_session(&self) -> &str {
        &self.agreed.negotiated.ufrag
    }

    /// Reads an answer to it.
    pub(in super::super) fn read(&self, answer: &str) -> Result<Acceptance, AnswerError> {
        Ok(accept(self.sdp(), answer)?)
    }

    /// The viewer that has answered so. It speaks next.
    pub(in super::super) fn accepted(self, answer: &Acceptance) -> Result<Viewer, AnswerError> {
        self.take(answer, &[], Instant::now())
    }

    /// The same, but we speak next, to these of its addresses and to none that may not be contacted.
    pub(in super::super) fn reaching(
        self,
        answer: &Acceptance,
        at: &[SocketAddr],
        reach: Policy,
    ) -> Result<Viewer, AnswerError> {
        let now = Instant::now();
        let port = self.port();
        let viewer = self.take(answer, at, now)?;
        Ok(Viewer { connection: viewer.connection.checking(reach, now).leaving_by(port), ..viewer })
    }

    /// The viewer at a desk that is known so, and takes that much. `answer`: the stack's offer taken whole.
    pub(in super::super) fn seated(
        self,
        (peer, answer): (&Transport, String),
        shown: Shown,
        end: End,
    ) -> Result<Viewer, OfferError> {
        let now = Instant::now();
        let Self { mut agreed, .. } = self;
        let (stack, restart) = (&mut agreed.negotiated.stack, Restart::of(answer.clone()));
        guarded(|| stack.set_remote_description(now, RTCSessionDescription::answer(answer)?))?;
        let viewer = Viewer { restart: Some(restart), ..Viewer::new(agreed, peer, now) };
        Ok(viewer.seated(end, shown, now))
    }

    fn take(self, answer: &Acceptance, at: &[SocketAddr], now: Instant) -> Result<Viewer, AnswerError> {
        let Self { mut agreed, outlet } = self;
        let sdp = answer.sdp(at);
        let stack = &mut agreed.negotiated.stack;
        guarded(|| stack.set_remote_description(now, RTCSessionDescription::answer(sdp)?))
            .map_err(|error| AnswerError::Untakeable(error.to_string()))?;
        if let Some(video) = agreed.sendings.video.as_mut().filter(|_| !answer.repairs()) {
            video.repair = None;
        }
        if let Some(video) = &mut agreed.sendings.video {
            video.counted = answer.counted();
        }
        Ok(Viewer { outlet, ..Viewer::new(agreed, &answer.transport, now) })
    }
}
