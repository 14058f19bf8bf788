//! What there is to be told.

use std::fmt;

use serde_json::{Map, Value};

use crate::invitation::Outcome;

/// In the source system's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// On no stage, and to be on none.
    #[default]
    Available,
    /// To be on a stage, on which nothing of it arrives yet, or any more.
    Invited,
    /// What it sends arrives at its stage.
    Joined,
    /// To leave its stage, on which something of it may still be.
    Kicked,
    /// The page has reported an error, and nothing is published.
    Errored,
}

/// Who this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Of the participant.
    pub vp: String,
    /// Of what carries it: the pod.
    pub task: String,
}

/// The participant, as it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub status: Status,
    /// That it is to be on.
    pub stage: Option<Stage>,
    /// Why it left the one before.
    pub outcome: Option<Outcome>,
    /// What the page reported.
    pub error: Option<String>,
    /// What the page says of itself.
    pub metadata: Map<String, Value>,
    /// When it came to be so, in the form of RFC 3339.
    pub updated_at: String,
}

/// A stage, by its invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    pub id: String,
    /// The address of its server, without what lets publish.
    pub whip: String,
    /// Empty: it does not say.
    pub participant_id: String,
    /// What lets the page onto it.
    pub token: Option<Token>,
}

/// What lets somebody in; it is printed nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// What a stage shows of the participant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Showing {
    pub connected: bool,
    pub published: bool,
    /// Of the condition Published.
    pub reason: &'static str,
}

/// The last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kick {
    /// From 1 on.
    pub number: u64,
    pub record: Record,
}

/// All that can be told, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    pub record: Record,
    /// Of the record: one more with each change.
    pub revision: u64,
    /// The connection that brought the last change about.
    pub by: Option<u64>,
    pub kick: Option<Kick>,
    pub showing: Showing,
    /// Where the page comes from that is heard, as browsers write it; none: it is no one of the web.
    pub origin: Option<String>,
    /// That page is the one that joins the stage, and not the session's own.
    pub is_stages: bool,
}

impl Status {
    /// All that the source system has, of which a participant here is in five.
    pub(super) const WORDS: [&'static str; 10] = [
        "PENDING",
        "RUNNING",
        "STOPPED",
        "PROVISIONING",
        "DEPROVISIONING",
        "INVITED",
        "JOINED",
        "ERRORED",
        "KICKED",
        "AVAILABLE",
    ];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Available => "AVAILABLE",
            Self::Invited => "INVITED",
            Self::Joined => "JOINED",
            Self::Kicked => "KICKED",
            Self::Errored => "ERRORED",
        }
    }
}

impl View {
    /// Whether that is where the page comes from that is heard.
    pub fn is_from(&self, origin: &str) -> bool {
        self.origin.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(origin))
    }

    /// Whether whoever comes from there may know what lets the page onto its stage. No origin: no page, but a program of here.
    pub fn entrusts(&self, origin: Option<&str>) -> bool {
        origin.is_none_or(|origin| self.is_stages && self.is_from(origin))
    }
}

impl Record {
    /// Whether they say the same, whenever.
    pub(super) fn says(&self, other: &Self) -> bool {
        let Self { status, stage, outcome, error, metadata, updated_at: _ } = self;
        *status == other.status
            && *stage == other.stage
            && *outcome == other.outcome
            && *error == other.error
            && *metadata == other.metadata
    }
}

impl Token {
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// For whom it lets in.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
