//! Who holds what: the only owner of that, and of what the display is told to press and release.
//!
//! A key is down from the first who holds it to the last; the pointer is wherever the last message put it, at once; text is typed
//! and never held. What is sent again by one who holds it already is nothing new (browsers repeat a key that is held down),
//! nor is the end of what was not held. Whoever leaves lets go of exactly what nobody else holds.
//!
//! **Modifiers of a message.** They say what the client had held when it sent the key, and belong to that key alone. If
//! one of them is not held by anybody, although the message says so, its own event was lost or the client has no such
//! key: it is pressed for the time of that press, and let go at once. Nothing is concluded from one that is missing.
//!
//! **AltGr.** Windows puts a left Control before it, which browsers pass on. It is not held beside AltGr: with it, `@` would
//! be Control and `@`.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::Layout;
use super::{Act, Button, Contact, Input, Keysym, Modifiers, Motion, Peer, VirtualKey};

mod fingers;

use fingers::Fingers;

/// More than anybody has fingers for: what one who means harm makes us remember.
pub const MOST_KEYS: usize = 32;
const LEFT_CONTROL: VirtualKey = VirtualKey(0xa2);
/// By their bits, what is pressed for it, and all that does the same.
const MODIFIERS: [(u8, Keysym, &[Keysym]); 4] = [
    (1, Keysym::SHIFT, &[Keysym::SHIFT, Keysym(0xffe2)]),
    // Some browsers say Control and Alt when they mean AltGr.
    (2, Keysym::CONTROL, &[Keysym::CONTROL, Keysym(0xffe4), Keysym::ALT_GR]),
    (4, Keysym::ALT, &[Keysym::ALT, Keysym(0xffea), Keysym::ALT_GR]),
    (8, Keysym::SUPER, &[Keysym::SUPER, Keysym(0xffec)]),
];

/// What everybody who steers one display holds.
#[derive(Debug, Default)]
pub struct Union {
    layout: Layout,
    /// With the keysym that was pressed for it, which stays whatever layout comes.
    keys: BTreeMap<(Peer, VirtualKey), Keysym>,
    buttons: BTreeSet<(Peer, Button)>,
    fingers: Fingers,
}

/// What one peer holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub keys: BTreeSet<Keysym>,
    pub buttons: BTreeSet<Button>,
    pub fingers: usize,
}

impl Held {
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Union {
    pub fn new(layout: Layout) -> Self {
        Self { layout, ..Self::default() }
    }

    /// For keys that come down from now on.
    pub fn set_layout(&mut self, layout: Layout) {
        self.layout = layout;
    }

    pub fn take(&mut self, peer: Peer, input: Input) -> Vec<Act> {
        match input {
            Input::Key { motion: Motion::Down, key, modifiers } => self.press(peer, key, modifiers),
            Input::Key { motion: Motion::Up, key, .. } => self.release(peer, key).into_iter().collect(),
            Input::Text(text) => text.chars().map(Act::Type).collect(),
            Input::Move { dx, dy } => vec![Act::Move { dx, dy }],
            Input::Point(place) => vec![Act::Point(place)],
            Input::Button { motion, button } => self.click(peer, motion, button).into_iter().collect(),
            Input::Scroll(scroll) => vec![Act::Scroll(scroll)],
            Input::Touch { id, contact } => self.fingers.touch(peer, id, contact).into_iter().collect(),
        }
    }

    /// Characters come up before modifiers, or one of them would be another for a moment; then buttons, then fingers.
    pub fn leave(&mut self, peer: Peer) -> Vec<Act> {
        let Held { keys, buttons, .. } = self.held(peer);
        self.keys.retain(|(holder, _), _| *holder != peer);
        self.buttons.retain(|(holder, _)| *holder != peer);
        let fingers = self.fingers.lift(peer).into_iter().map(|id| Act::Touch { id, contact: Contact::Up });
        let (modifiers, characters): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.is_modifier());
        let keys = characters.into_iter().chain(modifiers);
        let keys = keys.filter(|keysym| !self.is_down(*keysym)).map(Act::Release);
        let buttons = buttons.into_iter().filter(|button| !self.is_clicked(*button)).map(Act::ReleaseButton);
        keys.chain(buttons).chain(fingers).collect()
    }

    /// All leave.
    pub fn clear(&mut self) -> Vec<Act> {
        let keys = self.keys.keys().map(|(peer, _)| *peer);
        let peers = keys.chain(self.buttons.iter().map(|(peer, _)| *peer)).chain(self.fingers.peers());
        let peers: BTreeSet<_> = peers.collect();
        peers.into_iter().flat_map(|peer| self.leave(peer)).collect()
    }

    pub fn held(&self, peer: Peer) -> Held {
        let keys = self.keys.iter().filter(|((holder, _), _)| *holder == peer).map(|(_, keysym)| *keysym);
        let buttons = self.buttons.iter().filter(|(holder, _)| *holder == peer).map(|(_, button)| *button);
        let fingers = self.fingers.peers().filter(|holder| *holder == peer).count();
        Held { keys: keys.collect(), buttons: buttons.collect(), fingers }
    }

    fn press(&mut self, peer: Peer, key: VirtualKey, modifiers: Modifiers) -> Vec<Act> {
        let Some(keysym) = self.layout.plain(key) else { return Vec::new() };
        let count = self.keys.keys().filter(|(holder, _)| *holder == peer).count();
        let is_of_alt_gr = key == LEFT_CONTROL && self.held(peer).keys.contains(&Keysym::ALT_GR);
        if self.keys.contains_key(&(peer, key)) || count >= MOST_KEYS || is_of_alt_gr {
            return Vec::new();
        }
        let control = (keysym == Keysym::ALT_GR).then(|| self.release(peer, LEFT_CONTROL)).flatten();
        let was_down = self.is_down(keysym);
        self.keys.insert((peer, key), keysym);
        let lost = if was_down || keysym.is_modifier() { Vec::new() } else { self.lost(modifiers) };
        let around = lost.iter().map(|modifier| Act::Press(*modifier));
        let press = (!was_down).then_some(Act::Press(keysym));
        let after = lost.iter().rev().map(|modifier| Act::Release(*modifier));
        control.into_iter().chain(around).chain(press).chain(after).collect()
    }

    fn release(&mut self, peer: Peer, key: VirtualKey) -> Option<Act> {
        let keysym = self.keys.remove(&(peer, key))?;
        (!self.is_down(keysym)).then_some(Act::Release(keysym))
    }

    fn click(&mut self, peer: Peer, motion: Motion, button: Button) -> Option<Act> {
        let was_clicked = self.is_clicked(button);
        match motion {
            Motion::Down => {
                self.buttons.insert((peer, button));
                (!was_clicked).then_some(Act::PressButton(button))
            }
            Motion::Up => {
                let was_held = self.buttons.remove(&(peer, button));
                (was_held && !self.is_clicked(button)).then_some(Act::ReleaseButton(button))
            }
        }
    }

    /// What the message says is held, and nobody holds.
    fn lost(&self, modifiers: Modifiers) -> Vec<Keysym> {
        let said = MODIFIERS.iter().filter(|(bit, ..)| modifiers.0 & bit != 0);
        let lost = said.filter(|(_, _, same)| !same.iter().any(|keysym| self.is_down(*keysym)));
        lost.map(|(_, keysym, _)| *keysym).collect()
    }

    fn is_down(&self, keysym: Keysym) -> bool {
        self.keys.values().any(|down| *down == keysym)
    }

    fn is_clicked(&self, button: Button) -> bool {
        self.buttons.iter().any(|(_, held)| *held == button)
    }
}

#[cfg(test)]
mod tests;
