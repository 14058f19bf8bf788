//! Senders of every kind, with a clock of their own, of which nothing but their reports tells.

mod properties;

use super::*;

const BASE: Duration = Duration::from_millis(60);
const LOOK: i64 = 200;
const PICTURE: i64 = 33;
const SOUND: i64 = 20;

/// All in milliseconds, but what is said.
#[derive(Clone, Debug)]
struct Sender {
    /// When a capture of that kind comes, after it.
    picture_late: i64,
    sound_late: i64,
    /// How often it reports; none: never.
    picture_reports: Option<i64>,
    sound_reports: Option<i64>,
    /// NTP at our zero, in 2^-32 seconds.
    ntp: u64,
    /// Timestamps at our zero.
    rtp: [u32; 2],
    /// Its clock is faster than ours by so many parts in a million.
    fast: i64,
    /// The n-th picture, or piece of sound, comes so much later.
    jitter: fn(Kind, i64) -> i64,
    /// In its n-th second it takes a picture that it captured so much earlier for what it captures now.
    vague: fn(i64) -> i64,
    /// At our n-th look sound is played so much later than it comes. None: nobody says when.
    played_late: Option<fn(i64) -> i64>,
}

impl Default for Sender {
    fn default() -> Self {
        Self {
            picture_late: 5,
            sound_late: 5,
            picture_reports: Some(1000),
            sound_reports: Some(5000),
            ntp: 3_900_000_000 << 32,
            rtp: [1_000_000, 77],
            fast: 0,
            jitter: |_, _| 0,
            vague: |_| 0,
            played_late: None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Packet(Kind, u32),
    Report(Kind, Moment),
    Look,
}

impl Sender {
    fn later(sound: i64, picture: i64) -> Self {
        let default = Self::default();
        Self {
            sound_late: default.sound_late + sound,
            picture_late: default.picture_late + picture,
            ..default
        }
    }

    /// What it says of something that it captured at that time of ours.
    fn moment(&self, kind: Kind, at: i64) -> Moment {
        let own = i128::from(at) * i128::from(1_000_000 + self.fast); // nanoseconds
        let ticks = own * i128::from(crate::fanout::clock::rate_hz(kind)) / 1_000_000_000;
        let ntp = (own << 32) / 1_000_000_000;
        let base = self.rtp[usize::from(kind == Kind::Audio)];
        Moment { ntp: self.ntp.wrapping_add(ntp as u64), rtp: base.wrapping_add(ticks as u32) }
    }

    fn events(&self, from: i64, to: i64) -> Vec<(i64, Event)> {
        let mut events = Vec::new();
        let mut captured = |kind, interval: i64, late: i64, reports: Option<i64>| {
            for number in from / interval..to / interval {
                let moment = self.moment(kind, number * interval);
                let at = number * interval + late + (self.jitter)(kind, number);
                // A picture is three packets, a millisecond apart, of which the last makes it whole.
                let packets = if kind == Kind::Video { -2..=0 } else { 0..=0 };
                events.extend(packets.map(|early| (at + early, Event::Packet(kind, moment.rtp))));
                if reports.is_some_and(|each| number * interval % each < interval) {
                    let vague = if kind == Kind::Video { (self.vague)(number * interval / 1000) } else { 0 };
                    let told = self.moment(kind, number * interval + vague);
                    events.push((at, Event::Report(kind, Moment { ntp: told.ntp, ..moment })));
                }
            }
        };
        captured(Kind::Video, PICTURE, self.picture_late, self.picture_reports);
        captured(Kind::Audio, SOUND, self.sound_late, self.sound_reports);
        events.extend((from / LOOK..to / LOOK).map(|number| (number * LOOK, Event::Look)));
        events.sort_by_key(|(at, _)| *at);
        events
    }

    /// Sends from one time to another; the holds at each look.
    fn send(&self, sync: &mut LipSync, from: i64, to: i64) -> Vec<(i64, i64)> {
        let mut holds = Vec::new();
        for (at, event) in self.events(from, to) {
            let now = Duration::from_millis(at.max(0).cast_unsigned());
            match event {
                Event::Packet(kind, timestamp) => sync.arrived(kind, timestamp, now),
                Event::Report(kind, moment) => sync.reported(kind, moment),
                Event::Look => {
                    if let Some(late) = self.played_late {
                        let captured = at / SOUND * SOUND;
                        let played = captured + self.sound_late + late(at / LOOK);
                        let timestamp = self.moment(Kind::Audio, captured).rtp;
                        sync.played(timestamp, Duration::from_millis(played.cast_unsigned()));
                    }
                    holds.push(milliseconds(sync.holds(now)));
                }
            }
        }
        holds
    }

    /// How much later than its picture a sound is played.
    fn apart(&self, (picture, sound): (i64, i64)) -> i64 {
        let base = i64::try_from(BASE.as_millis()).unwrap();
        self.sound_late + base + sound - self.picture_late - picture
    }
}

fn milliseconds(Holds { picture, sound }: Holds) -> (i64, i64) {
    let rounded = |hold: Duration| (hold.as_micros() as i64 + 500) / 1000;
    (rounded(picture), rounded(sound))
}

/// Each pair of holds in eight seconds of it.
fn changes(sender: &Sender) -> Vec<(i64, i64)> {
    let mut holds = sender.send(&mut LipSync::new(BASE), 0, 8000);
    holds.dedup();
    holds
}

/// The holds after eight seconds of it.
fn settled(sender: &Sender) -> (i64, i64) {
    *changes(sender).last().unwrap()
}

#[test]
fn without_reports_of_both_a_picture_waits_as_long_as_sound_is_played_later() {
    for (picture_reports, sound_reports) in [(None, None), (Some(1000), None), (None, Some(1000))] {
        let sender = Sender { picture_reports, sound_reports, ..Sender::later(110, 0) };
        assert_eq!(settled(&sender), (60, 0));
    }
}

#[test]
fn a_picture_waits_for_the_sound_that_is_sent_later() {
    let (sender, mut sync) = (Sender::later(110, 0), LipSync::new(BASE));
    sender.send(&mut sync, 0, 8000);
    assert!((sync.lag().unwrap().seconds() - 0.110).abs() < 1e-6, "{:?}", sync.lag());
    // The first time at once.
    assert_eq!(changes(&sender), [(60, 0), (170, 0)]);
}

#[test]
fn a_picture_that_is_sent_later_waits_for_less() {
    assert_eq!(settled(&Sender::later(0, 40)), (20, 0));
    assert_eq!(settled(&Sender::later(0, 60)), (0, 0));
}

#[test]
fn sound_waits_for_a_picture_that_is_sent_later_than_sound_is_played() {
    // 140 ms at the least, and what its picture may still vary by.
    assert_eq!(settled(&Sender::later(0, 200)), (20, 160));
    // Not for what nobody notices.
    assert_eq!(settled(&Sender::later(0, 75)), (0, 0));
}

#[test]
fn a_picture_waits_for_sound_that_is_played_later_than_it_came() {
    let after = |played_late: fn(i64) -> i64, picture| {
        let sender = Sender { played_late: Some(played_late), ..Sender::later(0, picture) };
        sender.send(&mut LipSync::new(BASE), 0, 20_000).split_off(50)
    };
    assert_eq!(after(|_| 80, 0)[0], (140, 0));
    assert_eq!(after(|_| 80, 140)[0], (0, 0));
    assert_eq!(after(|_| -5, 0)[0], (60, 0));
    // Never for more than is believable.
    assert_eq!(after(|_| 9000, 0)[0].0, 560);
    // As of a jitter buffer that begins its line anew with each lump that is later than it waits.
    let uneven = after(|look| look / 5 % 4 * 40, 0);
    let (least, most) = (uneven.iter().min().unwrap().0, uneven.iter().max().unwrap().0);
    assert!(least >= 95 && most <= 155, "{least} to {most} ms, where 120 ms is the middle");
}

#[test]
fn what_is_late_now_and_then_moves_nothing() {
    let uneven = |_, n: i64| [0, 0, 45, 3, 0, 12, 90, 1, 0][(n % 9) as usize];
    assert_eq!(changes(&Sender { jitter: uneven, ..Sender::later(110, 0) }), [(60, 0), (170, 0)]);
    // As when a network holds everything back for a moment.
    let stumbling = |_, n: i64| if n % 150 == 149 { 400 } else { 0 };
    assert_eq!(changes(&Sender { jitter: stumbling, ..Sender::later(0, 200) }), [(60, 0), (20, 160)]);
    // As where a sender begins with what has waited for the connection.
    let begins = |kind, n| if kind == Kind::Video && n < 15 { 300 } else { 0 };
    assert_eq!(changes(&Sender { jitter: begins, ..Sender::later(110, 0) }), [(60, 0), (170, 0)]);
}

/// As aiortc and pion do: they tell the time at which they have sent something.
#[test]
fn a_report_that_is_vague_counts_less_than_one_that_is_not() {
    let vague = |second: i64| [60, 0, 90, 30][(second % 4) as usize];
    assert_eq!(settled(&Sender { vague, ..Sender::later(110, 0) }), (170, 0));
}

#[test]
fn a_lag_that_changes_is_followed_in_small_steps_and_the_sound_is_left_alone() {
    let mut sync = LipSync::new(BASE);
    Sender::later(50, 0).send(&mut sync, 0, 8000);
    let mut before = 110;
    let mut holds = Vec::new();
    for (from, lag) in [(8000, 90), (16_000, 20), (24_000, 50)] {
        holds.extend(Sender::later(lag, 0).send(&mut sync, from, from + 8000));
        assert_eq!(holds.last(), Some(&(60 + lag, 0)));
    }
    for (picture, sound) in holds {
        assert!((picture - before).abs() <= 10 && sound == 0, "{before}, {picture}, {sound}");
        before = picture;
    }
}

#[test]
fn a_sound_that_is_held_breaks_off_seldom() {
    let mut sync = LipSync::new(BASE);
    let mut holds = Vec::new();
    // The least that it must be held: 140, 160, 100, 120, for 8 s each.
    for (from, late) in [(0, 200), (8000, 220), (16_000, 160), (24_000, 180)] {
        holds.extend(Sender::later(0, late).send(&mut sync, from, from + 8000));
    }
    let mut sounds: Vec<_> = holds.iter().map(|(_, sound)| *sound).collect();
    sounds.dedup();
    assert_eq!(sounds, [0, 160]);
}

#[test]
fn a_sound_that_need_not_be_held_any_more_is_after_a_while() {
    let mut sync = LipSync::new(BASE);
    Sender::later(0, 200).send(&mut sync, 0, 8000);
    let holds = Sender::later(0, 0).send(&mut sync, 8000, 28_000);
    assert_eq!(holds.last(), Some(&(60, 0)));
    let held = holds.iter().take_while(|(_, sound)| *sound == 160).count() as i64 * LOOK;
    assert!((10_000..13_000).contains(&held), "{held} ms");
    let at = holds.iter().position(|(_, sound)| *sound == 0).unwrap();
    // Meanwhile the picture waits for it, and goes with it.
    assert_eq!((holds[at - 1], holds[at]), ((220, 160), (60, 0)));
    // Nor for what nobody notices.
    let mut sync = LipSync::new(BASE);
    Sender::later(0, 200).send(&mut sync, 0, 8000);
    assert_eq!(Sender::later(0, 75).send(&mut sync, 8000, 28_000).last(), Some(&(0, 0)));
}

#[test]
fn a_picture_is_never_held_longer_than_what_is_believed_takes() {
    let mut sync = LipSync::new(BASE);
    assert_eq!(Sender::later(0, 490).send(&mut sync, 0, 8000).last(), Some(&(20, 450)));
    sync.forget(Kind::Video);
    sync.forget(Kind::Audio);
    let holds = Sender::later(490, 0).send(&mut sync, 68_000, 98_000);
    assert_eq!(holds.iter().map(|(picture, _)| *picture).max(), Some(550));
}

#[test]
fn a_sound_that_is_held_for_a_late_picture_comes_to_it_at_once() {
    let mut sync = LipSync::new(BASE);
    let mut follow = |ahead: i64, now: u64| {
        sync.follow(ahead * 1_000_000, Duration::from_millis(now));
        (sync.picture / 1_000_000, sync.sound / 1_000_000)
    };
    assert_eq!(follow(560, 0), (560, 0));
    // From the one end of what is believed to the other: nothing is ever held longer than that.
    assert_eq!(follow(-440, 200), (550, 460));
    let mut sync = LipSync::new(BASE);
    sync.follow(60_000_000, Duration::ZERO);
    sync.follow(-240_000_000, Duration::from_millis(200));
    assert_eq!((sync.picture, sync.sound), (50_000_000, 260_000_000));
}

#[test]
fn what_is_not_believable_is_as_if_it_were_not_said() {
    let mut sync = LipSync::new(BASE);
    let sender = Sender { played_late: Some(|_| 80), ..Sender::later(600, 0) };
    assert_eq!(sender.send(&mut sync, 0, 8000).last(), Some(&(60, 0)));
    assert!(sync.lag().is_some_and(|lag| !lag.is_believed()));
    assert_eq!(settled(&Sender::later(0, 600)), (60, 0));
    // The most that is.
    assert_eq!(settled(&Sender::later(500, 0)), (560, 0));
}

/// NTP begins anew in 2036 (RFC 5905 §6), timestamps at any time (RFC 3550 §5.1).
#[test]
fn numbers_that_wrap_around_are_read_as_going_on() {
    for after in [1, 3, 5] {
        let sender = Sender {
            ntp: 0u64.wrapping_sub(after << 32),
            rtp: [0u32.wrapping_sub(90_000 * after as u32), 0u32.wrapping_sub(48_000 * (after as u32 + 1))],
            ..Sender::later(110, 0)
        };
        assert_eq!(changes(&sender), [(60, 0), (170, 0)], "after {after} s");
        let mut sync = LipSync::new(BASE);
        sender.send(&mut sync, 0, 8000);
        assert!(sync.lag().is_some(), "after {after} s they were taken for others");
    }
}

#[test]
fn reports_that_make_no_sense_are_passed_over() {
    let sender = Sender::later(110, 0);
    let mut sync = LipSync::new(BASE);
    sender.send(&mut sync, 0, 8000);
    let lag = sync.lag();
    for kind in [Kind::Video, Kind::Audio] {
        // Who knows no time; told twice; overtaken by a later one.
        sync.reported(kind, Moment { ntp: 0, rtp: 5 });
        for at in [5000, 5000, 100] {
            sync.reported(kind, sender.moment(kind, at));
        }
    }
    assert_eq!(sync.lag(), lag);
}

#[test]
fn reports_of_a_stream_of_which_nothing_came_are_passed_over() {
    let (sender, mut sync) = (Sender::default(), LipSync::new(BASE));
    sync.reported(Kind::Audio, sender.moment(Kind::Audio, 0));
    Sender { sound_reports: None, ..sender }.send(&mut sync, 0, 8000);
    assert_eq!(sync.lag(), None);
}

#[test]
fn a_clock_that_is_set_is_believed_again_when_both_have_told_it() {
    let mut sync = LipSync::new(BASE);
    let sender = Sender::later(110, 0);
    sender.send(&mut sync, 0, 8000);
    let set = Sender { ntp: sender.ntp.wrapping_sub(300 << 22), ..sender }; // a third of a second back
    let holds = set.send(&mut sync, 8000, 24_000);
    assert!(holds.iter().all(|holds| *holds == (170, 0)), "{holds:?}");
    assert!((sync.lag().unwrap().seconds() - 0.110).abs() < 1e-6);
}

#[test]
fn timestamps_that_begin_anew_are_believed_again_when_both_have_reported_since() {
    for begin in [300_000_000, 0u32.wrapping_sub(300_000_000)] {
        let mut sync = LipSync::new(BASE);
        let sender = Sender { sound_reports: Some(1000), ..Sender::later(110, 0) };
        sender.send(&mut sync, 0, 8000);
        let anew = Sender { rtp: [begin, 77], ..sender };
        let holds = anew.send(&mut sync, 8000, 16_000);
        assert!(holds.iter().all(|holds| *holds == (170, 0)), "{holds:?}");
        assert!(sync.lag().is_some());
    }
}

#[test]
fn one_packet_with_a_timestamp_of_another_time_does_not_stop_it() {
    let mut sync = LipSync::new(BASE);
    let sender = Sender::later(110, 0);
    sender.send(&mut sync, 0, 8000);
    sync.arrived(Kind::Video, sender.moment(Kind::Video, 8_000_000).rtp, Duration::from_millis(8000));
    Sender::later(150, 0).send(&mut sync, 8000, 20_000);
    assert!((sync.lag().unwrap().seconds() - 0.150).abs() < 1e-6, "{:?}", sync.lag());
}

#[test]
fn another_stream_is_waited_for_with_what_was_known() {
    let mut sync = LipSync::new(BASE);
    let sender = Sender::later(110, 0);
    sender.send(&mut sync, 0, 8000);
    sync.forget(Kind::Audio);
    assert_eq!((sync.lag(), milliseconds(sync.holds(Duration::from_secs(8)))), (None, (170, 0)));
    let other = Sender { rtp: [sender.rtp[0], 4_000_000_000], ..Sender::later(130, 0) };
    assert_eq!(other.send(&mut sync, 8000, 16_000).last(), Some(&(190, 0)));
}
