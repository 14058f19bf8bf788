//! What hands do, stroke by stroke.

use super::*;

const SCREEN: Pixels = Pixels { width: 1280, height: 720 };
const SHIFT: Keysym = Keysym::SHIFT;
const CONTROL: Keysym = Keysym::CONTROL;
const A: Keysym = Keysym(0x61);
const ONE: Keysym = Keysym(0x31);
const BANG: Keysym = Keysym(0x21);

/// Codes of the keys on these tests' display.
const KEY_A: u8 = 10;
const KEY_ONE: u8 = 11;
const KEY_SHIFT: u8 = 12;
const KEY_CONTROL: u8 = 13;
const SPARE: [u8; 2] = [16, 17];

fn hands_with(layout: Vec<Levels>) -> Hands {
    let symbols = [
        [A.0, 0x41],
        [ONE.0, BANG.0],
        [SHIFT.0, 0],
        [CONTROL.0, 0],
        [CAPS_LOCK.0, 0],
        [Keysym::ALT_GR.0, 0],
        [0, 0],
        [0, 0],
    ];
    Hands::new(Keymap::read(KEY_A, 2, symbols.as_flattened(), &[]), layout)
}

fn hands() -> Hands {
    hands_with(Vec::new())
}

fn strokes(hands: &mut Hands, acts: &[Act]) -> Vec<Stroke> {
    let mut strokes = Vec::new();
    for act in acts {
        hands.act(act, SCREEN, &mut strokes).unwrap();
    }
    strokes
}

/// `+` is down, `-` is up.
fn keys(list: &[(char, u8)]) -> Vec<Stroke> {
    list.iter().map(|(way, code)| if *way == '+' { down(*code) } else { up(*code) }).collect()
}

fn button(number: u8) -> [Stroke; 2] {
    [Motion::Down, Motion::Up].map(|motion| Stroke::Button { motion, number })
}

#[test]
fn a_key_goes_down_once_and_up_once() {
    let mut hands = hands();
    let acts = [Act::Press(A), Act::Press(A), Act::Release(A), Act::Release(A)];
    assert_eq!(strokes(&mut hands, &acts), keys(&[('+', KEY_A), ('-', KEY_A)]));
}

#[test]
fn what_is_written_with_shift_is_pressed_with_it_and_held_without() {
    let mut hands = hands();
    let pressed = keys(&[('+', KEY_SHIFT), ('+', KEY_ONE), ('-', KEY_SHIFT)]);
    assert_eq!(strokes(&mut hands, &[Act::Press(BANG)]), pressed);
    assert_eq!(strokes(&mut hands, &[Act::Release(BANG)]), keys(&[('-', KEY_ONE)]));
    strokes(&mut hands, &[Act::Press(SHIFT)]);
    assert_eq!(strokes(&mut hands, &[Act::Press(BANG)]), keys(&[('+', KEY_ONE)]), "somebody holds it");
}

#[test]
fn what_no_key_writes_is_given_a_spare_one_once() {
    let mut hands = hands();
    let zhe = Keysym::from('ж');
    let press = [Act::Press(zhe), Act::Release(zhe)];
    let mut wanted = vec![Stroke::Bind { code: SPARE[0], writes: Pair::of(zhe) }];
    wanted.extend(keys(&[('+', SPARE[0]), ('-', SPARE[0])]));
    assert_eq!(strokes(&mut hands, &press), wanted);
    assert_eq!(strokes(&mut hands, &press), wanted[1..]);
}

#[test]
fn with_all_spare_keys_held_there_is_none_for_another() {
    let mut hands = hands();
    strokes(&mut hands, &[Act::Press(Keysym::from('ж')), Act::Press(Keysym::from('я'))]);
    let mut none = Vec::new();
    assert_eq!(hands.act(&Act::Press(Keysym::from('ю')), SCREEN, &mut none), Err(NoKey));
    assert_eq!(hands.act(&Act::Type('ю'), SCREEN, &mut none), Err(NoKey));
    assert_eq!(none, []);
}

#[test]
fn text_is_typed_as_it_is_whatever_is_held() {
    let mut hands = hands();
    strokes(&mut hands, &[Act::Press(SHIFT), Act::Press(CONTROL)]);
    let lifted = [('-', KEY_CONTROL), ('-', KEY_SHIFT)];
    let back = [('+', KEY_SHIFT), ('+', KEY_CONTROL)];
    let wanted = keys(&[&lifted[..], &[('+', KEY_A), ('-', KEY_A)], &back].concat());
    assert_eq!(strokes(&mut hands, &[Act::Type('a')]), wanted);
    let wanted = keys(&[&lifted[..1], &[('+', KEY_A), ('-', KEY_A)], &back[1..]].concat());
    assert_eq!(strokes(&mut hands, &[Act::Type('A')]), wanted, "Shift is held already");
    strokes(&mut hands, &[Act::Release(SHIFT), Act::Release(CONTROL)]);
    let wanted = keys(&[('+', KEY_SHIFT), ('+', KEY_A), ('-', KEY_A), ('-', KEY_SHIFT)]);
    assert_eq!(strokes(&mut hands, &[Act::Type('A')]), wanted);
}

