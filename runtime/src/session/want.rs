//! What the session is asked to be: each part of a wish is carried out, or refused, by itself.

use std::time::Instant;

use understudy_core::part::{Event, Part};
use understudy_core::proof::Proof;
use understudy_core::recording;
use understudy_core::rendition::Full;
use understudy_core::report::Stance;
use understudy_core::resize::Shape;
use understudy_core::spec::{Choice, Invalid, Session};
use understudy_proto::v1;

use super::Wanted;
use super::director::Director;
use super::told::replace;
use crate::spec;

impl Director {
    /// Carries out what can be; the rest is refused, and of that what ran goes on.
    pub(super) async fn want(&mut self, wanted: Wanted) -> Vec<v1::Refusal> {
        let Wanted { generation, stance, spec, livestreams, invitation, mut refusals } = wanted;
        refusals.extend(self.want_livestreams(&livestreams));
        refusals.extend(self.want_invitation(invitation.as_ref(), &spec));
        if stance == Stance::Drained {
            self.asked.wishes.drain();
            self.desire();
        }
        refusals.extend(self.want_session(&spec, stance).await);
        self.attend().await;
        self.call(stance);
        self.offer();
        self.asked.generation = generation;
        self.asked.refusals.clone_from(&refusals);
        refusals
    }

    fn want_livestreams(&mut self, livestreams: &[v1::Livestream]) -> Vec<v1::Refusal> {
        let refused = self.streams.want(livestreams.iter().map(spec::livestream));
        refused.into_iter().map(|one| refusal(v1::Part::Livestream, &one.name, one.why)).collect()
    }

    /// What is shown, or would be.
    pub(super) fn full(&self) -> Full {
        let Session { page, encoding, .. } = &self.asked.session;
        let camera = Shape { size: self.config.camera_size, frame_rate: self.config.camera_frame_rate };
        let Shape { size, frame_rate } = page.as_ref().map_or(camera, Shape::of);
        Full { size, frame_rate, bitrate: encoding.video }
    }

    /// When something of it is to be done although nothing comes.
    pub(super) fn due(&self) -> Option<Instant> {
        [self.parts.deadline(), self.attends_at(), self.origin.again_at()].into_iter().flatten().min()
    }

    /// A name has become free: what was refused of the wish for that is carried out.
    pub(super) fn settle_livestreams(&mut self) {
        let refused = self.streams.settle();
        self.asked.refusals.retain(|refusal| refusal.part() != v1::Part::Livestream);
        let refused = refused.into_iter().map(|one| refusal(v1::Part::Livestream, &one.name, one.why));
        self.asked.refusals.extend(refused);
    }

    /// What is sent is sent, and what can be fetched has its name.
    pub(super) fn call(&mut self, stance: Stance) {
        if stance == Stance::Drained {
            self.streams.drain();
        }
        self.audience.follow(self.streams.all().map(|livestream| livestream.name.as_str()));
        let full = self.full();
        self.streams.run(self.show.program(), full);
        // Whoever describes it says how.
        let program = (stance != Stance::Drained).then(|| (self.config.program.clone(), Choice::default()));
        let named = self.streams.all().map(|one| (one.name.clone(), full.limit(one.choice)));
        self.show.called(named.chain(program));
    }

    /// What of the wish is kept in files is, as far as it can be.
    pub(super) fn record(&mut self) {
        let full = self.full();
        let wanted = match self.asked.stance {
            // Of a page that became another, it is another picture that is asked for.
            Stance::Told => self
                .streams
                .recordings(self.config.recording_limits)
                .map(|wanted| recording::Wanted { choice: full.limit(wanted.choice), ..wanted })
                .collect(),
            Stance::Untold | Stance::Drained => Vec::new(),
        };
        let shows = matches!(self.show.proof(), Proof::Proven);
        if self.recordings.ask(wanted, self.show.program(), shows) {
            self.recorded.send_replace(self.recordings.views());
        }
    }

    /// A session that was refused says no more of itself than it did before.
    async fn want_session(&mut self, document: &v1::SessionSpec, stance: Stance) -> Option<v1::Refusal> {
        let mut after = match spec::parse(document) {
            Ok(session) => session,
            Err(invalid) => return Some(refusal(v1::Part::Session, "", invalid)),
        };
        self.asked.stance = stance;
        self.keep_shape(&mut after);
        self.become_session(after).await;
        None
    }

    /// What somebody made of the display stays until the document says something else of it.
    fn keep_shape(&mut self, after: &mut Session) {
        let page = after.page.as_mut();
        let kept = page.as_deref().and_then(|page| self.asked.resized?.applied(Shape::of(page)));
        match page.zip(kept) {
            Some((page, kept)) => (page.size, page.frame_rate) = (kept.size, kept.frame_rate),
            None => self.asked.resized = None,
        }
    }

    pub(super) async fn become_session(&mut self, after: Session) {
        if self.asked.session.page.is_some() && after.page.is_none() {
            self.leave_stage_page().await;
        }
        if self.origin.want(after.origin.as_ref()).await {
            self.show.of(self.origin.program());
        }
        replace(&self.sharing, after.sharing.clone());
        let before = std::mem::replace(&mut self.asked.session, after);
        let has_camera = self.config.camera.is_some();
        for event in changes(&before, &self.asked.session, has_camera) {
            self.on(event).await;
        }
    }
}

/// What a page needs. What is shown without one needs what [`Director::attend`] sees to.
fn parts(session: &Session, has_camera: bool) -> Vec<Part> {
    let is_wanted = |part: &Part| has_camera || !matches!(part, Part::Pipewire | Part::Camera);
    session.page.iter().flat_map(|_| Part::ALL).filter(is_wanted).collect()
}

/// The events that lead from one session to another.
fn changes(before: &Session, after: &Session, has_camera: bool) -> Vec<Event> {
    let [old, new] = [before, after].map(|session| parts(session, has_camera));
    let dropped = old.iter().rev().filter(|part| !new.contains(part)).map(|part| Event::Drop(*part));
    let wanted = new.iter().filter(|part| !old.contains(part)).map(|part| Event::Want(*part));
    dropped.chain(wanted).chain(renewed(before, after)).collect()
}

fn renewed(before: &Session, after: &Session) -> Vec<Event> {
    match (&before.page, &after.page) {
        (Some(a), Some(b)) if a.size != b.size => vec![Event::Renew(Part::Display), Event::Renew(Part::Page)],
        (Some(a), Some(b)) if a.location != b.location => vec![Event::Renew(Part::Page)],
        _ => Vec::new(),
    }
}

pub(super) fn refusal(part: v1::Part, name: &str, why: Invalid) -> v1::Refusal {
    v1::Refusal { part: part.into(), name: name.to_owned(), field_path: why.field, reason: why.reason }
}

#[cfg(test)]
mod tests;
