//! How much one peer may say: so many messages and so much text a second, with room for a burst of each (token buckets).
//!
//! Moves give way first: the last [`KEPT`] messages of a burst are kept for keys, buttons and fingers, so that a mouse that
//! reports a thousand times a second loses no click. Downs are dropped when nothing is left, and their ups are then about
//! something that nobody holds. **An up of what is held is never dropped**, or something would stay held; one of what is not does
//! nothing, and is dropped at no cost: however many come, they take no room of others.

use std::collections::BTreeSet;
use std::time::Instant;

use super::{Button, Contact, Input, Motion, VirtualKey};

/// As many as a mouse that reports with each picture of a fast display, twice over.
pub const MESSAGES_A_SECOND: f64 = 250.0;
pub const MESSAGES_AT_ONCE: f64 = 500.0;
/// For what is not a move.
pub const KEPT: f64 = 50.0;
/// More than anybody types; what is longer is pasted by the clipboard.
pub const TEXT_BYTES_A_SECOND: f64 = 2.0 * 1024.0;
pub const TEXT_BYTES_AT_ONCE: f64 = 8.0 * 1024.0;

/// Keys, buttons and fingers that one peer has down at once; of more nobody has use.
pub const MOST_HELD: usize = 64;

/// What is left to one peer.
#[derive(Debug)]
pub struct Allowance {
    messages: f64,
    text_bytes: f64,
    at: Instant,
    /// What it has down, as far as that was allowed.
    held: BTreeSet<Held>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    Key(VirtualKey),
    Button(Button),
    Finger(u32),
}

/// What a message takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// The next one says it again, or nearly.
    Move,
    Down,
    Up,
    Text {
        bytes: usize,
    },
}

impl Cost {
    pub fn of(input: &Input) -> Self {
        match input {
            Input::Move { .. } | Input::Point(_) | Input::Scroll(_) => Self::Move,
            Input::Touch { contact: Contact::Move(_), .. } => Self::Move,
            Input::Touch { contact: Contact::Down(_), .. } => Self::Down,
            Input::Touch { contact: Contact::Up, .. } => Self::Up,
            Input::Key { motion: Motion::Down, .. } | Input::Button { motion: Motion::Down, .. } => {
                Self::Down
            }
            Input::Key { motion: Motion::Up, .. } | Input::Button { motion: Motion::Up, .. } => Self::Up,
            Input::Text(text) => Self::Text { bytes: text.len() },
        }
    }
}

impl Held {
    const fn of(input: &Input) -> Option<Self> {
        match input {
            Input::Key { key, .. } => Some(Self::Key(*key)),
            Input::Button { button, .. } => Some(Self::Button(*button)),
            Input::Touch { id, .. } => Some(Self::Finger(*id)),
            Input::Text(_) | Input::Move { .. } | Input::Point(_) | Input::Scroll(_) => None,
        }
    }
}

impl Allowance {
    /// All that may come at once.
    pub fn new(now: Instant) -> Self {
        Self { messages: MESSAGES_AT_ONCE, text_bytes: TEXT_BYTES_AT_ONCE, at: now, held: BTreeSet::new() }
    }

    /// Whether it is to be done; if not, it costs nothing.
    pub fn admits(&mut self, now: Instant, input: &Input) -> bool {
        let (cost, held) = (Cost::of(input), Held::of(input));
        match (cost, held) {
            (Cost::Up, Some(held)) => self.held.remove(&held) && self.allows(now, cost),
            (Cost::Down, Some(held)) => {
                let has_room = self.held.contains(&held) || self.held.len() < MOST_HELD;
                let allowed = has_room && self.allows(now, cost);
                if allowed {
                    self.held.insert(held);
                }
                allowed
            }
            _ => self.allows(now, cost),
        }
    }

    /// Takes what the message costs; false: it is to be dropped, and costs nothing.
    pub fn allows(&mut self, now: Instant, cost: Cost) -> bool {
        self.refill(now);
        let text_bytes = match cost {
            Cost::Text { bytes } => bytes as f64,
            Cost::Move | Cost::Down | Cost::Up => 0.0,
        };
        let enough = match cost {
            Cost::Up => true,
            Cost::Move => self.messages >= KEPT + 1.0,
            Cost::Down | Cost::Text { .. } => self.messages >= 1.0 && self.text_bytes >= text_bytes,
        };
        if enough {
            self.messages = (self.messages - 1.0).max(0.0);
            self.text_bytes -= text_bytes;
        }
        enough
    }

