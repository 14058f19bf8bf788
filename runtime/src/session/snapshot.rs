//! What the session tells of itself: a report derived anew after each message.

use understudy_core::condition::{Condition, Severity, Status};
use understudy_core::input::{Health, Plan};
use understudy_core::invitation::Seat;
use understudy_core::part::Part;
use understudy_core::report::{self, Picture, Stance};
use understudy_proto::v1;

use super::InputsView;
use super::driver::{Driver, replace};
use crate::browser::Sandbox;

impl Driver {
    pub(super) fn publish(&self) {
        self.config.metrics.observe(&self.parts);
        let browser = self.browser.as_ref().filter(|_| self.parts.is_up(Part::Browser));
        replace(&self.devtools, browser.map(|browser| browser.devtools_url.clone()));
        replace(&self.shows, self.screen.borrow().is_some() && self.capture_failed.is_none());
        replace(&self.inputs, self.inputs());
        replace(&self.report, self.snapshot());
    }

    fn inputs(&self) -> InputsView {
        InputsView {
            state: self.control.state(),
            configured: self.control.configured().cloned(),
            since: self.steered_at,
            last_error: self.last_error.clone(),
            camera: self.parts.camera().to_string(),
        }
    }

    fn snapshot(&self) -> v1::Report {
        let healths: Vec<_> = self.plans().iter().map(|plan| self.health(plan)).collect();
        let conditions = report::conditions(self.asked.stance, &self.parts, self.control.state(), &healths);
        let camera = match self.parts.is_up(Part::Camera) {
            true => self.parts.camera().to_string(),
            false => "none".to_owned(),
        };
        let sandbox = match self.browser.as_ref().map(|browser| browser.sandbox) {
            Some(Sandbox::Namespaces) => "namespaces",
            Some(Sandbox::Disabled) => "disabled",
            None => "",
        };
        v1::Report {
            observed_generation: self.asked.generation,
            conditions: conditions.into_iter().map(condition).collect(),
            media: Some(v1::Media { camera, browser_sandbox: sandbox.to_owned() }),
            livestreams: self.asked.livestreams.iter().map(|l| self.livestream(&l.name)).collect(),
            ports: Some(self.config.ports),
            happenings: self.journal.snapshot(),
            refusals: self.asked.refusals.clone(),
            invitation: invitation(&self.asked.seat),
        }
    }

    fn health(&self, plan: &Plan) -> Health {
        let running = self.sources.iter().find(|(running, _)| running == plan);
        running.map(|(_, source)| source.health().borrow().clone()).unwrap_or_default()
    }

    fn livestream(&self, name: &str) -> v1::LivestreamReport {
        let asked = &self.asked;
        let picture = match (asked.stance, &asked.session.page, &self.capture_failed, self.proven) {
            (Stance::Untold, ..) => Picture::Untold,
            (_, None, ..) => Picture::Without,
            (_, _, Some(why), _) => Picture::Failed(why),
            (_, _, _, false) => Picture::Awaited,
            (_, _, _, true) => Picture::Proven,
        };
        let (status, reason, message) = report::livestream(picture);
        let viewers = *self.viewers.count(name).borrow();
        v1::LivestreamReport {
            name: name.to_owned(),
            ready: status == Status::True,
            reason: reason.to_owned(),
            message: message.to_owned(),
            viewers: u32::try_from(viewers).unwrap_or(u32::MAX),
            severity: severity(status).into(),
        }
    }
}

fn condition(condition: Condition) -> v1::Condition {
    v1::Condition {
        r#type: condition.kind.to_string(),
        status: condition.status.to_string(),
        reason: condition.reason.to_owned(),
        message: condition.message,
        severity: severity(condition.status).into(),
    }
}

const fn severity(status: Status) -> v1::Severity {
    match status.severity() {
        None => v1::Severity::Unspecified,
        Some(Severity::Info) => v1::Severity::Info,
        Some(Severity::Error) => v1::Severity::Error,
    }
}

/// A refused one is heard of, and neither carried out nor left.
fn invitation(seat: &Seat) -> Option<v1::InvitationReport> {
    let (id, state) = match seat {
        Seat::Empty => return None,
        Seat::Refused { id } => (id, v1::InvitationState::Unspecified),
        Seat::Left { id } => (id, v1::InvitationState::Left),
    };
    Some(v1::InvitationReport { id: id.clone(), state: state.into() })
}
