//! Times as arguments write them: `60s`, `2m`, `1h30m`. Pure.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use std::time::Duration;

/// Reads one that is longer than nothing.
pub fn duration(text: &str) -> Result<Duration, String> {
    let read = text.parse::<SignedDuration>().ok().filter(SignedDuration::is_positive);
    let read = read.and_then(|duration| Duration::try_from(duration).ok());
    read.ok_or_else(|| "a time is a number with its unit, as 60s, 2m or 1h30m".to_owned())
}

/// Reads a moment in the form of RFC 3339.
pub fn moment(text: &str) -> Result<Time, String> {
    let read = text.parse::<Timestamp>();
    read.map(Time).map_err(|_| "a moment is written as 2030-01-01T00:00:00Z (RFC 3339)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_and_is_longer_than_nothing() {
        for (text, seconds) in
            [("60s", Some(60)), ("2m", Some(120)), ("1h30m", Some(5400)), ("PT5M", Some(300))]
        {
            assert_eq!(duration(text).ok(), seconds.map(Duration::from_secs), "{text}");
        }
        for text in ["", "60", "0s", "-2m", "2 apples", "2m ago"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_moment_has_its_offset() {
        let utc = moment("2030-01-01T00:00:00Z").unwrap();
        assert_eq!(moment("2030-01-01T01:00:00+01:00").unwrap(), utc);
        assert!(moment("2030-01-01").is_err());
        assert!(moment("2030-01-01T00:00:00").is_err());
    }
}
