//! One publisher: what it sends goes to a sink.

use std::sync::Arc;
use std::time::{Duration, Instant};

use understudy_core::fanout::keyframe::Need;
use understudy_core::offer::Incoming;

use super::arrivals::Arrivals;
use super::connection::{Connection, guarded};
use super::intake::{Delivery, Intake};
use super::negotiate::from_publisher;
use super::transport_address::TransportAddress;
use super::{Answer, OfferError, Sink};
use crate::seats::Seat;

pub(super) struct Publisher {
    pub connection: Connection,
    /// Free again when the publisher is gone.
    _seat: Seat,
    intake: Intake,
}

impl Publisher {
    /// Reads nothing but the offer; the publisher speaks next.
    pub fn answer(
        offer: &Incoming,
        announced: &[TransportAddress],
        sink: Box<dyn Sink>,
        seat: Seat,
    ) -> Result<(Self, Answer), OfferError> {
        let now = Instant::now();
        let arrivals = Arc::new(Arrivals::default());
        let negotiated = guarded(|| from_publisher(offer, announced, Arc::clone(&arrivals), now))?;
        let sdp = offer.answer(&negotiated.sdp).map_err(OfferError::broken)?;
        let connection = Connection::new(negotiated, &offer.transport, Duration::ZERO, now);
        let answer = Answer::new(&connection, sdp);
        let intake = Intake::new(offer.formats.clone(), arrivals, sink);
        Ok((Self { connection, _seat: seat, intake }, answer))
    }

    /// When it has something to do although nothing arrives.
    pub fn wake_at(&self, now: Instant) -> Option<Instant> {
        [self.connection.wake_at(), self.intake.wake_at(&self.connection, now)].into_iter().flatten().min()
    }

    /// Wishes for a whole picture; wishes are merged and spaced.
    pub fn refresh(&mut self, need: Need) {
        self.intake.refresh(need);
    }

    /// Passes on what arrived, and asks for a picture if one is due.
    pub fn deliver(&mut self, now: Instant) -> Delivery {
        self.intake.deliver(&mut self.connection, now)
    }
}
