//! The stage that the session was invited to: what the seat says is carried out, and what becomes of that is told to the seat.

use std::time::{Instant, SystemTime};

use understudy_core::invitation::Moment;
use understudy_core::part::{Event, Part};
use understudy_core::report::Stance;
use understudy_proto::v1;

use super::asked::Shows;
use super::director::Director;
use super::want::refusal;
use crate::spec;

impl Director {
    pub(super) fn want_invitation(&mut self, invitation: Option<&v1::Invitation>) -> Option<v1::Refusal> {
        if let Some(invitation) = invitation {
            self.stages.trace(&invitation.id, &invitation.traceparent);
        }
        let parsed = invitation.map(|invitation| (invitation.id.clone(), spec::invitation(invitation)));
        let (desired, refused) = match parsed {
            None => (None, None),
            Some((_, Ok(invitation))) => (Some(Ok(Box::new(invitation))), None),
            Some((id, Err(why))) => {
                let refused = refusal(v1::Part::Invitation, &id, why);
                (Some(Err(id)), Some(refused))
            }
        };
        self.asked.seat = std::mem::take(&mut self.asked.seat).desire(desired, Instant::now());
        refused
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
        if otherwise || plays_otherwise || was_empty != self.stages.is_empty() {
            self.offer();
        }
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
