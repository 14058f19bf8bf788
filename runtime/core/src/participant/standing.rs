//! Where the participant stands: by its seat, and by what its page said as far as that can be true.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::record::{Kick, Record, Showing, Stage, Status, Token, View};
use super::words::Word;
use crate::condition::{Attention, Condition, Happening, Status as Truth, Type};
use crate::invitation::{Outcome, Seat};
use crate::redact::redacted;

/// Happenings that a page may cause at once, and how long it takes until it may cause one more: others need the room, too.
const AT_ONCE: u32 = 5;
const ONE_MORE: Duration = Duration::from_secs(10);

/// Characters of what a page reports: a line or two in an Event.
const LONGEST_REPORT: usize = 300;

/// Of the tokens that pages were given, the last: what they report may still name one.
const MOST_TOKENS: usize = 8;

/// What becomes of a word.
#[derive(Debug, PartialEq, Eq)]
pub struct Heard {
    /// Whether it can be so.
    pub answer: Result<(), Untrue>,
    /// What others shall hear of it.
    pub happening: Option<Happening>,
}

/// A page says of the participant what is not so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the participant is not as its page says")]
pub struct Untrue;

#[derive(Debug, Default)]
pub struct Standing {
    view: View,
    tokens: VecDeque<Token>,
    allowance: Allowance,
}

impl Standing {
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// How the seat is now, and since when. `said`: what is told of it; `token`: what lets the page onto its stage.
    pub fn observe(&mut self, seat: &Seat, said: &[Condition], token: Option<&str>, at: &str) {
        self.keep(token);
        let before = &self.view.record;
        let showing = showing(seat, said);
        let stage = stage(seat, token);
        let outcome = left(seat, before);
        // Of one that comes, goes or arrives an error of before says nothing.
        let came_or_went = before.stage.as_ref().map(|stage| &stage.id)
            != stage.as_ref().map(|stage| &stage.id)
            || seat.is_leaving() != (before.status == Status::Kicked);
        let error = before.error.clone().filter(|_| !came_or_went && !showing.published);
        let is_kicked = match (before.status, seat.is_leaving()) {
            (Status::Kicked, _) => false,
            (_, true) => true,
            (_, false) => came_or_went && before.stage.is_some(),
        };
        let metadata = before.metadata.clone();
        if is_kicked {
            let number = self.view.kick.as_ref().map_or(0, |kick| kick.number) + 1;
            let outcome = outcome.or(Some(Outcome::Kicked));
            let updated_at = at.to_owned();
            let (status, metadata) = (Status::Kicked, metadata.clone());
            let record = Record { status, stage: None, outcome, error: None, metadata, updated_at };
            self.view.kick = Some(Kick { number, record });
        }
        let mut after = Record { stage, outcome, error, metadata, ..Record::default() };
        after.status = status(&after, seat, &showing);
        self.view.showing = showing;
        self.settle(after, None, at);
    }

    /// A connection says something of the participant.
    pub fn hear(&mut self, word: Word, from: u64, now: Instant, at: &str) -> Heard {
        let mut after = self.view.record.clone();
        let is_published = self.view.showing.published;
        let (mut answer, mut told) = (Ok(()), None);
        match word {
            Word::Ready { metadata } => {
                after.error = None;
                after.metadata = metadata.unwrap_or(after.metadata);
            }
            Word::Status { status, metadata } => {
                match status {
                    "ERRORED" if !is_published && after.status != Status::Kicked => {
                        after.error.get_or_insert_default();
                    }
                    // It is over, it says.
                    "AVAILABLE" if after.stage.is_none() && after.error.is_some() => after.error = None,
                    "INVITED" if after.stage.is_some() && after.error.is_some() => after.error = None,
                    "RUNNING" => {}
                    same if same == after.status.word() => {}
                    _ => answer = Err(Untrue),
                }
                if answer.is_ok() {
                    after.metadata = metadata.unwrap_or(after.metadata);
                }
            }
            Word::JoinedStage => {
                told = Some((
                    Attention::Normal,
                    "PageJoinedStage",
                    "the page says that it is on its stage".to_owned(),
                ));
            }
            Word::LeftStage => {
                told = Some((
                    Attention::Normal,
                    "PageLeftStage",
                    "the page says that it has left its stage".to_owned(),
                ));
            }
            Word::Error { error, metadata } => {
                after.metadata = metadata.unwrap_or(after.metadata);
                let error = plain(&error, &self.tokens);
                told = Some((Attention::Warning, "PageError", format!("the page reports an error: {error}")));
                if !is_published && after.status != Status::Kicked {
                    after.error = Some(error);
                }
            }
        }
        after.status = match (after.status, &after.error) {
            (Status::Available | Status::Invited | Status::Errored, Some(_)) => Status::Errored,
            (Status::Errored, None) if after.stage.is_some() => Status::Invited,
            (Status::Errored, None) => Status::Available,
            (status, _) => status,
        };
        self.settle(after, Some(from), at);
        let told = told.filter(|_| self.allowance.takes(now));
        let happening = told.map(|(attention, reason, message)| Happening { attention, reason, message });
        Heard { answer, happening }
    }

