//! What the session tells of itself: a report derived anew after each message.

use understudy_core::input::{Health, Plan};
use understudy_core::part::Part;
use understudy_core::report;
use understudy_proto::v1;

use super::InputsView;
use super::driver::{Driver, replace};
use crate::browser::Sandbox;

impl Driver {
    pub(super) fn publish(&self) {
        self.config.metrics.observe(&self.parts);
        let browser = self.browser.as_ref().filter(|_| self.parts.is_up(Part::Browser));
        replace(&self.devtools, browser.map(|browser| browser.devtools_url.clone()));
        let report = self.snapshot();
        let inputs = self.inputs();
        self.inputs.send_if_modified(|last| {
            let changed = *last != inputs;
            *last = inputs;
            changed
        });
        self.report.send_if_modified(|last| {
            let changed = *last != report;
            *last = report;
            changed
        });
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
        let conditions = [
            report::devices(&self.parts),
            report::page(&self.parts),
            report::inputs(self.control.state(), &healths),
        ];
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
            observed_generation: self.wanted.generation,
            conditions: conditions
                .into_iter()
                .map(|condition| v1::Condition {
                    r#type: condition.kind.to_string(),
                    status: condition.status.to_string(),
                    reason: condition.reason.to_owned(),
                    message: condition.message,
                    ..v1::Condition::default()
                })
                .collect(),
            media: Some(v1::Media { camera, browser_sandbox: sandbox.to_owned() }),
            livestreams: self.wanted.livestreams.iter().map(|l| self.livestream(&l.name)).collect(),
            ports: Some(self.config.ports),
            happenings: self.journal.snapshot(),
            ..v1::Report::default()
        }
    }

    fn health(&self, plan: &Plan) -> Health {
        let running = self.sources.iter().find(|(running, _)| running == plan);
        running.map(|(_, source)| source.health().borrow().clone()).unwrap_or_default()
    }

    fn livestream(&self, name: &str) -> v1::LivestreamReport {
        let (ready, reason, message) = match (&self.session.page, &self.capture_failed, self.proven) {
            (None, ..) => (false, "NoPage", "the session has no page, so there is no picture"),
            (_, Some(why), _) => (false, "CaptureFailed", why.as_str()),
            (_, _, false) => (false, "WaitingForPicture", "no keyframe has been produced yet"),
            (_, _, true) => (true, "Serving", "a picture is produced and can be fetched over WHEP"),
        };
        let viewers = *self.viewers.count(name).borrow();
        v1::LivestreamReport {
            name: name.to_owned(),
            ready,
            reason: reason.to_owned(),
            message: message.to_owned(),
            viewers: u32::try_from(viewers).unwrap_or(u32::MAX),
            ..v1::LivestreamReport::default()
        }
    }
}
