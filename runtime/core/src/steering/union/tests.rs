use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::steering::{Place, Scroll};

const A: VirtualKey = VirtualKey(0x41);
const LEFT_SHIFT: VirtualKey = VirtualKey(0xa0);
const RIGHT_ALT: VirtualKey = VirtualKey(0xa5);
const HERE: Place = Place { x: 0.5, y: 0.25 };
const ADA: Peer = Peer(1);
const BOB: Peer = Peer(2);

fn down(key: VirtualKey) -> Input {
    Input::Key { motion: Motion::Down, key, modifiers: Modifiers(0) }
}

fn down_with(key: VirtualKey, modifiers: u8) -> Input {
    Input::Key { motion: Motion::Down, key, modifiers: Modifiers(modifiers) }
}

fn up(key: VirtualKey) -> Input {
    Input::Key { motion: Motion::Up, key, modifiers: Modifiers(0) }
}

fn click(motion: Motion, button: Button) -> Input {
    Input::Button { motion, button }
}

fn touch(id: u32, contact: Contact) -> Input {
    Input::Touch { id, contact }
}

fn press(character: char) -> Act {
    Act::Press(character.into())
}

fn release(character: char) -> Act {
    Act::Release(character.into())
}

#[test]
fn a_key_is_down_from_the_first_who_holds_it_to_the_last() {
    let mut union = Union::default();
    assert_eq!(union.take(ADA, down(A)), [press('a')]);
    assert_eq!(union.take(BOB, down(A)), []);
    assert_eq!(union.take(ADA, up(A)), []);
    assert_eq!(union.take(BOB, up(A)), [release('a')]);
}

#[test]
fn what_is_held_already_and_the_end_of_what_is_not_are_nothing_new() {
    let mut union = Union::default();
    assert_eq!(union.take(ADA, up(A)), []);
    union.take(ADA, down(A));
    assert_eq!(union.take(ADA, down(A)), []);
    assert_eq!(union.take(BOB, up(A)), []);
    assert_eq!(union.take(ADA, up(A)), [release('a')]);
    assert_eq!(union.take(ADA, up(A)), []);
    assert_eq!(union.take(ADA, click(Motion::Down, Button::Left)), [Act::PressButton(Button::Left)]);
    assert_eq!(union.take(ADA, click(Motion::Down, Button::Left)), []);
    assert_eq!(union.take(BOB, click(Motion::Up, Button::Left)), []);
    assert_eq!(union.take(ADA, click(Motion::Up, Button::Left)), [Act::ReleaseButton(Button::Left)]);
    assert_eq!(union.take(ADA, click(Motion::Up, Button::Left)), []);
}

#[test]
fn two_keys_that_do_the_same_are_one_on_the_display() {
    let mut union = Union::default();
    assert_eq!(union.take(ADA, down(LEFT_SHIFT)), [Act::Press(Keysym::SHIFT)]);
    assert_eq!(union.take(ADA, down(VirtualKey(0x10))), []);
    assert_eq!(union.take(ADA, up(LEFT_SHIFT)), []);
    assert_eq!(union.leave(ADA), [Act::Release(Keysym::SHIFT)]);
}

#[test]
fn the_pointer_the_wheel_and_text_are_whoever_comes_last_and_held_by_nobody() {
    let mut union = Union::default();
    assert_eq!(union.take(ADA, Input::Point(HERE)), [Act::Point(HERE)]);
    assert_eq!(union.take(BOB, Input::Move { dx: 1, dy: -2 }), [Act::Move { dx: 1, dy: -2 }]);
    let scroll = Scroll { dx: 0, dy: 120 };
    assert_eq!(union.take(ADA, Input::Scroll(scroll)), [Act::Scroll(scroll)]);
    assert_eq!(union.take(ADA, Input::Text("ä漢".to_owned())), [Act::Type('ä'), Act::Type('漢')]);
    assert!(union.held(ADA).is_nothing());
    assert_eq!(union.clear(), []);
}

#[test]
fn a_key_comes_up_as_what_it_went_down_whatever_the_layout_is_by_then() {
    let mut union = Union::new(Layout::German);
    let y = VirtualKey(0x59);
    assert_eq!(union.take(ADA, down(y)), [press('z')]);
    union.set_layout(Layout::Us);
    assert_eq!(union.take(BOB, down(y)), [press('y')]);
    assert_eq!(union.take(ADA, up(y)), [release('z')]);
}

