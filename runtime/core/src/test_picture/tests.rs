use super::*;

fn picture(number: u32) -> Vec<u8> {
    let mut buffer = vec![0; FRAME_BYTES];
    draw(number, &mut Planes::of(&mut buffer).unwrap());
    buffer
}

#[test]
fn every_bit_of_a_number_can_be_read_back() {
    for number in (0..BITS).map(|bit| 1 << bit).chain([0, 1, 599, 0xff_ffff, 0x5a_a5a5]) {
        assert_eq!(read(&picture(number), WIDTH), Some(number));
    }
}

#[test]
fn a_dull_noisy_picture_can_still_be_read() {
    let mut luma = picture(123_456);
    for (index, pixel) in luma.iter_mut().enumerate() {
        let noise = (index * 7919 % 31) as u8;
        *pixel = *pixel / 2 + 40 + noise;
    }
    assert_eq!(read(&luma, WIDTH), Some(123_456));
}

#[test]
fn a_wrong_cell_is_noticed_by_parity() {
    let mut buffer = picture(0);
    let mut planes = Planes::of(&mut buffer).unwrap();
    planes.fill(Area { left: 5 * CELL, top: 0, width: CELL, height: CELL }, grey(WHITE));
    assert_eq!(read(&buffer, WIDTH), None);
}

#[test]
fn a_half_covered_cell_is_not_guessed() {
    let mut buffer = picture(0);
    let mut planes = Planes::of(&mut buffer).unwrap();
    planes.fill(Area { left: 5 * CELL, top: 0, width: CELL / 2, height: CELL }, grey(WHITE));
    assert_eq!(read(&buffer, WIDTH), None);
}

#[test]
fn what_is_no_test_picture_reads_as_nothing() {
    assert_eq!(read(&vec![0; LUMA_BYTES], WIDTH), None);
    assert_eq!(read(&vec![255; LUMA_BYTES], WIDTH), None);
    assert_eq!(read(&[], WIDTH), None);
    assert_eq!(read(&picture(1), 100), None);
}

#[test]
fn successive_pictures_differ_below_the_cells_too() {
    let below = CELL * WIDTH..LUMA_BYTES;
    assert_ne!(picture(10)[below.clone()], picture(11)[below]);
}

#[test]
fn the_tone_sounds_for_the_first_fifth_of_each_second() {
    let second = u64::from(SAMPLE_RATE_HZ);
    let loud = |from: u64, to: u64| (from..to).any(|position| tone(position) != 0);
    assert!(loud(0, u64::from(TONE_SAMPLES)));
    assert!(!loud(u64::from(TONE_SAMPLES), second));
    assert!(loud(second, second + 48));
    let rises = (1..second).filter(|p| tone(p - 1) < 0 && tone(*p) >= 0).count() as u32;
    assert_eq!(rises, TONE_HZ / 5);
}
