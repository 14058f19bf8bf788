//! The stage that the session was invited to: what the seat says is carried out, and what becomes of that is told to the seat.

use std::time::{Instant, SystemTime};

use understudy_core::invitation::Moment;
use understudy_core::part::{Event, Part};
use understudy_core::report::Stance;
use understudy_core::spec::{Invalid, Invitation, Target};
use understudy_proto::v1;

use super::asked::Shows;
use super::director::Director;
use super::want::refusal;
use crate::spec;

impl Director {
    /// `session`: what is wanted beside it.
    pub(super) fn want_invitation(
        &mut self,
        invitation: Option<&v1::Invitation>,
        session: &v1::SessionSpec,
    ) -> Option<v1::Refusal> {
        if let Some(invitation) = invitation {
            self.stages.trace(&invitation.id, &invitation.traceparent);
        }
        let parsed = invitation.map(|invitation| {
            (invitation.id.clone(), spec::invitation(invitation).and_then(|one| possible(one, session)))
        });
        let (desired, refused) = match parsed {
            None => (None, None),
            Some((_, Ok(invitation))) => (Some(Ok(Box::new(invitation))), None),
            Some((id, Err(why))) => {
                let refused = refusal(v1::Part::Invitation, &id, why);
                (Some(Err(id)), Some(refused))
            }
        };
        match desired {
            Some(Ok(invitation)) if !self.config.has_operator => self.asked.wishes.begin(invitation),
            desired => self.asked.wishes.told(desired),
        }
        self.desire();
        refused
    }

    /// What is wanted of the seat is.
    pub(super) fn desire(&mut self) {
        let desired = self.asked.wishes.desired();
        self.asked.seat = std::mem::take(&mut self.asked.seat).desire(desired, Instant::now());
    }

    /// There is an operator that can be heard, or there is none any more.
    pub(super) fn linked(&mut self, linked: bool) {
        self.asked.alone_since = match linked {
            true => None,
            false => self.asked.alone_since.or_else(|| Some(Instant::now())),
        };
    }

    /// Who is to be on a stage is, and who is not to be leaves it. What the inputs carry meanwhile is heard, also without a page.
    pub(super) async fn attend(&mut self) {
        let (moment, was_empty) = (self.moment(), self.stages.is_empty());
        self.asked.seat = std::mem::take(&mut self.asked.seat).heed(self.stages.sending(), &moment);
        self.go();
        if self.asked.seat.is_leaving() && self.stages.is_empty() {
            self.asked.seat = std::mem::take(&mut self.asked.seat).gone(moment.now);
            self.go();
        }
        let told = self.asked.stance != Stance::Untold;
        let inputs = self.asked.seat.inputs().unwrap_or(&self.asked.session.inputs);
        let plays_otherwise = told && self.sources.document(inputs, self.asked.stance);
        self.asked.seat = std::mem::take(&mut self.asked.seat).heed(self.stages.sending(), &moment);
        let heard = self.shows() == Shows::Inputs;
        let otherwise = self.shows() != Shows::Page && heard != self.parts.is_wanted(Part::Sound);
        if otherwise {
            self.on(if heard { Event::Want(Part::Sound) } else { Event::Drop(Part::Sound) }).await;
        }
        self.lend().await;
        if otherwise || plays_otherwise || was_empty != self.stages.is_empty() {
            self.offer();
        }
    }

    /// While a stage is joined by its page the browser's tab is the stage's, and the session's own page is not there.
    async fn lend(&mut self) {
        let lent = self.stages.needs_tab();
        if self.asked.session.page.is_some() && lent == self.parts.is_wanted(Part::Page) {
            self.on(if lent { Event::Drop(Part::Page) } else { Event::Want(Part::Page) }).await;
        }
        if lent && let Some(keeper) = self.keepers.remove(&Part::Page) {
            keeper.stopped().await;
        }
        let browser = self.browser.as_ref().filter(|_| lent && self.parts.is_up(Part::Browser));
        self.stages.lend(browser.map(|browser| (&browser.page, browser.pid)));
    }

    /// The browser is about to go: a stage's page is left while it still can say goodbye.
    pub(super) async fn leave_stage_page(&mut self) {
        self.go();
        self.stages.take_tab().await;
    }

    fn go(&mut self) {
        let (full, seat) = (self.full(), &self.asked.seat);
        self.stages.run(seat.stage(), seat.is_there(), self.show.program(), full);
    }

    /// When the seat is judged otherwise although nothing happens.
    pub(super) fn attends_at(&self) -> Option<Instant> {
        self.asked.seat.deadline(&self.moment())
    }

    fn moment(&self) -> Moment {
        Moment { now: Instant::now(), clock: SystemTime::now(), alone_since: self.asked.alone_since }
    }
}

/// A page is opened by a browser, which runs for a session that has a page itself.
fn possible(invitation: Invitation, session: &v1::SessionSpec) -> Result<Invitation, Invalid> {
    match &invitation.stage.target {
        Target::Page(_) if session.page.is_none() => {
            Err(Invalid::new("stage.page", "needs a session with a page: no browser runs without one"))
        }
        Target::Page(_) | Target::Whip(_) => Ok(invitation),
    }
}
