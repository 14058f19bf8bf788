//! Senders of every kind, each a list of arrivals: milliseconds of the clock, and of the sender's timeline.

use proptest::prelude::*;

use super::*;

const FRAME: i64 = 33;

fn stamp(milliseconds: i64) -> Option<Stamp> {
    Some(Stamp::new(0u64.wrapping_add_signed(milliseconds * 90)))
}

fn at(milliseconds: i64) -> Duration {
    Duration::from_millis(milliseconds.cast_unsigned())
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap()
}

/// When each is played, none where it is left out.
fn play(playout: &mut Playout, arrivals: impl IntoIterator<Item = (i64, i64)>) -> Vec<Option<i64>> {
    let due = |(now, sent)| playout.due(stamp(sent), at(now)).map(milliseconds);
    arrivals.into_iter().map(due).collect()
}

/// A second of pictures from there on, each so late.
fn second(from: i64, late: impl Fn(i64) -> i64) -> impl Iterator<Item = (i64, i64)> {
    (0..31).map(move |n| (from + n * FRAME + late(n), from + n * FRAME))
}

/// By how much each is delayed.
fn delays(playout: &mut Playout, arrivals: impl Iterator<Item = (i64, i64)>) -> Vec<i64> {
    let arrivals: Vec<_> = arrivals.collect();
    let played = play(playout, arrivals.iter().copied());
    played.iter().zip(arrivals).map(|(due, (now, _))| due.expect("pictures are all shown") - now).collect()
}

#[test]
fn a_sender_that_keeps_real_time_is_shown_as_it_comes() {
    let mut playout = Playout::new(Medium::Picture);
    let jitter = |n: i64| [3, 0, 15, 1, 0, 30, 2][(n % 7) as usize];
    for from in 0..3 {
        delays(&mut playout, second(from * 1023, jitter));
    }
    let delays = delays(&mut playout, second(3 * 1023, jitter));
    assert!(delays.iter().all(|delay| *delay <= 1), "{delays:?}");
}

/// Three frames in a packet, joined at the last of one: from then on each has its turn.
#[test]
fn bursts_are_smoothed_from_the_first_whichever_frame_was_the_first() {
    for first in 0..3 {
        let mut playout = Playout::new(Medium::Picture);
        let bursts = (first..60).map(|n| (n / 3 * 3 * FRAME + 2 * FRAME, n * FRAME));
        let due: Vec<_> = play(&mut playout, bursts).into_iter().flatten().collect();
        let steps: Vec<_> = due.windows(2).skip(3).map(|pair| pair[1] - pair[0]).collect();
        assert!(steps.iter().all(|step| (FRAME - 1..=FRAME + 1).contains(step)), "{first}: {steps:?}");
    }
}

#[test]
fn a_first_frame_that_was_late_holds_nothing_back_for_long() {
    let mut playout = Playout::new(Medium::Picture);
    let late = |from| move |n| if from == 0 && n == 0 { 800 } else { 0 };
    playout.due(stamp(0), at(800));
    for from in 1..4 {
        delays(&mut playout, second(from * 1023, late(from)));
    }
    assert_eq!(delays(&mut playout, second(4 * 1023, late(4))).iter().max(), Some(&0));
}

#[test]
fn a_clock_that_drifts_is_followed_both_ways() {
    // A tenth of a percent, ten times what crystals do; over five minutes that is a third of a second.
    for percent in [99.9, 100.1] {
        let mut playout = Playout::new(Medium::Picture);
        let arrivals = (0..9000).map(|n| ((n * FRAME) as f64 * percent / 100.0, n * FRAME));
        let delays = delays(&mut playout, arrivals.map(|(now, sent)| (now as i64, sent)));
        assert!(delays.iter().all(|delay| *delay <= 5), "{percent}: {:?}", delays.iter().max());
    }
}

#[test]
fn bursts_are_spread_by_their_timestamps() {
    let mut playout = Playout::new(Medium::Picture);
    // Fifteen frames every half second, each time a little later or earlier.
    let arrivals = (0..300).map(|n| (n / 15 * 495 + n / 15 % 3 * 4, n * FRAME));
    let played = play(&mut playout, arrivals);
    let played: Vec<_> = played.into_iter().flatten().collect();
    let steps: Vec<_> = played.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.iter().all(|step| (20..=45).contains(step)), "{steps:?}");
}

#[test]
fn a_file_sent_too_fast_is_played_at_its_own_rate() {
    let mut playout = Playout::new(Medium::Picture);
    let played = play(&mut playout, (0..60).map(|n| (n * 3, n * FRAME)));
    assert_eq!(played[59], Some(59 * FRAME));
    // From here on held back: each arrives when one has been played, so far ahead all the time.
    let arrivals = (60..300).map(|n| (n * FRAME - 1800, n * FRAME));
    for (now, sent) in arrivals {
        playout.held_back();
        assert_eq!(playout.due(stamp(sent), at(now)).map(milliseconds), Some(sent));
    }
}

