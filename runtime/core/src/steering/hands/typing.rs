//! One character, typed whole: as it is, though somebody holds Shift or Control meanwhile.

use super::{Hands, NoKey, Stroke, down, up};
use crate::steering::Keysym;
use crate::steering::keymap::{self, Pair};

/// Both sides of Shift, Control, Meta, Alt, Super and Hyper, and what reaches a third level; not the locks, which are
/// as they are whether their keys are held or not.
const MODIFIERS: [std::ops::RangeInclusive<u32>; 4] =
    [0xffe1..=0xffe4, 0xffe7..=0xffee, 0xfe03..=0xfe03, 0xff7e..=0xff7e];

impl Hands {
    /// What is held of modifiers is lifted around it, and is down again afterwards.
    pub(super) fn types(&mut self, character: char, strokes: &mut Vec<Stroke>) -> Result<(), NoKey> {
        let (code, with_shift) = self.key_that_writes(character.into(), strokes)?;
        let lifted: Vec<u8> = (self.down.iter())
            .filter(|down| is_modifier(down.keysym) && !(with_shift && is_shift(down.keysym)))
            .map(|down| down.code)
            .collect();
        let shift = self.keymap.plain(Keysym::SHIFT).filter(|_| with_shift && !self.has_shift());
        strokes.extend(lifted.iter().rev().copied().map(up));
        strokes.extend(shift.map(down));
        strokes.extend([down(code), up(code)]);
        strokes.extend(shift.map(up));
        strokes.extend(lifted.into_iter().map(down));
        Ok(())
    }

    /// A key that nobody holds, and whether it writes this with Shift.
    fn key_that_writes(&mut self, keysym: Keysym, strokes: &mut Vec<Stroke>) -> Result<(u8, bool), NoKey> {
        if self.capitals && keymap::is_letter(keysym) {
            return self.bind(Pair::same(keysym), strokes).map(|code| (code, false));
        }
        if let Some(code) = self.keymap.plain(keysym).filter(|code| self.is_free(*code)) {
            return Ok((code, false));
        }
        if let Some(code) = self.keymap.shifted(keysym).filter(|code| self.is_free(*code)) {
            return Ok((code, true));
        }
        self.bind(Pair::of(keysym), strokes).map(|code| (code, false))
    }
}

pub(super) const fn is_shift(Keysym(symbol): Keysym) -> bool {
    matches!(symbol, 0xffe1 | 0xffe2)
}

fn is_modifier(Keysym(symbol): Keysym) -> bool {
    MODIFIERS.iter().any(|range| range.contains(&symbol))
}
