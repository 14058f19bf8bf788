//! Desks: viewers that have data channels as well, and with whom descriptions are exchanged for as long as they are there.
//!
//! Whoever has a [`Desk`] owns what is negotiated; the loop of the peer owns the connection, from when the peer has said who it is.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use understudy_core::offer::{Act, Credentials, Description, Dialogue, Shown, Transport, Type, candidates};

use super::desk::{Candidate, Ended, Message, Opening, Said, SaidError, Told};
use super::driver::Command;
use super::loops::Loops;
use super::viewer::{End, Offering, Word};
use super::{Handle, OfferError};
use crate::program::Program;

/// Whoever opens a desk answers, or offers, as soon as a person has let its browser; nobody else waits for longer.
const OPEN_DEADLINE: Duration = Duration::from_secs(30);
/// Of what is told, before somebody takes it: a second of a mouse that is moved, and more.
const TOLD: usize = 256;

/// One desk; dropped, it ends.
pub struct Desk {
    driver: Handle,
    program: Program,
    name: String,
    session_id: Arc<str>,
    dialogue: Dialogue,
    /// Until the peer has said who it is.
    waiting: Option<Waiting>,
    /// Before what comes from the loop.
    outbox: VecDeque<Told>,
    inbox: mpsc::Receiver<Told>,
    ended: Arc<OnceLock<Ended>>,
    has_named_candidates: bool,
    is_connected: bool,
    /// An offer of more, until then: aiortc that is offered media while it connects never takes any.
    held: Option<Description>,
}

struct Waiting {
    offering: Offering,
    end: End,
    until: Instant,
}

/// Says something on the data channels of a desk; clones are the same.
#[derive(Clone)]
pub struct Speaker {
    loops: Loops,
    session_id: Arc<str>,
}

impl Handle {
    /// One more viewer, that has data channels as well.
    pub fn desk(&self, program: &Program, opening: Opening<'_>) -> Result<Desk, OfferError> {
        let Opening { name, level, first, pulse } = opening;
        let seat = self.viewer_seats.take().ok_or(OfferError::Full)?;
        let offering = Offering::of_desk(level, &self.announced, seat)?;
        let dialogue = Dialogue::new(offering.sdp(), first)?;
        let ended = Arc::new(OnceLock::new());
        let (told, inbox) = mpsc::channel(TOLD);
        let session_id = offering.session_id().into();
        let end = End::new(told, Arc::clone(&ended), pulse);
        let waiting = Some(Waiting { offering, end, until: Instant::now() + OPEN_DEADLINE });
        let mut desk = Desk {
            driver: self.clone(),
            program: program.clone(),
            name: name.to_owned(),
            session_id,
            dialogue,
            waiting,
            outbox: VecDeque::new(),
            inbox,
            ended,
            has_named_candidates: false,
            is_connected: false,
            held: None,
        };
        if let Some(offer) = desk.dialogue.begin() {
            desk.describe(offer);
        }
        Ok(desk)
    }
}

impl Desk {
    /// Hears what the peer says. May take as long as a loop needs for taking in the peer.
    pub async fn hear(&mut self, said: Said) -> Result<(), SaidError> {
        // The peer checks the way to us, wherever it is: its candidates need not be known.
        let Said::Description(said) = said else { return Ok(()) };
        let mut acts: VecDeque<Act> = self.dialogue.hear(&said)?.into();
        let mut comer = None;
        while let Some(act) = acts.pop_front() {
            match act {
                Act::Renew(credentials) => acts.extend(self.renew(credentials).await?),
                Act::Connect { transport, sdp } => comer = Some((transport, sdp)),
                Act::Show(shown) => match comer.take() {
                    Some((transport, answer)) => self.admit((&transport, answer), shown).await?,
                    None => self.take(shown).await,
                },
                Act::Say(description) => self.describe(description),
            }
        }
        Ok(())
    }

    /// What there is to tell next. After [`Told::Closed`] it is that forever. May be given up on without losing anything.
    pub async fn told(&mut self) -> Told {
        if let Some(told) = self.outbox.pop_front() {
            return told;
        }
        if let Some(until) = self.waiting.as_ref().map(|waiting| waiting.until) {
            // The loop's end is here.
            tokio::time::sleep_until(until).await;
            self.waiting = None;
            let _ = self.ended.set(Ended::NeverCame);
        }
        match self.inbox.recv().await {
            Some(Told::Connected) => {
                self.is_connected = true;
                if let Some(offer) = self.held.take() {
                    self.describe(offer);
                }
                Told::Connected
            }
            Some(told) => told,
            None => Told::Closed(self.ended.get().copied().unwrap_or(Ended::Ended)),
        }
    }

    pub fn speaker(&self) -> Speaker {
        Speaker { loops: self.driver.loops.clone(), session_id: Arc::clone(&self.session_id) }
    }

    async fn admit(&mut self, peer: (&Transport, String), shown: Shown) -> Result<(), SaidError> {
        let Some(Waiting { offering, end, .. }) = self.waiting.take() else { return Ok(()) };
        let viewer = offering.seated(peer, shown, end)?;
        Ok(self.driver.admit(&self.name, &self.program, viewer, vec![]).await?)
    }

    /// What is said of a way that is found anew.
    async fn renew(&mut self, credentials: Credentials) -> Result<Vec<Act>, OfferError> {
        let renewed = self.driver.restart(&self.session_id, credentials).await;
        let renewed = renewed.unwrap_or(Err(OfferError::NotRunning));
        let acts = self.dialogue.renewed(renewed.as_ref().ok().map(|renewed| renewed.fragment.as_str()));
        renewed.map(|_| acts)
    }

    async fn take(&mut self, shown: Shown) {
        let take = |id| Command::Desk { id, word: Word::Take(shown) };
        self.driver.loops.tell(&self.session_id, take).await;
    }

    /// Ours are the same in each description, and told once.
    fn describe(&mut self, description: Description) {
        let is_of_more = description.ty == Type::Offer && self.waiting.is_none();
        if is_of_more && !self.is_connected {
            self.held = Some(description);
            return;
        }
        let named = if self.has_named_candidates { vec![] } else { candidates(&description.sdp) };
        self.has_named_candidates = true;
        self.outbox.push_back(Told::Description(description));
        let told = named.into_iter().map(|(sdp_mid, candidate)| {
            Told::Candidate(Candidate {
                candidate,
                sdp_mid: Some(sdp_mid),
                sdp_mline_index: Some(0),
                username_fragment: None,
            })
        });
        self.outbox.extend(told);
    }
}

impl Drop for Desk {
    /// Should the mailbox be full: the loop sees that nobody takes what it tells.
    fn drop(&mut self) {
        self.driver.loops.try_tell(&self.session_id, |id| Command::Desk { id, word: Word::Leave });
    }
}

impl Speaker {
    /// False: the peer is gone. What an unordered channel has no room for is lost; on any other, having no room ends the desk. A label
    /// of which there is no open channel is passed over.
    pub async fn say(&self, label: &str, message: Message) -> bool {
        self.tell(Word::Say(Arc::from(label), message)).await
    }

    /// The same, of what is lost on any channel that has no room for it.
    pub async fn offer(&self, label: &str, message: Message) -> bool {
        self.tell(Word::Offer(Arc::from(label), message)).await
    }

    async fn tell(&self, word: Word) -> bool {
        self.loops.tell(&self.session_id, |id| Command::Desk { id, word }).await
    }
}