#[test]
fn text_is_typed_as_it_is_whatever_is_locked() {
    let mut hands = hands();
    strokes(&mut hands, &[Act::Press(CAPS_LOCK), Act::Release(CAPS_LOCK)]);
    let bound = Stroke::Bind { code: SPARE[0], writes: Pair::same(A) };
    assert_eq!(strokes(&mut hands, &[Act::Type('a')])[0], bound);
    assert_eq!(strokes(&mut hands, &[Act::Type('1')]), keys(&[('+', KEY_ONE), ('-', KEY_ONE)]));
    strokes(&mut hands, &[Act::Press(CAPS_LOCK), Act::Release(CAPS_LOCK)]);
    assert_eq!(strokes(&mut hands, &[Act::Type('a')]), keys(&[('+', KEY_A), ('-', KEY_A)]));
}

#[test]
fn a_character_whose_key_is_held_is_typed_on_another() {
    let mut hands = hands();
    strokes(&mut hands, &[Act::Press(A)]);
    let typed = strokes(&mut hands, &[Act::Type('a')]);
    assert_eq!(typed[1..], keys(&[('+', SPARE[0]), ('-', SPARE[0])]));
}

#[test]
fn a_layout_says_what_shift_and_the_right_alt_key_make_of_a_key() {
    // As on a French keyboard: the key of 1 writes & alone.
    let ampersand = Keysym(0x26);
    let levels = Levels { plain: ampersand, shift: ONE, alt_gr: Some(Keysym::from('¹')) };
    let mut hands = hands_with(vec![levels]);
    let bound = Stroke::Bind { code: SPARE[0], writes: Pair { plain: ampersand, shifted: ONE } };
    let tap = [Act::Press(ampersand), Act::Release(ampersand)];
    assert_eq!(strokes(&mut hands, &tap)[0], bound);
    strokes(&mut hands, &[Act::Press(Keysym::ALT_GR)]);
    let bound = Stroke::Bind { code: SPARE[1], writes: Pair::same(Keysym::from('¹')) };
    assert_eq!(strokes(&mut hands, &tap)[0], bound);
}

#[test]
fn the_lock_of_numbers_stays_as_it_is() {
    assert_eq!(strokes(&mut hands(), &[Act::Press(NUM_LOCK), Act::Release(NUM_LOCK)]), []);
}

#[test]
fn a_place_is_the_pixel_in_which_it_lies() {
    let at = |x, y| strokes(&mut hands(), &[Act::Point(Place { x, y })])[0];
    assert_eq!(at(0.0, 0.0), Stroke::Point { x: 0, y: 0 });
    assert_eq!(at(0.5, 0.25), Stroke::Point { x: 640, y: 180 });
    assert_eq!(at(1.0, 1.0), Stroke::Point { x: 1279, y: 719 });
}

#[test]
fn a_wheel_turns_by_whole_notches_and_keeps_what_is_less() {
    let mut hands = hands();
    let mut turn = |dx, dy| strokes(&mut hands, &[Act::Scroll(Scroll { dx, dy })]);
    assert_eq!(turn(0, 120), button(5));
    assert_eq!(turn(0, 80), []);
    assert_eq!(turn(0, 80), button(5));
    assert_eq!(turn(0, -80), [], "who turns around begins anew");
    assert_eq!(turn(0, -40), button(4));
    assert_eq!(turn(-120, 0), button(6));
    assert_eq!(turn(240, 0), [button(7), button(7)].concat());
    assert_eq!(turn(0, i32::MAX).len(), 2 * usize::try_from(MOST_NOTCHES).unwrap());
}

#[test]
fn the_first_finger_is_the_pointer_with_its_left_button_held() {
    let mut hands = hands();
    let place = Place { x: 0.5, y: 0.5 };
    let touch = |id, contact| Act::Touch { id, contact };
    let [pressed, released] = button(1);
    let at = Stroke::Point { x: 640, y: 360 };
    assert_eq!(strokes(&mut hands, &[touch(1, Contact::Down(place))]), [at, pressed]);
    let second = [touch(2, Contact::Down(place)), touch(2, Contact::Move(place)), touch(2, Contact::Up)];
    assert_eq!(strokes(&mut hands, &second), []);
    assert_eq!(strokes(&mut hands, &[Act::PressButton(Button::Left)]), [], "it is down");
    assert_eq!(strokes(&mut hands, &[touch(1, Contact::Move(place)), touch(1, Contact::Up)]), [at]);
    assert_eq!(strokes(&mut hands, &[Act::ReleaseButton(Button::Left)]), [released]);
}

#[test]
fn all_that_is_down_is_let_go_of() {
    let mut hands = hands();
    let place = Place { x: 0.0, y: 0.0 };
    let held = [
        Act::Press(SHIFT),
        Act::Press(A),
        Act::PressButton(Button::Back),
        Act::Touch { id: 1, contact: Contact::Down(place) },
    ];
    strokes(&mut hands, &held);
    let mut wanted = keys(&[('-', KEY_A), ('-', KEY_SHIFT)]);
    wanted.extend([button(8)[1], button(1)[1]]);
    assert_eq!(hands.let_go(), wanted);
    assert_eq!(hands.let_go(), []);
}
