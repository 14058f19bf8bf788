use proptest::prelude::*;

use super::*;

fn touched(kind: u8, x: f32, y: f32) -> Vec<u8> {
    let mut message = vec![kind, 0, 1, 2, 3];
    [x, y, 0.5, 9.0, 9.0].iter().for_each(|number| message.extend(number.to_be_bytes()));
    message.extend([0, 90]);
    message
}

fn point(numbers: [i16; 4]) -> Result<Input, Malformed> {
    let mut message = vec![1];
    numbers.iter().for_each(|number| message.extend(number.to_be_bytes()));
    mouse(&message)
}

#[test]
fn a_key_says_its_motion_its_modifiers_and_its_code() {
    let key =
        |motion, modifiers| Input::Key { motion, key: VirtualKey(0x0141), modifiers: Modifiers(modifiers) };
    assert_eq!(keyboard(&[0, 1, 5, 1, 0x41]), Ok(key(Motion::Down, 5)));
    assert_eq!(keyboard(&[0, 0, 0, 1, 0x41]), Ok(key(Motion::Up, 0)));
    assert_eq!(keyboard(&[0, 2, 0, 0, 65]), Err(Malformed::Unknown { what: "motion", number: 2 }));
    assert_eq!(keyboard(&[0, 1, 0, 0]), Err(Malformed::Length { has: 3, should: 4 }));
    assert_eq!(keyboard(&[0, 1, 0, 0, 65, 0]), Err(Malformed::Length { has: 5, should: 4 }));
    assert!(matches!(keyboard(&[2, 1]), Err(Malformed::Unknown { number: 2, .. })));
    assert_eq!(keyboard(&[]), Err(Malformed::Empty));
}

#[test]
fn text_is_as_long_as_it_says_and_has_no_control_characters_but_lines_and_tabs() {
    let said = |text: &str| keyboard(&[&[1, text.len() as u8], text.as_bytes()].concat());
    assert_eq!(said("grüß\n\t漢"), Ok(Input::Text("grüß\n\t漢".to_owned())));
    assert_eq!(said("\x1b[A"), Err(Malformed::Control('\x1b')));
    assert_eq!(said("\u{9b}"), Err(Malformed::Control('\u{9b}')));
    assert_eq!(keyboard(b"\x01\x03ab"), Err(Malformed::Length { has: 2, should: 3 }));
    assert_eq!(keyboard(b"\x01\x01ab"), Err(Malformed::Length { has: 2, should: 1 }));
    assert_eq!(keyboard(b"\x01\x01\xc3"), Err(Malformed::NotUtf8));
    assert_eq!(keyboard(b"\x01"), Err(Malformed::Empty));
}

#[test]
fn the_pointer_moves_by_pixels_or_to_a_place_on_a_picture() {
    assert_eq!(mouse(&[0, 0xff, 0xfe, 1, 0]), Ok(Input::Move { dx: -2, dy: 256 }));
    assert_eq!(mouse(&[0, 0, 0, 1]), Err(Malformed::Length { has: 3, should: 4 }));
    assert_eq!(point([1024, 4096, 4096, 4096]), Ok(Input::Point(Place { x: 0.25, y: 1.0 })));
    assert_eq!(point([-7, 5000, 4096, 4096]), Ok(Input::Point(Place { x: 0.0, y: 1.0 })));
    assert_eq!(point([1, 1, 0, 4096]), Err(Malformed::NoPicture));
    assert_eq!(point([1, 1, 4096, 0]), Err(Malformed::NoPicture));
    assert_eq!(point([1, 1, -1, 4096]), Err(Malformed::NoPicture));
}

#[test]
fn five_buttons_are_known() {
    let known = [Button::Left, Button::Middle, Button::Right, Button::Back, Button::Forward];
    for (number, button) in (1..).zip(known) {
        assert_eq!(mouse(&[2, 1, number]), Ok(Input::Button { motion: Motion::Down, button }));
        assert_eq!(mouse(&[2, 0, number]), Ok(Input::Button { motion: Motion::Up, button }));
    }
    for number in [0, 6] {
        assert_eq!(mouse(&[2, 1, number]), Err(Malformed::Unknown { what: "button", number }));
    }
}