#[test]
fn whoever_leaves_lets_go_of_what_nobody_else_holds_characters_before_modifiers() {
    let mut union = Union::default();
    for key in [LEFT_SHIFT, VirtualKey(0xa2), A, VirtualKey(0x0d), VirtualKey(0x42)] {
        union.take(ADA, down(key));
    }
    union.take(ADA, click(Motion::Down, Button::Right));
    union.take(ADA, touch(7, Contact::Down(HERE)));
    union.take(BOB, down(A));
    union.take(BOB, touch(7, Contact::Down(HERE)));
    let left = [
        release('b'),
        Act::Release(Keysym(0xff0d)),
        Act::Release(Keysym::SHIFT),
        Act::Release(Keysym::CONTROL),
        Act::ReleaseButton(Button::Right),
        Act::Touch { id: 0, contact: Contact::Up },
    ];
    assert_eq!(union.leave(ADA), left);
    assert_eq!(union.leave(ADA), []);
    assert_eq!(union.clear(), [release('a'), Act::Touch { id: 1, contact: Contact::Up }]);
}

#[test]
fn a_modifier_that_only_the_message_knows_of_is_pressed_around_its_key() {
    let mut union = Union::default();
    let [shift, unshift] = [Act::Press(Keysym::SHIFT), Act::Release(Keysym::SHIFT)];
    assert_eq!(union.take(ADA, down_with(A, 1)), [shift.clone(), press('a'), unshift]);
    assert_eq!(union.take(ADA, up(A)), [release('a')]);
    // The Shift key itself says that Shift is held.
    assert_eq!(union.take(BOB, down_with(LEFT_SHIFT, 1)), [shift]);
    assert_eq!(union.take(ADA, down_with(A, 1)), [press('a')]);
    let chord = [
        Act::Press(Keysym::CONTROL),
        Act::Press(Keysym::SUPER),
        press('b'),
        Act::Release(Keysym::SUPER),
        Act::Release(Keysym::CONTROL),
    ];
    assert_eq!(union.take(ADA, down_with(VirtualKey(0x42), 0b1011)), chord);
}

#[test]
fn the_control_that_windows_puts_before_alt_gr_is_not_held_beside_it() {
    let mut union = Union::new(Layout::German);
    union.take(ADA, down_with(LEFT_CONTROL, 2));
    let alt_gr = [Act::Release(Keysym::CONTROL), Act::Press(Keysym::ALT_GR)];
    assert_eq!(union.take(ADA, down_with(RIGHT_ALT, 6)), alt_gr);
    assert_eq!(union.take(ADA, down_with(LEFT_CONTROL, 6)), []);
    assert_eq!(union.take(ADA, down_with(VirtualKey(0x51), 6)), [press('q')]);
    assert_eq!(union.take(ADA, up(LEFT_CONTROL)), []);
    assert_eq!(union.leave(ADA), [release('q'), Act::Release(Keysym::ALT_GR)]);
    // It is Alt elsewhere, and Control stays.
    let mut union = Union::default();
    union.take(ADA, down(LEFT_CONTROL));
    assert_eq!(union.take(ADA, down(RIGHT_ALT)), [Act::Press(Keysym(0xffea))]);
}

