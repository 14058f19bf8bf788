//! The hands at one keyboard and one pointer: what an act is as strokes of keys and buttons that a display knows, and what is down
//! of them.
//!
//! There is no touch screen: the first finger is the pointer with its left button held, others do nothing while it is there.

mod typing;

use super::keymap::{Bound, Keymap, Pair};
use super::keys::Levels;
use super::{Act, Button, Contact, Keysym, Motion, Place, Scroll};

/// In 1/120 (`Scroll`).
const NOTCH: i32 = 120;

/// Whoever wants more at once has sent nonsense.
const MOST_NOTCHES: i32 = 40;

const CAPS_LOCK: Keysym = Keysym(0xffe5);
/// Whoever presses digits of a keypad has decided already that they are digits.
const NUM_LOCK: Keysym = Keysym(0xff7f);

/// What the display is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    /// From now on the key writes this.
    Bind {
        code: u8,
        writes: Pair,
    },
    Key {
        motion: Motion,
        code: u8,
    },
    /// As X numbers them.
    Button {
        motion: Motion,
        number: u8,
    },
    Move {
        dx: i16,
        dy: i16,
    },
    Point {
        x: i16,
        y: i16,
    },
}

/// The size of a screen in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixels {
    pub width: u16,
    pub height: u16,
}

#[derive(Debug)]
pub struct Hands {
    keymap: Keymap,
    layout: Vec<Levels>,
    /// In the order in which they were pressed.
    down: Vec<Down>,
    capitals: bool,
    buttons: Vec<Button>,
    finger: Option<u32>,
    /// Less than a notch.
    left: Scroll,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Down {
    keysym: Keysym,
    code: u8,
}

/// There is no key for it: all that are spare are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoKey;

impl Hands {
    /// On keys of that display, pressed as people's keyboards have them: `layout` says what their keys write. One that the display
    /// has not is a spare one, which writes the same and is nowhere (`code` of the DOM is empty).
    pub fn new(keymap: Keymap, layout: Vec<Levels>) -> Self {
        let (down, buttons) = (Vec::new(), Vec::new());
        Self { keymap, layout, down, capitals: false, buttons, finger: None, left: Scroll::default() }
    }

    /// Strokes for it are added.
    pub fn act(&mut self, act: &Act, screen: Pixels, strokes: &mut Vec<Stroke>) -> Result<(), NoKey> {
        match *act {
            Act::Press(keysym) => self.press(keysym, strokes)?,
            Act::Release(keysym) => self.release(keysym, strokes),
            Act::Type(character) => self.types(character, strokes)?,
            Act::Move { dx, dy } => strokes.push(Stroke::Move { dx, dy }),
            Act::Point(place) => strokes.push(screen.at(place)),
            Act::PressButton(button) => self.press_button(button, strokes),
            Act::ReleaseButton(button) => self.release_button(button, strokes),
            Act::Scroll(scroll) => self.scroll(scroll, strokes),
            Act::Touch { id, contact } => self.touch(id, contact, screen, strokes),
        }
        Ok(())
    }

    /// Strokes that release all that is down: keys in the reverse of the order in which they were pressed, then buttons.
    pub fn let_go(&mut self) -> Vec<Stroke> {
        let keys = self.down.drain(..).rev().map(|down| up(down.code));
        let mut strokes: Vec<_> = keys.collect();
        let mut buttons = std::mem::take(&mut self.buttons);
        if self.finger.take().is_some() && !buttons.contains(&Button::Left) {
            buttons.push(Button::Left);
        }
        let up = |button| Stroke::Button { motion: Motion::Up, number: number(button) };
        strokes.extend(buttons.into_iter().map(up));
        strokes
    }

    fn press(&mut self, keysym: Keysym, strokes: &mut Vec<Stroke>) -> Result<(), NoKey> {
        if keysym == NUM_LOCK || self.is_down(keysym) {
            return Ok(());
        }
        let (code, with_shift) = self.key_for(keysym, strokes)?;
        let shift = self.keymap.plain(Keysym::SHIFT).filter(|_| with_shift && !self.has_shift());
        strokes.extend(shift.map(down));
        strokes.push(down(code));
        strokes.extend(shift.map(up));
        self.capitals ^= keysym == CAPS_LOCK;
        self.down.push(Down { keysym, code });
        Ok(())
    }

    fn release(&mut self, keysym: Keysym, strokes: &mut Vec<Stroke>) {
        if let Some(at) = self.down.iter().position(|down| down.keysym == keysym) {
            strokes.push(up(self.down.remove(at).code));
        }
    }