#[test]
fn a_timeline_that_jumps_goes_on_where_it_was_left() {
    for jump in [-60_000, -400, 5_000, 3_600_000, -(1i64 << 33) / 90 / 2] {
        let mut playout = Playout::new(Medium::Picture);
        delays(&mut playout, second(0, |_| 0));
        let later = (31..62).map(|n| (n * FRAME, n * FRAME + jump));
        let delays = delays(&mut playout, later);
        assert!(delays.iter().all(|delay| *delay <= FRAME), "{jump}: {delays:?}");
    }
}

#[test]
fn a_loop_sent_too_fast_goes_on_at_its_own_rate() {
    let mut playout = Playout::new(Medium::Picture);
    // Four rounds of fifteen frames, all at once.
    let played = play(&mut playout, (0..60).map(|n| (n, n % 15 * FRAME)));
    assert_eq!(played, (0..60).map(|n| Some(n * FRAME)).collect::<Vec<_>>());
}

#[test]
fn the_end_of_33_bits_is_no_jump() {
    let mut playout = Playout::new(Medium::Picture);
    let end = (1i64 << 33) / 90;
    let played = play(&mut playout, (0..60).map(|n| (n, end - 1000 + n * FRAME)));
    assert_eq!(played, (0..60).map(|n| Some(n * FRAME)).collect::<Vec<_>>());
}

#[test]
fn a_sender_that_paused_goes_on_at_once() {
    let mut playout = Playout::new(Medium::Picture);
    delays(&mut playout, second(0, |_| 0));
    assert_eq!(delays(&mut playout, second(60_000, |_| 0)).iter().max(), Some(&0));
}

#[test]
fn sound_that_came_late_is_moved_once_and_then_goes_on_without_a_gap() {
    let mut playout = Playout::new(Medium::Sound);
    // Quarters of a second at a time, with a hiccup of 100 ms in the second.
    let arrivals = (0..200).map(|n| (n / 10 * 250 + if n / 10 == 4 { 100 } else { 0 }, n * 25));
    let played: Vec<_> = play(&mut playout, arrivals).into_iter().flatten().collect();
    let steps: Vec<_> = played.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(played.len(), 200);
    assert_eq!(steps.iter().filter(|step| **step != 25).collect::<Vec<_>>(), [&145]);
}

#[test]
fn sound_that_waits_for_long_without_need_is_cut_once() {
    let mut playout = Playout::new(Medium::Sound);
    let hiccup = |n: i64| if n == 10 { 900 } else { 0 };
    let arrivals = (0..400).map(|n| ((n * 25).max((n.min(10)) * 25 + hiccup(n.min(10))), n * 25));
    let played = play(&mut playout, arrivals.filter(|(now, sent)| *sent <= 250 || now - sent < 900));
    let (last, left_out) =
        (played.last().copied().flatten(), played.iter().filter(|due| due.is_none()).count());
    let delay = last.expect("it is heard again") - 399 * 25;
    assert!(delay <= 40 && left_out > 20, "{delay} ms behind, {left_out} left out");
}

#[test]
fn what_has_no_timestamps_is_shown_as_it_comes() {
    let mut playout = Playout::new(Medium::Picture);
    for now in [0, 40, 70, 3000] {
        assert_eq!(playout.due(None, at(now)), Some(at(now)));
    }
}

proptest! {
    #[test]
    fn whatever_the_timestamps_nothing_stalls_or_overtakes(
        arrivals in prop::collection::vec((0..200u64, any::<u64>(), 0..3u8), 1..300),
        sound in any::<bool>(),
    ) {
        let mut playout = Playout::new(if sound { Medium::Sound } else { Medium::Picture });
        let (mut now, mut last, mut sent) = (Duration::ZERO, Duration::ZERO, 0u64);
        for (apart, garbage, kind) in arrivals {
            now += Duration::from_millis(apart);
            sent = match kind { 0 => garbage, 1 => sent.wrapping_add(3000), _ => sent.wrapping_add(garbage % 200_000) };
            let Some(due) = playout.due(Some(Stamp::new(sent)), now) else { continue };
            let latest = now.max(last) + Duration::from_nanos((LONGEST_STEP + LONGEST_INTERVAL) as u64);
            prop_assert!(due >= now && due >= last && due <= latest, "{due:?} at {now:?} after {last:?}");
            last = due;
        }
    }
}
