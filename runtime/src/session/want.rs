//! What the session is asked to be: each part of a wish is carried out, or refused, by itself.

use understudy_core::invitation::{self, Seat};
use understudy_core::part::{Event, Part};
use understudy_core::report::Stance;
use understudy_core::spec::{Inputs, Invalid, Livestream, Session, settle};
use understudy_proto::v1;

use super::Wanted;
use super::driver::Driver;
use crate::spec;

/// The program under its own name, whether or not a livestream is asked for.
pub(super) const PROGRAM: &str = "program";

/// What the session was asked to be, as far as it is carried out, and its answer.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) stance: Stance,
    pub(super) generation: u64,
    pub(super) session: Session,
    pub(super) livestreams: Vec<Livestream>,
    pub(super) seat: Seat,
    pub(super) refusals: Vec<v1::Refusal>,
}

impl Driver {
    /// Carries out what can be; the rest is refused, and of that what ran goes on.
    pub(super) async fn want(&mut self, wanted: Wanted) -> Vec<v1::Refusal> {
        let Wanted { generation, stance, spec, livestreams, invitation, mut refusals } = wanted;
        refusals.extend(self.want_livestreams(&livestreams, stance));
        refusals.extend(self.want_invitation(invitation.as_ref()));
        refusals.extend(self.want_session(&spec, stance).await);
        self.asked.generation = generation;
        self.asked.refusals.clone_from(&refusals);
        refusals
    }

    fn want_livestreams(&mut self, livestreams: &[v1::Livestream], stance: Stance) -> Vec<v1::Refusal> {
        let (carried, refused) = settle(&self.asked.livestreams, livestreams.iter().map(spec::livestream));
        self.asked.livestreams = carried;
        self.follow_viewers();
        let program = (stance != Stance::Drained).then(|| PROGRAM.to_owned());
        let names = self.asked.livestreams.iter().map(|livestream| livestream.name.clone());
        self.names.send_replace(program.into_iter().chain(names).collect());
        refused.into_iter().map(|one| refusal(v1::Part::Livestream, &one.name, one.why)).collect()
    }

    fn want_invitation(&mut self, invitation: Option<&v1::Invitation>) -> Option<v1::Refusal> {
        let id = invitation.map(|invitation| invitation.id.as_str());
        self.asked.seat = std::mem::take(&mut self.asked.seat).desire(id);
        id.map(|id| refusal(v1::Part::Invitation, id, Invalid::new("", invitation::NO_STAGES)))
    }

    /// A session that was refused says no more of itself than it did before.
    async fn want_session(&mut self, document: &v1::SessionSpec, stance: Stance) -> Option<v1::Refusal> {
        let after = match spec::parse(document) {
            Ok(session) => session,
            Err(invalid) => return Some(refusal(v1::Part::Session, "", invalid)),
        };
        self.asked.stance = stance;
        let before = std::mem::replace(&mut self.asked.session, after);
        for event in changes(&before, &self.asked.session) {
            self.on(event).await;
        }
        self.offer_screen();
        self.offer_speaker();
        let inputs = self.asked.session.inputs.clone();
        self.want_inputs(&inputs);
        None
    }

    fn want_inputs(&mut self, inputs: &Inputs) {
        let control = self.control.clone();
        match self.asked.stance {
            Stance::Drained => self.control.drain(),
            Stance::Untold | Stance::Told => self.control.document(inputs),
        }
        if self.control != control {
            self.steered();
        }
        if self.control.configured() != control.configured() {
            self.config.feed.reset();
        }
        self.reconcile_sources();
    }
}

/// The events that lead from one session to another.
fn changes(before: &Session, after: &Session) -> Vec<Event> {
    match (&before.page, &after.page) {
        (None, Some(_)) => Part::ALL.into_iter().map(Event::Want).collect(),
        (Some(_), None) => Part::ALL.into_iter().rev().map(Event::Drop).collect(),
        (Some(a), Some(b)) if a.size != b.size => vec![Event::Renew(Part::Display), Event::Renew(Part::Page)],
        (Some(a), Some(b)) if a.location != b.location => vec![Event::Renew(Part::Page)],
        _ => Vec::new(),
    }
}

fn refusal(part: v1::Part, name: &str, why: Invalid) -> v1::Refusal {
    v1::Refusal { part: part.into(), name: name.to_owned(), field_path: why.field, reason: why.reason }
}

#[cfg(test)]
mod tests;