    /// The key that is pressed for it, and whether Shift has to be.
    fn key_for(&mut self, keysym: Keysym, strokes: &mut Vec<Stroke>) -> Result<(u8, bool), NoKey> {
        let alone = |code| (code, false);
        let levels = self.layout.iter().find(|levels| levels.plain == keysym).copied();
        if let Some(levels) = levels {
            let third = levels.alt_gr.filter(|_| self.is_down(Keysym::ALT_GR));
            let pair = third.map_or(Pair { plain: levels.plain, shifted: levels.shift }, Pair::same);
            let own = self.keymap.pair(pair).filter(|code| self.is_free(*code));
            return own.map_or_else(|| self.bind(pair, strokes), Ok).map(alone);
        }
        if let Some(code) = self.keymap.plain(keysym).filter(|code| self.is_free(*code)) {
            return Ok((code, false));
        }
        if let Some(code) = self.keymap.shifted(keysym).filter(|code| self.is_free(*code)) {
            return Ok((code, true));
        }
        self.bind(Pair::of(keysym), strokes).map(alone)
    }

    fn bind(&mut self, pair: Pair, strokes: &mut Vec<Stroke>) -> Result<u8, NoKey> {
        let down = &self.down;
        let Bound { code, is_new } =
            self.keymap.bind(pair, |code| down.iter().all(|down| down.code != code)).ok_or(NoKey)?;
        if is_new {
            strokes.push(Stroke::Bind { code, writes: pair });
        }
        Ok(code)
    }

    fn is_down(&self, keysym: Keysym) -> bool {
        self.down.iter().any(|down| down.keysym == keysym)
    }

    fn is_free(&self, code: u8) -> bool {
        self.down.iter().all(|down| down.code != code)
    }

    fn has_shift(&self) -> bool {
        self.down.iter().any(|down| typing::is_shift(down.keysym))
    }

    fn press_button(&mut self, button: Button, strokes: &mut Vec<Stroke>) {
        if !self.buttons.contains(&button) {
            if !self.is_touched(button) {
                strokes.push(Stroke::Button { motion: Motion::Down, number: number(button) });
            }
            self.buttons.push(button);
        }
    }

    fn release_button(&mut self, button: Button, strokes: &mut Vec<Stroke>) {
        if let Some(at) = self.buttons.iter().position(|held| *held == button) {
            self.buttons.remove(at);
            if !self.is_touched(button) {
                strokes.push(Stroke::Button { motion: Motion::Up, number: number(button) });
            }
        }
    }

    /// Whether a finger holds it.
    fn is_touched(&self, button: Button) -> bool {
        button == Button::Left && self.finger.is_some()
    }

    fn touch(&mut self, id: u32, contact: Contact, screen: Pixels, strokes: &mut Vec<Stroke>) {
        let left = |motion| Stroke::Button { motion, number: number(Button::Left) };
        let is_held = self.buttons.contains(&Button::Left);
        match contact {
            Contact::Down(place) if self.finger.is_none() => {
                self.finger = Some(id);
                strokes.push(screen.at(place));
                strokes.extend((!is_held).then(|| left(Motion::Down)));
            }
            Contact::Move(place) if self.finger == Some(id) => strokes.push(screen.at(place)),
            Contact::Up if self.finger == Some(id) => {
                self.finger = None;
                strokes.extend((!is_held).then(|| left(Motion::Up)));
            }
            Contact::Down(_) | Contact::Move(_) | Contact::Up => {}
        }
    }

    fn scroll(&mut self, Scroll { dx, dy }: Scroll, strokes: &mut Vec<Stroke>) {
        // Buttons that X has wheels be: up, down, left, right.
        for (left, by, [back, forth]) in [(&mut self.left.dy, dy, [4, 5]), (&mut self.left.dx, dx, [6, 7])] {
            // Who turns around begins anew.
            let had = if left.signum() == -by.signum() { 0 } else { *left };
            let all = had.saturating_add(by);
            *left = if by == 0 { *left } else { all % NOTCH };
            let notches = if by == 0 { 0 } else { (all / NOTCH).clamp(-MOST_NOTCHES, MOST_NOTCHES) };
            let number = if notches < 0 { back } else { forth };
            for _ in 0..notches.abs() {
                strokes.extend([Motion::Down, Motion::Up].map(|motion| Stroke::Button { motion, number }));
            }
        }
    }
}

impl Pixels {
    /// The pixel in which it lies.
    fn at(self, Place { x, y }: Place) -> Stroke {
        Stroke::Point { x: pixel(x, self.width), y: pixel(y, self.height) }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a part of what fits")]
fn pixel(part: f32, length: u16) -> i16 {
    let last = i16::try_from(length.saturating_sub(1)).unwrap_or(i16::MAX);
    ((part * f32::from(length)) as i16).clamp(0, last)
}

const fn down(code: u8) -> Stroke {
    Stroke::Key { motion: Motion::Down, code }
}

const fn up(code: u8) -> Stroke {
    Stroke::Key { motion: Motion::Up, code }
}

const fn number(button: Button) -> u8 {
    match button {
        Button::Left => 1,
        Button::Middle => 2,
        Button::Right => 3,
        Button::Back => 8,
        Button::Forward => 9,
    }
}

#[cfg(test)]
mod tests;
