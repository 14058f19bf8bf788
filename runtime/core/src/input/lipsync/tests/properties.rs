//! What holds for every sender.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever its clocks say, wherever they wrap around, and however fast they are.
    #[test]
    fn a_truthful_sender_is_played_as_it_captured(
        lag in -450_i64..450, ntp: u64, rtp: [u32; 2], fast in -200_i64..200,
    ) {
        let uneven = |_, n: i64| [0, 7, 0, 25, 1][(n % 5) as usize];
        let sender = Sender { ntp: ntp.max(1), rtp, fast, jitter: uneven, ..Sender::later(lag.max(0), (-lag).max(0)) };
        let holds = sender.send(&mut LipSync::new(BASE), 0, 30_000);
        let last = *holds.last().unwrap();
        let allowed = if last.0 == 0 { -22..=2 } else { -2..=2 };
        prop_assert!(allowed.contains(&sender.apart(last)), "{last:?}: {} ms apart", sender.apart(last));
        let mut sounds: Vec<_> = holds.iter().map(|(_, sound)| *sound).collect();
        sounds.dedup();
        prop_assert!(sounds.len() <= 2, "the sound broke off {} times", sounds.len() - 1);
    }

    /// From reports of any kind nothing follows but holds within their bounds, and nothing fails.
    #[test]
    fn reports_at_random_keep_within_bounds(
        told in prop::collection::vec((any::<bool>(), any::<u64>(), any::<u32>(), any::<u32>()), 1..200),
    ) {
        let mut sync = LipSync::new(BASE);
        for (number, (video, ntp, rtp, timestamp)) in (0..).zip(told) {
            let (kind, now) = (if video { Kind::Video } else { Kind::Audio }, Duration::from_millis(number * 100));
            sync.arrived(kind, timestamp, now);
            sync.reported(kind, Moment { ntp, rtp });
            let holds = sync.holds(now);
            prop_assert!(holds.picture <= MOST + BASE + Duration::from_millis(20), "{holds:?}");
            prop_assert!(holds.sound <= MOST, "{holds:?}");
        }
    }
}
