//! How old something is, in as few letters as kubectl takes. Pure.

use jiff::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// From then to now.
pub fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(since.as_second()).max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => two(seconds, (MINUTE, "m"), (1, "s")),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two(seconds, (HOUR, "h"), (MINUTE, "m")),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two(seconds, (DAY, "d"), (HOUR, "h")),
        691_200..63_072_000 => format!("{}d", seconds / DAY),
        _ => two(seconds, (YEAR, "y"), (DAY, "d")),
    }
}

/// In two units; the smaller is left out when it is none.
fn two(seconds: i64, (large, of_large): (i64, &str), (small, of_small): (i64, &str)) -> String {
    match seconds % large / small {
        0 => format!("{}{of_large}", seconds / large),
        rest => format!("{}{of_large}{rest}{of_small}", seconds / large),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_as_kubectl_tells_it() {
        let since = Timestamp::UNIX_EPOCH;
        for (seconds, told) in [
            (-5, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (3_700, "61m"),
            (11_000, "3h3m"),
            (90_000, "25h"),
            (176_400, "2d1h"),
            (864_000, "10d"),
            (63_158_400, "2y1d"),
        ] {
            assert_eq!(age(since, Timestamp::from_second(seconds).unwrap()), told, "{seconds}");
        }
    }
}