    fn refill(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.messages = (self.messages + seconds * MESSAGES_A_SECOND).min(MESSAGES_AT_ONCE);
        self.text_bytes = (self.text_bytes + seconds * TEXT_BYTES_A_SECOND).min(TEXT_BYTES_AT_ONCE);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::steering::{Button, Modifiers, Place, VirtualKey};

    fn allowed(allowance: &mut Allowance, now: Instant, cost: Cost) -> usize {
        (0..2_000).filter(|_| allowance.allows(now, cost)).count()
    }

    #[test]
    fn a_burst_is_allowed_and_then_as_many_as_a_second_brings() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        assert_eq!(allowed(&mut allowance, start, Cost::Down), 500);
        assert_eq!(allowed(&mut allowance, start + Duration::from_secs(1), Cost::Down), 250);
        assert_eq!(allowed(&mut allowance, start + Duration::from_secs(60), Cost::Down), 500);
    }

    #[test]
    fn moves_leave_room_for_keys_and_buttons() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        assert_eq!(allowed(&mut allowance, start, Cost::Move), 450);
        assert_eq!(allowed(&mut allowance, start, Cost::Down), 50);
        // Nor do they use up what comes while they are dropped.
        assert_eq!(allowed(&mut allowance, start + Duration::from_millis(200), Cost::Move), 0);
        assert_eq!(allowed(&mut allowance, start + Duration::from_millis(200), Cost::Down), 50);
    }

    #[test]
    fn what_ends_something_is_allowed_though_nothing_is_left() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        allowed(&mut allowance, start, Cost::Down);
        assert_eq!(allowed(&mut allowance, start, Cost::Up), 2_000);
        // And leaves no debt.
        assert_eq!(allowed(&mut allowance, start + Duration::from_millis(100), Cost::Down), 25);
    }

    #[test]
    fn what_is_held_can_always_be_let_go_of_and_what_is_not_costs_nothing() {
        let start = Instant::now();
        let key = |motion, key| Input::Key { motion, key: VirtualKey(key), modifiers: Modifiers(0) };
        let mut allowance = Allowance::new(start);
        assert!((0..2_000).all(|number| !allowance.admits(start, &key(Motion::Up, number))));
        let pressed = (0..2_000).filter(|number| allowance.admits(start, &key(Motion::Down, *number)));
        assert_eq!(pressed.count(), MOST_HELD, "nobody has more fingers");
        allowed(&mut allowance, start, Cost::Down);
        let released = (0..2_000).filter(|number| allowance.admits(start, &key(Motion::Up, *number)));
        assert_eq!(released.count(), MOST_HELD);
        let mut repeated = Allowance::new(start);
        assert!(
            repeated.admits(start, &key(Motion::Down, 1)) && repeated.admits(start, &key(Motion::Down, 1))
        );
        assert!(repeated.admits(start, &key(Motion::Up, 1)) && !repeated.admits(start, &key(Motion::Up, 1)));
    }

    #[test]
    fn text_is_measured_by_its_bytes_too() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        let text = Cost::Text { bytes: 256 };
        assert_eq!(allowed(&mut allowance, start, text), 32);
        assert!(allowance.allows(start, Cost::Down));
        assert_eq!(allowed(&mut allowance, start + Duration::from_secs(1), text), 8);
        let mut allowance = Allowance::new(start);
        allowed(&mut allowance, start, Cost::Down);
        assert!(!allowance.allows(start, Cost::Text { bytes: 1 }));
    }

    #[test]
    fn a_clock_that_goes_back_brings_nothing() {
        let start = Instant::now() + Duration::from_secs(10);
        let mut allowance = Allowance::new(start);
        allowed(&mut allowance, start, Cost::Down);
        assert!(!allowance.allows(start - Duration::from_secs(5), Cost::Down));
        assert!(!allowance.allows(start, Cost::Down));
    }

    #[test]
    fn every_input_costs_what_it_is() {
        let place = Place { x: 0.0, y: 0.0 };
        let key = |motion| Input::Key { motion, key: VirtualKey(65), modifiers: Modifiers(0) };
        let costs = [
            (Input::Point(place), Cost::Move),
            (Input::Touch { id: 1, contact: Contact::Move(place) }, Cost::Move),
            (Input::Touch { id: 1, contact: Contact::Down(place) }, Cost::Down),
            (Input::Touch { id: 1, contact: Contact::Up }, Cost::Up),
            (key(Motion::Down), Cost::Down),
            (key(Motion::Up), Cost::Up),
            (Input::Button { motion: Motion::Up, button: Button::Left }, Cost::Up),
            (Input::Text("ä".to_owned()), Cost::Text { bytes: 2 }),
        ];
        costs.iter().for_each(|(input, cost)| assert_eq!(Cost::of(input), *cost));
    }
}
