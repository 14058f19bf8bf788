//! What the key that a client names is on the display: Windows' virtual keys to keysyms of X, by the layout of the session.
//!
//! Clients name a key by its place: they send the virtual key that the place has on a US keyboard (`event.code`), and the layout
//! says what is written there. `VK_Y` is the key right of `T`: under the German layout it writes `z`.
//!
//! A key that writes a character is pressed as the keysym of its *plain* level, whatever is held: Shift and `1` are `Shift_L` and
//! `1`, and the display's keymap, which has the levels of the same layout ([`Layout::keyboard`]), makes `!` of them. So what is
//! released is what was pressed, in whatever order Shift and the key come up.

use std::str::FromStr;

use super::{Keysym, VirtualKey};

mod named;
mod written;

/// The keyboard that the session has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    #[default]
    Us,
    German,
    French,
    Japanese,
}

/// What a key of a layout writes or does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    pub plain: Keysym,
    pub shift: Keysym,
    /// None: that layout has no AltGr, or it makes no difference.
    pub alt_gr: Option<Keysym>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no keyboard layout has the name {0:?}, there are {known}", known = Layout::NAMES.map(|(name, _)| name).join(", "))]
pub struct UnknownLayout(String);

impl Layout {
    pub const NAMES: [(&str, Self); 4] =
        [("us", Self::Us), ("de", Self::German), ("fr", Self::French), ("jp", Self::Japanese)];

    /// As settings and pages call it.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, layout)| *layout == self).map_or("us", |(name, _)| name)
    }

    /// The keysym that the key is pressed and released as. None: there is no such key.
    pub fn plain(self, key: VirtualKey) -> Option<Keysym> {
        self.levels(key).map(|levels| levels.plain)
    }

    pub fn levels(self, key: VirtualKey) -> Option<Levels> {
        let written = self.written().find(|(found, _)| *found == key).map(|(_, levels)| levels);
        written.or_else(|| named::of(self, key).map(Levels::of))
    }

    /// Every key that writes a character, with what it writes: what the keymap of the display must have.
    pub fn keyboard(self) -> impl Iterator<Item = Levels> {
        self.written().map(|(_, levels)| levels)
    }

    fn written(self) -> impl Iterator<Item = (VirtualKey, Levels)> {
        written::keys(match self {
            Self::Us => &written::US,
            Self::German => &written::GERMAN,
            Self::French => &written::FRENCH,
            Self::Japanese => &written::JAPANESE,
        })
    }
}

impl FromStr for Layout {
    type Err = UnknownLayout;

    fn from_str(text: &str) -> Result<Self, UnknownLayout> {
        let found = Self::NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, layout)| *layout).ok_or_else(|| UnknownLayout(text.to_owned()))
    }
}

impl Levels {
    /// Of a key that does the same on all of them.
    fn of(keysym: Keysym) -> Self {
        Self { plain: keysym, shift: keysym, alt_gr: None }
    }
}

impl Keysym {
    pub const SHIFT: Self = Self(0xffe1);
    pub const CONTROL: Self = Self(0xffe3);
    pub const ALT: Self = Self(0xffe9);
    pub const SUPER: Self = Self(0xffeb);
    /// What AltGr does (`ISO_Level3_Shift`).
    pub const ALT_GR: Self = Self(0xfe03);

    /// It changes what other keys do, for as long as it is held.
    pub fn is_modifier(self) -> bool {
        // Shift_L to Hyper_R, among them the two locks, and Mode_switch.
        matches!(self.0, 0xffe1..=0xffee | 0xff7e) || self == Self::ALT_GR
    }
}

/// Of what is typed: Latin-1 has the numbers of its characters, all others have theirs with a mark (`keysymdef.h`).
impl From<char> for Keysym {
    fn from(character: char) -> Self {
        match character {
            '\n' | '\r' => Self(0xff0d),
            '\t' => Self(0xff09),
            ' '..='~' | '\u{a0}'..='\u{ff}' => Self(character.into()),
            other => Self(0x0100_0000 + u32::from(other)),
        }
    }
}

#[cfg(test)]
mod tests;