#[test]
fn fingers_of_different_people_have_numbers_of_their_own_and_ten_are_felt() {
    let mut union = Union::default();
    let at = |id, contact| [Act::Touch { id, contact }];
    let there = Place { x: 1.0, y: 1.0 };
    assert_eq!(union.take(ADA, touch(5, Contact::Down(HERE))), at(0, Contact::Down(HERE)));
    assert_eq!(union.take(BOB, touch(5, Contact::Down(HERE))), at(1, Contact::Down(HERE)));
    assert_eq!(union.take(ADA, touch(5, Contact::Down(there))), at(0, Contact::Move(there)));
    assert_eq!(union.take(ADA, touch(5, Contact::Up)), at(0, Contact::Up));
    assert_eq!(union.take(ADA, touch(5, Contact::Up)), []);
    assert_eq!(union.take(ADA, touch(5, Contact::Move(there))), []);
    let felt: Vec<_> = (10..20).map(|id| union.take(ADA, touch(id, Contact::Down(HERE))).len()).collect();
    assert_eq!(felt, [1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
    assert_eq!(union.held(ADA).fingers, 9);
}

#[test]
fn nobody_holds_more_than_a_number_of_keys_and_a_key_that_is_not_known_is_not_held() {
    let mut union = Union::default();
    assert_eq!(union.take(ADA, down(VirtualKey(0xffff))), []);
    let keys = (0x41..=0x5a).chain(0x70..=0x87).map(VirtualKey);
    let pressed = keys.filter(|key| !union.take(ADA, down(*key)).is_empty()).count();
    assert_eq!((pressed, union.held(ADA).keys.len()), (MOST_KEYS, MOST_KEYS));
    assert_eq!(union.take(BOB, down(VirtualKey(0x87))).len(), 1);
    union.take(ADA, up(A));
    assert_eq!(union.take(ADA, down(VirtualKey(0x87))), []);
    assert_eq!(union.held(ADA).keys.len(), MOST_KEYS);
}

/// What X would have down, if it did what it is told.
#[derive(Default)]
struct Display {
    keys: BTreeSet<Keysym>,
    buttons: BTreeSet<Button>,
    fingers: BTreeMap<u32, Place>,
}

impl Display {
    /// Nothing is pressed twice, and nothing is released that is not pressed.
    fn apply(&mut self, act: Act) -> Result<(), TestCaseError> {
        let was_expected = match act {
            Act::Press(keysym) => self.keys.insert(keysym),
            Act::Release(keysym) => self.keys.remove(&keysym),
            Act::PressButton(button) => self.buttons.insert(button),
            Act::ReleaseButton(button) => self.buttons.remove(&button),
            Act::Touch { id, contact: Contact::Down(place) } => self.fingers.insert(id, place).is_none(),
            Act::Touch { id, contact: Contact::Move(place) } => self.fingers.insert(id, place).is_some(),
            Act::Touch { id, contact: Contact::Up } => self.fingers.remove(&id).is_some(),
            Act::Type(_) | Act::Move { .. } | Act::Point(_) | Act::Scroll(_) => true,
        };
        prop_assert!(was_expected);
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Step {
    Says(Peer, Input),
    Leaves(Peer),
    Layout(Layout),
}

fn input() -> impl Strategy<Value = Input> {
    let keys = [0x10, 0x41, 0x42, 0x51, 0x59, 0xa0, 0xa1, 0xa2, 0xa5, 0xc0, 0xe2, 0xffff];
    let motion = || select(vec![Motion::Down, Motion::Up]);
    let key = (motion(), select(keys.to_vec()), 0_u8..16).prop_map(|(motion, key, modifiers)| Input::Key {
        motion,
        key: VirtualKey(key),
        modifiers: Modifiers(modifiers),
    });
    let button = (motion(), select(vec![Button::Left, Button::Right]))
        .prop_map(|(motion, button)| click(motion, button));
    let contact = select(vec![Contact::Down(HERE), Contact::Move(HERE), Contact::Up]);
    let touch = (0_u32..6, contact).prop_map(|(id, contact)| touch(id, contact));
    let rest = select(vec![Input::Text("a\n".to_owned()), Input::Point(HERE), Input::Move { dx: 1, dy: 1 }]);
    prop_oneof![6 => key, 2 => button, 3 => touch, 1 => rest]
}

/// Of random downs and ups any may be missing: what is lost on the way is not told from what was never said.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let peer = || (0_u64..4).prop_map(Peer);
    let layouts = Layout::NAMES.map(|(_, layout)| layout).to_vec();
    let step = prop_oneof![
        20 => (peer(), input()).prop_map(|(peer, input)| Step::Says(peer, input)),
        1 => peer().prop_map(Step::Leaves),
        1 => select(layouts).prop_map(Step::Layout),
    ];
    proptest::collection::vec(step, 0..120)
}

proptest! {
    #[test]
    fn a_key_is_down_on_the_display_for_as_long_as_anybody_holds_it_and_nothing_stays(steps in steps()) {
        let (mut union, mut display) = (Union::default(), Display::default());
        // Each peer as though there were no others.
        let mut alone: [Union; 4] = Default::default();
        for step in steps {
            let acts = match step {
                Step::Says(peer, input) => {
                    alone[peer.0 as usize].take(peer, input.clone());
                    union.take(peer, input)
                }
                Step::Leaves(peer) => {
                    alone[peer.0 as usize].leave(peer);
                    union.leave(peer)
                }
                Step::Layout(layout) => {
                    alone.iter_mut().chain([&mut union]).for_each(|union| union.set_layout(layout));
                    Vec::new()
                }
            };
            acts.into_iter().try_for_each(|act| display.apply(act))?;
            let held = [0, 1, 2, 3].map(|peer| alone[peer as usize].held(Peer(peer)));
            let keys: BTreeSet<_> = held.iter().flat_map(|held| held.keys.iter().copied()).collect();
            prop_assert_eq!(&display.keys, &keys);
            let buttons: BTreeSet<_> = held.iter().flat_map(|held| held.buttons.iter().copied()).collect();
            prop_assert_eq!(&display.buttons, &buttons);
            prop_assert!(display.fingers.len() <= 10);
        }
        for peer in 0..4 {
            union.leave(Peer(peer)).into_iter().try_for_each(|act| display.apply(act))?;
        }
        prop_assert!(display.keys.is_empty() && display.buttons.is_empty() && display.fingers.is_empty());
    }
}