#[test]
fn a_wheel_turns_by_notches_or_by_parts_of_one() {
    let scroll = |dx, dy| Ok(Input::Scroll(Scroll { dx, dy }));
    assert_eq!(mouse(&[4, 1, 0xff]), scroll(120, -120));
    assert_eq!(mouse(&[4, 0x80, 0x7f]), scroll(-15_360, 15_240));
    assert_eq!(mouse(&[3, 0, 30, 0xff, 0xfa]), scroll(30, -6));
    assert_eq!(mouse(&[4, 1]), Err(Malformed::Length { has: 1, should: 2 }));
    assert!(matches!(mouse(&[5, 0, 0]), Err(Malformed::Unknown { number: 5, .. })));
}

#[test]
fn a_finger_is_at_a_place_on_the_picture_and_its_end_needs_none() {
    let finger = |contact| Ok(Input::Touch { id: 0x0001_0203, contact });
    assert_eq!(touch(&touched(0, 0.25, 0.5)), finger(Contact::Down(Place { x: 0.25, y: 0.5 })));
    assert_eq!(touch(&touched(1, -3.0, f32::INFINITY)), finger(Contact::Move(Place { x: 0.0, y: 1.0 })));
    assert_eq!(touch(&touched(0, f32::NAN, 0.5)), Err(Malformed::NotANumber));
    assert_eq!(touch(&touched(2, f32::NAN, 0.5)), finger(Contact::Up));
    assert_eq!(touch(&touched(3, 0.0, 0.0)), Err(Malformed::Unknown { what: "kind of a touch", number: 3 }));
    assert_eq!(touch(&touched(0, 0.0, 0.0)[..26]), Err(Malformed::Length { has: 26, should: 27 }));
}

#[test]
fn labels_of_older_and_newer_clients_say_what_a_channel_is_for() {
    for label in ["mouse", "mouse_relative", "mouse_absolute", "mouse_reliable"] {
        assert_eq!(Channel::of(label), Some(Channel::Mouse));
    }
    assert_eq!(Channel::of("controllers"), Some(Channel::Controllers));
    assert_eq!(Channel::of("controller3"), Some(Channel::Controller(3)));
    for label in ["", "controller", "controllerx", "controller256", "Mouse", "stats"] {
        assert_eq!(Channel::of(label), None, "{label}");
    }
    assert_eq!(Channel::Touch.read(&[]), touch(&[]));
    assert_eq!(Channel::Controller(3).read(&[0]), Err(Malformed::Gamepad));
    assert_eq!(Channel::General.read(b"{}"), Err(Malformed::NothingAsked));
}

#[test]
fn what_is_said_of_the_connection_is_json() {
    let parsed = |notice: Notice| serde_json::from_str::<serde_json::Value>(notice.text()).unwrap();
    assert_eq!(parsed(Notice::ConnectionTerminated), "ConnectionTerminated");
    assert_eq!(parsed(Notice::ConnectionOk)["ConnectionStatusUpdate"]["status"], "Ok");
    assert_eq!(parsed(Notice::ConnectionPoor)["ConnectionStatusUpdate"]["status"], "Poor");
}

proptest! {
    #[test]
    fn no_message_panics_and_no_place_is_outside_the_picture(
        kind in 0_u8..6,
        rest in proptest::collection::vec(any::<u8>(), 26),
        bytes in proptest::sample::select(vec![0_usize, 2, 4, 8, 26]),
    ) {
        let message = [&[kind], &rest[..bytes]].concat();
        for channel in [Channel::Keyboard, Channel::Mouse, Channel::Touch] {
            let (Ok(Input::Point(place))
            | Ok(Input::Touch { contact: Contact::Down(place) | Contact::Move(place), .. })) = channel.read(&message)
            else {
                continue;
            };
            prop_assert!((0.0..=1.0).contains(&place.x) && (0.0..=1.0).contains(&place.y));
        }
    }
}
