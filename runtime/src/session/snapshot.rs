//! What the session tells of itself: a report derived anew after each message.

use understudy_core::condition::{Condition, Severity, Status};
use understudy_core::input::State;
use understudy_core::invitation::Seat;
use understudy_core::part::Part;
use understudy_core::proof::Proof;
use understudy_core::recording::{self, Progress};
use understudy_core::rendition::Full;
use understudy_core::report::{self, Picture, Stance};
use understudy_core::sending::Sending;
use understudy_core::spec::{Livestream, Output};
use understudy_proto::v1;

use super::asked::Shows;
use super::director::Director;
use super::journal::unix_seconds;
use super::kept::File;
use super::streams::StreamView;
use super::told::replace;
use crate::browser::Sandbox;
use crate::egress::whip;

impl Director {
    pub(super) fn publish(&mut self) {
        self.tell_page();
        self.config.metrics.observe(&self.parts);
        let browser = self.browser.as_ref().filter(|_| self.parts.is_up(Part::Browser));
        replace(&self.devtools, browser.map(|browser| browser.devtools_url.clone()));
        replace(&self.inputs, self.sources.view(self.parts.camera().to_string()));
        replace(&self.outputs, self.views());
        replace(&self.report, self.snapshot());
    }

    fn views(&self) -> Vec<StreamView> {
        let mut views = self.streams.views(self.show.proof().shows());
        for view in &mut views {
            if let Output::Recording(_) = view.livestream.output {
                view.is_streaming = self.recordings.progress(&view.livestream.name) == Progress::Written;
            }
        }
        views
    }

    fn snapshot(&self) -> v1::Report {
        let (state, healths) = match self.origin.health() {
            Some(health) => (State::Running, vec![health]),
            None => (self.sources.state(), self.sources.healths()),
        };
        let conditions = report::conditions(self.asked.stance, &self.parts, state, &healths);
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
            livestreams: self.streams.told().iter().map(|one| self.livestream(one)).collect(),
            ports: Some(self.config.ports),
            happenings: self.journal.snapshot(),
            refusals: self.asked.refusals.clone(),
            invitation: invitation(&self.asked.seat, self.picture(self.show.silence().as_deref()))
                .filter(|said| !self.config.has_operator || !self.asked.wishes.is_local(&said.id)),
        }
    }

    fn livestream(&self, livestream: &Livestream) -> v1::LivestreamReport {
        let name = livestream.name.as_str();
        let silence = self.show.silence();
        let picture = self.picture(silence.as_deref());
        let sending = self.streams.sending(name);
        let plain = |(status, reason, message): (_, _, &str)| (status, reason, message.to_owned());
        let (told, takers) = match (&livestream.output, &sending) {
            (Output::Recording(_), _) => {
                let progress = self.recordings.progress(name);
                (recording::told(picture, &progress), usize::from(progress == Progress::Written))
            }
            // The one who takes it is whom it is sent to.
            (_, Some(sending)) => {
                (plain(report::sent(picture, sending)), usize::from(*sending == Sending::Arriving))
            }
            (Output::Rtmp, None) if self.config.ports.rtmp == 0 => {
                (plain(report::UNPLAYED), self.audience.of(name))
            }
            (_, None) => (plain(report::livestream(picture)), self.audience.of(name)),
        };
        let (status, reason, message) = told;
        v1::LivestreamReport {
            name: name.to_owned(),
            ready: status == Status::True,
            reason: reason.to_owned(),
            message,
            viewers: u32::try_from(takers).unwrap_or(u32::MAX),
            severity: severity(status).into(),
            // What an origin sends goes out as it is: its size is seen by whoever plays it.
            encoded: (self.shows() != Shows::Origin
                && matches!(picture, Picture::Proven | Picture::Silent(_))
                && self.is_encoded(livestream))
            .then(|| self.encoded(livestream)),
            recorded: self.recordings.file(name).map(recorded),
        }
    }

    /// How far it is. `silence`: why there is no sound with it.
    pub(super) fn picture<'a>(&'a self, silence: Option<&'a str>) -> Picture<'a> {
        match (self.asked.stance, self.shows(), self.show.proof()) {
            (Stance::Untold, ..) => Picture::Untold,
            (_, Shows::Nothing, _) => Picture::Without,
            (_, _, Proof::Failed(why)) => Picture::Failed(why),
            (_, _, Proof::Nothing | Proof::Awaited) => Picture::Awaited,
            (_, _, Proof::Proven) => silence.map_or(Picture::Proven, Picture::Silent),
        }
    }

    /// For a recording that has ended, or cannot begin, nothing is.
    fn is_encoded(&self, livestream: &Livestream) -> bool {
        use recording::Progress::{Awaited, Still, Written};
        let is_recorded = |name| matches!(self.recordings.progress(name), Awaited | Written | Still);
        !matches!(livestream.output, Output::Recording(_)) || is_recorded(&livestream.name)
    }

    fn encoded(&self, livestream: &Livestream) -> v1::Encoded {
        let Full { size, frame_rate, bitrate } = self.full().chosen(livestream.choice);
        let size = match livestream.output {
            Output::Whip(_) => size.within(whip::MOST),
            _ => size,
        };
        v1::Encoded {
            width: size.width(),
            height: size.height(),
            frame_rate: frame_rate.per_second(),
            video_bitrate_bps: bitrate.bits_per_second(),
        }
    }
}

fn recorded(file: File) -> v1::Recorded {
    let (ended, bytes) = file.ended.map_or((0, 0), |(at, bytes)| (unix_seconds(at), bytes));
    v1::Recorded { started_unix_seconds: unix_seconds(file.since), ended_unix_seconds: ended, bytes }
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
fn invitation(seat: &Seat, picture: Picture<'_>) -> Option<v1::InvitationReport> {
    let (id, participant_id, state) = match seat {
        Seat::Empty => return None,
        Seat::Refused { id } => (id.as_str(), "", v1::InvitationState::Unspecified),
        Seat::Taken(taken) => (taken.id(), taken.participant_id(), v1::InvitationState::Accepted),
        Seat::Leaving { left, .. } => {
            (left.id.as_str(), left.participant_id.as_str(), v1::InvitationState::Accepted)
        }
        Seat::Left(left) => (left.id.as_str(), left.participant_id.as_str(), v1::InvitationState::Left),
    };
    let (outcome, message) = match seat {
        Seat::Left(left) => (left.outcome.word(), left.outcome.message()),
        _ => ("", ""),
    };
    Some(v1::InvitationReport {
        id: id.to_owned(),
        state: state.into(),
        conditions: seat.conditions(picture).into_iter().map(condition).collect(),
        outcome: outcome.to_owned(),
        message: message.to_owned(),
        participant_id: participant_id.to_owned(),
    })
}
