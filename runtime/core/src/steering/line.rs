//! What waits to be done at one desk: bounded, in order, and of all that is refused nothing that would leave something held.
//!
//! While many wait, moves of one peer that follow each other become one. With no room left whatever presses, moves or types is
//! refused; a release that finds no room becomes its peer's letting go of everything, which needs none.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::{Contact, Input, Motion, Peer, Scroll};

/// Four seconds of what one peer may send: whoever waits longer waits for a display that stands still.
pub const ROOM: usize = 1024;

/// From here on moves become one: so many are less than a frame of what all do.
const MANY: usize = 16;

/// Texts for the clipboard, each up to a quarter of a mebibyte.
const TEXTS: usize = 4;

#[derive(Clone, Debug, PartialEq)]
pub enum Errand {
    Input(Peer, Input),
    /// Whatever it holds is let go of.
    Leave(Peer),
    /// Becomes what the clipboard has.
    Copy(Arc<str>),
}

/// There was no room, and nothing will stay held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

#[derive(Debug, Default)]
pub struct Line {
    waiting: VecDeque<Errand>,
    texts: usize,
    /// After all that waits.
    leaving: BTreeSet<Peer>,
}

impl Line {
    pub fn push(&mut self, errand: Errand) -> Result<(), Full> {
        if self.waiting.len() >= MANY && self.waiting.back_mut().is_some_and(|last| merge(last, &errand)) {
            return Ok(());
        }
        let is_text = matches!(errand, Errand::Copy(_));
        if is_text && self.texts >= TEXTS {
            return Err(Full);
        }
        if self.waiting.len() < ROOM && !self.is_leaving(&errand) {
            self.texts += usize::from(is_text);
            self.waiting.push_back(errand);
            return Ok(());
        }
        match errand {
            Errand::Leave(peer) => {
                self.leaving.insert(peer);
                Ok(())
            }
            Errand::Input(peer, input) => {
                if releases(&input) {
                    self.leaving.insert(peer);
                }
                Err(Full)
            }
            Errand::Copy(_) => Err(Full),
        }
    }

    /// What was refused of a peer stays so until it has let go: its next press may have come before.
    fn is_leaving(&self, errand: &Errand) -> bool {
        matches!(errand, Errand::Input(peer, _) | Errand::Leave(peer) if self.leaving.contains(peer))
    }

    /// What is to be done next.
    pub fn take(&mut self) -> Option<Errand> {
        let next = self.waiting.pop_front().or_else(|| self.leaving.pop_first().map(Errand::Leave))?;
        self.texts -= usize::from(matches!(next, Errand::Copy(_)));
        Some(next)
    }
}

const fn releases(input: &Input) -> bool {
    matches!(
        input,
        Input::Key { motion: Motion::Up, .. }
            | Input::Button { motion: Motion::Up, .. }
            | Input::Touch { contact: Contact::Up, .. }
    )
}

/// Whether the next is in `last` now.
fn merge(last: &mut Errand, next: &Errand) -> bool {
    let (Errand::Input(of, last), Errand::Input(by, next)) = (last, next) else { return false };
    if of != by {
        return false;
    }
    match (last, next) {
        (Input::Move { dx, dy }, Input::Move { dx: more_x, dy: more_y }) => {
            *dx = dx.saturating_add(*more_x);
            *dy = dy.saturating_add(*more_y);
        }
        (Input::Point(place), Input::Point(newer)) => *place = *newer,
        (Input::Scroll(Scroll { dx, dy }), Input::Scroll(more)) => {
            *dx = dx.saturating_add(more.dx);
            *dy = dy.saturating_add(more.dy);
        }
        (
            Input::Touch { id, contact: Contact::Move(place) },
            Input::Touch { id: same, contact: Contact::Move(newer) },
        ) if id == same => *place = *newer,
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steering::{Button, Place};

    const ADA: Peer = Peer(1);
    const BOB: Peer = Peer(2);

    fn moves(peer: Peer, dx: i16) -> Errand {
        Errand::Input(peer, Input::Move { dx, dy: 1 })
    }

    fn button(peer: Peer, motion: Motion) -> Errand {
        Errand::Input(peer, Input::Button { motion, button: Button::Left })
    }

    fn all(line: &mut Line) -> Vec<Errand> {
        std::iter::from_fn(|| line.take()).collect()
    }

    fn full() -> Line {
        let mut line = Line::default();
        for _ in 0..ROOM {
            line.push(button(BOB, Motion::Down)).unwrap();
        }
        line
    }

    #[test]
    fn few_moves_are_each_made() {
        let mut line = Line::default();
        line.push(moves(ADA, 1)).unwrap();
        line.push(moves(ADA, 2)).unwrap();
        assert_eq!(all(&mut line), [moves(ADA, 1), moves(ADA, 2)]);
    }

    #[test]
    fn with_many_waiting_moves_of_one_peer_become_one_and_go_as_far() {
        let mut line = Line::default();
        for _ in 0..MANY {
            line.push(button(BOB, Motion::Down)).unwrap();
        }
        let point = |x| Errand::Input(ADA, Input::Point(Place { x, y: 0.0 }));
        let scroll = |dy| Errand::Input(ADA, Input::Scroll(Scroll { dx: 0, dy }));
        for errand in
            [moves(ADA, 1), moves(ADA, 2), moves(BOB, 4), point(0.1), point(0.2), scroll(3), scroll(-1)]
        {
            line.push(errand).unwrap();
        }
        let merged = Errand::Input(ADA, Input::Move { dx: 3, dy: 2 });
        assert_eq!(all(&mut line)[MANY..], [merged, moves(BOB, 4), point(0.2), scroll(2)]);
    }

    #[test]
    fn a_release_that_finds_no_room_lets_go_of_all_that_its_peer_holds() {
        let mut line = full();
        assert_eq!(line.push(button(ADA, Motion::Down)), Err(Full));
        assert_eq!(line.push(button(ADA, Motion::Up)), Err(Full));
        let waiting = all(&mut line);
        assert_eq!((waiting.len(), waiting.last()), (ROOM + 1, Some(&Errand::Leave(ADA))));
    }

    #[test]
    fn who_has_yet_to_let_go_presses_nothing() {
        let mut line = full();
        assert_eq!(line.push(button(ADA, Motion::Up)), Err(Full));
        line.take();
        assert_eq!(line.push(button(ADA, Motion::Down)), Err(Full), "it would be let go of at once");
        all(&mut line);
        assert_eq!(line.push(button(ADA, Motion::Down)), Ok(()));
    }

    #[test]
    fn who_leaves_always_finds_room() {
        let mut line = full();
        assert_eq!(line.push(Errand::Leave(ADA)), Ok(()));
        assert_eq!(all(&mut line).last(), Some(&Errand::Leave(ADA)));
    }

    #[test]
    fn few_texts_wait_for_the_clipboard() {
        let mut line = Line::default();
        let text = || Errand::Copy("text".into());
        for _ in 0..TEXTS {
            line.push(text()).unwrap();
        }
        assert_eq!(line.push(text()), Err(Full));
        line.take();
        assert_eq!(line.push(text()), Ok(()));
    }
}
