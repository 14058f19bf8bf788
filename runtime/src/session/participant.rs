//! The participant as its page is told of it, what the page says, and who invites it here.

use std::time::{Instant, SystemTime};

use jiff::{Timestamp, Unit};
use tokio::sync::{oneshot, watch};
use understudy_core::invitation::Refusal;
use understudy_core::participant::{Untrue, View, Word};
use understudy_core::spec::{Invitation, Location, Target};
use url::Url;

use super::director::Director;
use super::told::replace;
use super::{Ended, Handle, Mail};

/// Why nobody was invited or kicked.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the session has ended")]
    Ended,
}

impl Director {
    pub(super) fn invite(&mut self, invitation: Box<Invitation>) -> Result<(), Refusal> {
        if matches!(invitation.stage.target, Target::Page(_)) && self.asked.session.page.is_none() {
            return Err(Refusal::NoBrowser);
        }
        self.asked.wishes.invite(invitation, &self.asked.seat)?;
        self.desire();
        Ok(())
    }

    pub(super) fn kick(&mut self, id: Option<&str>) -> Result<(), Refusal> {
        self.asked.wishes.kick(id, &self.asked.seat)?;
        self.desire();
        Ok(())
    }

    pub(super) fn hear(&mut self, word: Word, from: u64) -> Result<(), Untrue> {
        let heard = self.standing.hear(word, from, Instant::now(), &now());
        if let Some(happening) = heard.happening {
            self.journal.add(happening);
        }
        heard.answer
    }

    pub(super) fn tell_page(&mut self) {
        let silence = self.show.silence();
        let seat = &self.asked.seat;
        let said = seat.conditions(self.picture(silence.as_deref()));
        self.standing.observe(seat, &said, seat.token_for_page(), &now());
        let own = match self.asked.session.page.as_ref().map(|page| &page.location) {
            Some(Location::Web(url)) => origin(url),
            Some(_) | None => None,
        };
        // While a stage is joined by its page that one is there, and not the session's own.
        self.standing.admit(seat, seat.page().and_then(|page| origin(page.url())), own);
        replace(&self.participant, self.standing.view().clone());
    }
}

impl Handle {
    /// Invites it to a stage. It is on its way when that is answered.
    pub async fn invite(&self, invitation: Invitation) -> Result<(), InviteError> {
        let (answer, answered) = oneshot::channel();
        let message = Mail::Invite(Box::new(invitation), answer);
        self.mailbox.send(message).await.map_err(|_| InviteError::Ended)?;
        Ok(answered.await.map_err(|_| InviteError::Ended)??)
    }

    /// Takes that back; `id`: of that one alone. Its stage is being left when that is answered.
    pub async fn kick(&self, id: Option<String>) -> Result<(), InviteError> {
        let (answer, answered) = oneshot::channel();
        self.mailbox.send(Mail::Kick(id, answer)).await.map_err(|_| InviteError::Ended)?;
        Ok(answered.await.map_err(|_| InviteError::Ended)??)
    }

    /// A connection of the participant socket, by its number, says something; whether it can be so.
    pub async fn hear(&self, word: Word, from: u64) -> Result<Result<(), Untrue>, Ended> {
        let (answer, answered) = oneshot::channel();
        self.mailbox.send(Mail::Heard(word, from, answer)).await.map_err(|_| Ended)?;
        answered.await.map_err(|_| Ended)
    }

    /// What there is to be told on the participant socket.
    pub fn participant(&self) -> watch::Receiver<View> {
        self.participant.clone()
    }
}

/// As browsers write it.
fn origin(url: &str) -> Option<String> {
    Url::parse(url).ok().map(|url| url.origin().ascii_serialization())
}

/// In the form of RFC 3339, to the millisecond.
fn now() -> String {
    let now = Timestamp::try_from(SystemTime::now()).unwrap_or_default();
    let rounded = now.round(Unit::Millisecond).unwrap_or(now);
    format!("{rounded:.3}")
}
