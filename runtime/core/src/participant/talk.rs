//! One connection: what it is told, and in which order.

use std::sync::Arc;

use serde_json::Value;

use super::message;
use super::record::{Identity, Status, View};
use super::words::{Asked, NO_STAGE, NO_STORE, NOT_UPDATED, Word, read};
use super::{Untrue, error};

/// Of one connection; a page acts for one participant.
const MOST_STAGES: usize = 16;

/// What a message leads to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// To be said to it, in this order.
    pub replies: Vec<String>,
    /// To be said to the session; its answer is for [`Talk::answered`].
    pub word: Option<Word>,
}

#[derive(Debug)]
pub struct Talk {
    identity: Arc<Identity>,
    /// Where it comes from; none: it is no page.
    origin: Option<String>,
    /// Which connection it is, for the session.
    number: u64,
    /// The record that it was told last; none: it does not follow the participant.
    told: Option<u64>,
    /// The kick that it, or another before it came, was told last.
    kick: u64,
    /// The stages that it follows, and what it was told of each.
    stages: Vec<(String, Value)>,
}

impl Talk {
    /// `kick`: the last of which anybody was told.
    pub const fn new(identity: Arc<Identity>, number: u64, kick: u64) -> Self {
        Self { identity, origin: None, number, told: None, kick, stages: Vec::new() }
    }

    /// The same with a page, which comes from there.
    #[must_use]
    pub fn with(self, origin: Option<String>) -> Self {
        Self { origin, ..self }
    }

    /// What is said first.
    pub fn greeting(client: &str) -> String {
        message::connection(client)
    }

    /// The kick that it was told last.
    pub const fn kick(&self) -> u64 {
        self.kick
    }

    /// It says something.
    pub fn hear(&mut self, text: &str, view: &View) -> Step {
        match read(text, &self.identity.vp) {
            Err(text) => Step { replies: vec![error(&text)], word: None },
            Ok(Asked::Word(word)) => Step { replies: Vec::new(), word: Some(word) },
            Ok(Asked::SubscribeVp) => Step { replies: self.follow(view), word: None },
            Ok(Asked::SubscribeStage(id)) => Step { replies: self.follow_stage(id, view), word: None },
            Ok(Asked::Unsubscribe(id)) => Step { replies: vec![self.leave(&id)], word: None },
        }
    }

    /// What it is said of what became of its word; none: the session has ended.
    pub fn answered(answer: Option<Result<(), Untrue>>) -> Option<String> {
        match answer {
            Some(Ok(())) => None,
            Some(Err(Untrue)) => Some(error(NOT_UPDATED)),
            None => Some(error(NO_STORE)),
        }
    }

    /// What it is told of a change.
    pub fn tell(&mut self, view: &View) -> Vec<String> {
        let mut messages = self.news(view);
        for (id, told) in &mut self.stages {
            let now = message::stage(&self.identity, view, id);
            if now != *told {
                messages.push(message::stage_update(now.clone(), &view.record.updated_at));
                *told = now;
            }
        }
        messages
    }

    fn follow(&mut self, view: &View) -> Vec<String> {
        let vp = &self.identity.vp;
        let mut messages = vec![message::subscription("created", &format!("vp-{vp}"), "vp", vp)];
        messages.extend(self.kicked(view));
        if messages.len() == 1 || view.record.status != Status::Kicked {
            messages.push(self.update(view, message::source(&view.record)));
        }
        self.told = Some(view.revision);
        messages
    }

    fn news(&mut self, view: &View) -> Vec<String> {
        let Some(told) = self.told.filter(|told| *told != view.revision) else { return Vec::new() };
        self.told = Some(view.revision);
        let mut messages: Vec<_> = self.kicked(view).into_iter().collect();
        // Whatever else there was in between counts more than who said the last of it.
        let by = view.by.filter(|_| view.revision == told + 1);
        match by {
            Some(by) if by == self.number => {}
            Some(_) => messages.push(self.update(view, message::BY_PAGE)),
            None if !messages.is_empty() && view.record.status == Status::Kicked => {}
            None => messages.push(self.update(view, message::source(&view.record))),
        }
        messages
    }

    /// That it has to leave, if it was not told: before anything that came later.
    fn kicked(&mut self, view: &View) -> Option<String> {
        let kick = view.kick.as_ref().filter(|kick| kick.number > self.kick)?;
        self.kick = kick.number;
        Some(message::vp_update(&self.identity, &kick.record, message::source(&kick.record), None))
    }

    fn update(&self, view: &View, source: &str) -> String {
        let token = view.record.stage.as_ref().and_then(|stage| stage.token.as_ref());
        let token = token.filter(|_| view.entrusts(self.origin.as_deref()));
        message::vp_update(&self.identity, &view.record, source, token)
    }

    fn follow_stage(&mut self, id: String, view: &View) -> Vec<String> {
        let is_followed = self.stages.iter().any(|(followed, _)| *followed == id);
        if !is_followed && self.stages.len() >= MOST_STAGES {
            return vec![error(NO_STAGE)];
        }
        self.stages.retain(|(followed, _)| *followed != id);
        let now = message::stage(&self.identity, view, &id);
        let created = message::subscription("created", &format!("stage-{id}"), "stage", &id);
        let update = message::stage_update(now.clone(), &view.record.updated_at);
        self.stages.push((id, now));
        vec![created, update]
    }

    /// What is followed no more, or was not.
    fn leave(&mut self, id: &str) -> String {
        if let Some(stage) = id.strip_prefix("stage-") {
            self.stages.retain(|(followed, _)| followed != stage);
            return message::subscription("removed", id, "stage", stage);
        }
        match id.strip_prefix("vp-") {
            Some(vp) => {
                if vp == self.identity.vp {
                    self.told = None;
                }
                message::subscription("removed", id, "vp", vp)
            }
            None => error(super::words::INVALID),
        }
    }
}
