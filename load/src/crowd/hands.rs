//! Who types: one letter, down and up, ten times a second.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// Between a letter's going down and its coming up, and before the next.
const HALF: Duration = Duration::from_millis(50);
/// Whoever cannot tell its keys in time types slower.
const WAITING: usize = 4;
/// Windows' virtual key of the first letter.
const A: u8 = 0x41;
const LETTERS: usize = 26;

/// Of one viewer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hands {
    letter: u8,
}

impl Hands {
    /// Others have another letter, so that each is down by one holder alone.
    pub fn of(number: usize) -> Self {
        Self { letter: A + (number % LETTERS) as u8 }
    }

    /// Until nobody takes what is typed.
    pub fn type_along(self) -> mpsc::Receiver<Bytes> {
        let (keys, typed) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            let mut beat = tokio::time::interval(HALF);
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            for is_down in [true, false].into_iter().cycle() {
                beat.tick().await;
                if keys.send(key(is_down, self.letter)).await.is_err() {
                    return;
                }
            }
        });
        typed
    }
}

/// As the keyboard's channel has it: a key, whether it goes down, no modifiers, its number (big-endian).
fn key(is_down: bool, letter: u8) -> Bytes {
    Bytes::from(vec![0, is_down.into(), 0, 0, letter])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_letter_goes_down_and_up_ten_times_a_second() {
        let mut typed = Hands::of(27).type_along();
        let began = tokio::time::Instant::now();
        for _ in 0..10 {
            assert_eq!(typed.recv().await.as_deref(), Some(&[0, 1, 0, 0, A + 1][..]));
            assert_eq!(typed.recv().await.as_deref(), Some(&[0, 0, 0, 0, A + 1][..]));
        }
        assert_eq!(began.elapsed(), HALF * 19);
    }
}