    /// Where the session's page comes from, or the stage's while it is joined by one: `own` and `stage`, as browsers write it.
    pub fn admit(&mut self, seat: &Seat, stage: Option<String>, own: Option<String>) {
        // Until it has left, the stage's is told to.
        let is_left_by_page = seat.is_leaving() && self.view.is_stages;
        if stage.is_some() {
            (self.view.origin, self.view.is_stages) = (stage, true);
        } else if !is_left_by_page {
            (self.view.origin, self.view.is_stages) = (own, false);
        }
    }

    fn keep(&mut self, token: Option<&str>) {
        let token = token.map(Token::new).filter(|token| !self.tokens.contains(token));
        let Some(token) = token else { return };
        if self.tokens.len() >= MOST_TOKENS {
            self.tokens.pop_front();
        }
        self.tokens.push_back(token);
    }

    fn settle(&mut self, mut after: Record, by: Option<u64>, at: &str) {
        if self.view.revision > 0 && self.view.record.says(&after) {
            return;
        }
        at.clone_into(&mut after.updated_at);
        self.view.record = after;
        self.view.revision += 1;
        self.view.by = by;
    }
}

fn status(record: &Record, seat: &Seat, showing: &Showing) -> Status {
    match (seat.is_leaving(), &record.stage, &record.error) {
        (true, ..) => Status::Kicked,
        _ if showing.published => Status::Joined,
        (_, _, Some(_)) => Status::Errored,
        (_, Some(_), None) => Status::Invited,
        (_, None, None) => Status::Available,
    }
}

fn showing(seat: &Seat, said: &[Condition]) -> Showing {
    let Seat::Taken(_) = seat else { return Showing::default() };
    let is = |kind| said.iter().any(|one| one.kind == kind && one.status == Truth::True);
    let reason = said.iter().find(|one| one.kind == Type::Published).map_or("", |one| one.reason);
    Showing { connected: is(Type::Connected), published: is(Type::Published), reason }
}

fn stage(seat: &Seat, token: Option<&str>) -> Option<Stage> {
    let (id, stage) = seat.stage()?;
    let Seat::Taken(taken) = seat else { return None };
    Some(Stage {
        id: id.to_owned(),
        whip: stage.target.to_string(),
        participant_id: taken.participant_id().to_owned(),
        token: token.map(Token::new),
    })
}

/// Why the stage was left that it was on, or is.
fn left(seat: &Seat, before: &Record) -> Option<Outcome> {
    match seat {
        Seat::Leaving { left, .. } => Some(left.outcome),
        Seat::Left(left) => Some(left.outcome),
        // Refused: what was before is over all the same.
        Seat::Refused { .. } => before.outcome,
        Seat::Empty | Seat::Taken(_) => None,
    }
}

/// In one line, bounded, and without what lets somebody in.
fn plain(text: &str, tokens: &VecDeque<Token>) -> String {
    // One may be a part of another.
    let mut tokens: Vec<_> = tokens.iter().map(Token::reveal).collect();
    tokens.sort_unstable_by_key(|token| Reverse(token.len()));
    let text = tokens.iter().fold(text.to_owned(), |text, token| text.replace(token, "***"));
    // No more is looked at than could be shown, but for what is hidden in it.
    let text: String = text.chars().take(LONGEST_REPORT * 4).collect();
    let words: Vec<_> =
        text.split(|letter: char| letter.is_whitespace() || letter.is_control()).map(shown).collect();
    let line: String = words.join(" ").trim().chars().take(LONGEST_REPORT).collect();
    if line.is_empty() { "it does not say which".to_owned() } else { line }
}

/// JSON Web Tokens begin so: `{"`, as base64.
const WEB_TOKEN: &str = "eyJ";

fn shown(word: &str) -> String {
    if word.contains(WEB_TOKEN) { "***".to_owned() } else { redacted(word) }
}

/// How many happenings there may still be.
#[derive(Debug, Default)]
struct Allowance {
    used: u32,
    since: Option<Instant>,
}

impl Allowance {
    fn takes(&mut self, now: Instant) -> bool {
        let since = self.since.get_or_insert(now);
        let back = now.saturating_duration_since(*since).as_secs() / ONE_MORE.as_secs();
        let back = u32::try_from(back).unwrap_or(u32::MAX);
        *since += ONE_MORE.saturating_mul(back);
        self.used = self.used.saturating_sub(back);
        let may = self.used < AT_ONCE;
        self.used += u32::from(may);
        may
    }
}
