//! Calls: viewers that send, too, from a port of ours that each has to itself, and with whom both sides look for the way.
//!
//! Whoever has a [`Call`] owns what is negotiated; the loop of the peer owns the connection, from when both descriptions are known.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;
use understudy_core::fanout::keyframe::Need;
use understudy_core::fanout::quality::Quality;
use understudy_core::offer::{Agreement, answered, calling, candidate};

use super::desk::{Ended, Told};
use super::driver::Command;
use super::loops::Loops;
use super::transport_address::TransportAddress;
use super::viewer::{Dialling, End, Ends, Viewer, Word};
use super::{AnswerError, Handle, OfferError, Sink};
use crate::program::Program;

/// Of what is told, before somebody takes it: a connection that comes and goes.
const TOLD: usize = 16;
/// Nothing is said on data channels, as there are none.
const NO_PULSE: fn(Quality) -> &'static str = |_| "";

/// A call; dropped, it ends.
pub struct Call {
    session_id: Arc<str>,
    loops: Loops,
    inbox: mpsc::Receiver<Told>,
    ended: Arc<OnceLock<Ended>>,
    agreement: Agreement,
}

/// A call of ours that is not answered yet. Dropped, nothing comes of it.
pub struct Outgoing {
    dialling: Dialling,
    driver: Handle,
}

/// What is shown to whom.
pub struct Party<'a> {
    /// What [`Handle::viewers`] counts by.
    pub name: &'a str,
    pub program: &'a Program,
    /// Takes what comes.
    pub sink: Box<dyn Sink>,
}

impl Handle {
    /// An offer to whoever is called.
    pub fn dial(&self) -> Result<Outgoing, OfferError> {
        let seat = self.call_seats.take().ok_or(OfferError::Full)?;
        let outlet = self.outlets.open().map_err(OfferError::NoPort)?;
        let dialling = Dialling::new(outlet, &self.announced, seat)?;
        Ok(Outgoing { dialling, driver: self.clone() })
    }

    /// Answers whoever calls.
    pub async fn answer_call(&self, offer_sdp: &str, party: Party<'_>) -> Result<(Call, String), OfferError> {
        let calling = calling(offer_sdp)?;
        let seat = self.call_seats.take().ok_or(OfferError::Full)?;
        let outlet = self.outlets.open().map_err(OfferError::NoPort)?;
        let Party { name, program, sink } = party;
        let (end, inbox, ended) = end();
        let ends = Ends { end, sink };
        let (viewer, answer) = Viewer::called(&calling, ends, (outlet, &*self.announced), seat)?;
        let session_id: Arc<str> = viewer.connection.session_id().into();
        let at = places(&viewer, &calling.agreement);
        self.admit(name, program, viewer, at).await?;
        let call = Call { session_id, loops: self.loops.clone(), inbox, ended, agreement: calling.agreement };
        Ok((call, answer))
    }
}

impl Outgoing {
    pub fn sdp(&self) -> &str {
        self.dialling.sdp()
    }

    /// The peer has answered so.
    pub async fn answered(self, answer_sdp: &str, party: Party<'_>) -> Result<Call, AnswerError> {
        let Self { dialling, driver } = self;
        let agreement = answered(dialling.sdp(), answer_sdp)?;
        let session_id: Arc<str> = dialling.session_id().into();
        let Party { name, program, sink } = party;
        let (end, inbox, ended) = end();
        let viewer = dialling.answered(&agreement, Ends { end, sink })?;
        let at = places(&viewer, &agreement);
        driver.admit(name, program, viewer, at).await?;
        Ok(Call { session_id, loops: driver.loops.clone(), inbox, ended, agreement })
    }
}

impl Call {
    pub fn agreement(&self) -> &Agreement {
        &self.agreement
    }

    /// The peer may be reached at this candidate, too. What is none is passed over.
    pub async fn add(&self, text: &str) {
        if let Some((at, line)) = candidate(text) {
            self.loops.tell(&self.session_id, |id| Command::Reach { id, at, line }).await;
        }
    }

    /// Asks for a whole picture; wishes are merged and spaced.
    pub fn refresh(&self, need: Need) {
        self.loops.try_tell(&self.session_id, |id| Command::Refresh { id, need });
    }

    /// What there is to tell next. After [`Told::Closed`] it is that forever. May be given up on without losing anything.
    pub async fn told(&mut self) -> Told {
        let told = self.inbox.recv().await;
        told.unwrap_or_else(|| Told::Closed(self.ended.get().copied().unwrap_or(Ended::Ended)))
    }
}

impl Drop for Call {
    /// Should the mailbox be full: the loop sees that nobody takes what it tells.
    fn drop(&mut self) {
        self.loops.try_tell(&self.session_id, |id| Command::Desk { id, word: Word::Leave });
    }
}

/// Where the peer's description says that it is.
fn places(viewer: &Viewer, agreement: &Agreement) -> Vec<TransportAddress> {
    let place = |(at, _): (SocketAddr, String)| viewer.connection.place(at);
    agreement.candidates().into_iter().map(place).collect()
}

fn end() -> (End, mpsc::Receiver<Told>, Arc<OnceLock<Ended>>) {
    let (ended, (told, inbox)) = (Arc::new(OnceLock::new()), mpsc::channel(TOLD));
    (End::new(told, Arc::clone(&ended), NO_PULSE), inbox, ended)
}

#[cfg(test)]
mod tests;
