//! Dialogs that a page opens: `alert`, `confirm`, `prompt`, and the question whether to leave. One of them stops the page, and
//! nobody sits before it. Whoever steers over DevTools may answer; one that nobody answers is answered here. Pure.
//!
//! Source: Chrome DevTools Protocol, `Page.javascriptDialogOpening`, `Page.javascriptDialogClosed`.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than a program takes that answers dialogs by itself, shorter than a viewer takes for a standstill.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// The dialogs that are open, by the attached target that they belong to; a page has one at a time.
#[derive(Debug, Default)]
pub(crate) struct Dialogs {
    open: HashMap<String, Open>,
}

#[derive(Debug)]
struct Open {
    accept: bool,
    until: Instant,
}

/// How one dialog is answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Which attached target it belongs to.
    pub session: String,
    /// Whether it is confirmed.
    pub accept: bool,
}

impl Dialogs {
    /// Something that the browser told.
    pub(crate) fn on(&mut self, session: &str, method: &str, params: &Value, now: Instant) {
        match method {
            "Page.javascriptDialogOpening" => {
                // A page that wants to leave is let go. What it asks beyond that, nobody has confirmed; an alert is the same either way.
                let accept = params["type"] == "beforeunload";
                self.open.insert(session.to_owned(), Open { accept, until: now + PATIENCE });
            }
            "Page.javascriptDialogClosed" | "Inspector.targetCrashed" | "Inspector.detached" => {
                self.open.remove(session);
            }
            _ => {}
        }
    }

    /// When the first of them is to be answered.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.open.values().map(|open| open.until).min()
    }

    /// Those that nobody answered in time; each is told once.
    pub(crate) fn overdue(&mut self, now: Instant) -> Vec<Answer> {
        let overdue = self.open.extract_if(|_session, open| open.until <= now);
        overdue.map(|(session, open)| Answer { session, accept: open.accept }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn opened(kind: &str, now: Instant) -> Dialogs {
        let mut dialogs = Dialogs::default();
        dialogs.on("s", "Page.javascriptDialogOpening", &json!({"type": kind, "message": "?"}), now);
        dialogs
    }

    #[test]
    fn what_nobody_answers_is_answered_once_and_confirms_nothing_that_matters() {
        let now = Instant::now();
        for (kind, accept) in
            [("alert", false), ("confirm", false), ("prompt", false), ("beforeunload", true)]
        {
            let mut dialogs = opened(kind, now);
            assert_eq!(dialogs.due(), Some(now + PATIENCE));
            assert_eq!(dialogs.overdue(now + PATIENCE / 2), []);
            assert_eq!(dialogs.overdue(now + PATIENCE), [Answer { session: "s".into(), accept }], "{kind}");
            assert_eq!((dialogs.overdue(now + PATIENCE), dialogs.due()), (Vec::new(), None));
        }
    }

    #[test]
    fn what_somebody_else_answered_is_left_alone() {
        let now = Instant::now();
        for closed in ["Page.javascriptDialogClosed", "Inspector.targetCrashed"] {
            let mut dialogs = opened("confirm", now);
            dialogs.on("t", closed, &json!({}), now);
            assert!(dialogs.due().is_some(), "it was another page's");
            dialogs.on("s", closed, &json!({}), now);
            assert_eq!(dialogs.due(), None);
        }
    }
}
