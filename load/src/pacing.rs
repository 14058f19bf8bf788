//! When things begin: joins at a rate, ICE checks no closer than Ta, and who is looked at closely.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// RFC 8445 §14.2: between two checks of an agent.
pub const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// So many a time: `20/s`, `20`, `90/m`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    per_second: f64,
}

/// One in so many: `1/20`; `1/1` is all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    one_in: usize,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("a rate is a number above zero, as 20/s or 90/m")]
    Rate,
    #[error("a sample is one in so many, as 1/20; 1/1 is everybody and 0 nobody")]
    Sample,
}

/// The checks of one agent, which leave one by one.
#[derive(Debug, Default)]
pub struct Checks {
    waiting: VecDeque<(SocketAddr, Vec<u8>)>,
    next_at: Option<Instant>,
}

impl Rate {
    /// When the one with that number begins, the first being 0.
    pub fn at(self, number: usize) -> Duration {
        Duration::try_from_secs_f64(number as f64 / self.per_second).unwrap_or(Duration::MAX)
    }

    /// So many within that time.
    pub fn within(self, time: Duration) -> usize {
        (self.per_second * time.as_secs_f64()).ceil() as usize
    }
}

impl Sample {
    /// Evenly over the numbers, and never nobody of somebody.
    pub fn holds(self, number: usize) -> bool {
        self.one_in != 0 && number.is_multiple_of(self.one_in)
    }
}

impl Checks {
    /// A newer check to the same address replaces one that still waits.
    pub fn push(&mut self, to: SocketAddr, check: &[u8]) {
        match self.waiting.iter_mut().find(|(address, _)| *address == to) {
            Some((_, waiting)) => *waiting = check.to_vec(),
            None => self.waiting.push_back((to, check.to_vec())),
        }
    }

    /// The check that may leave now.
    pub fn pop(&mut self, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        if self.next_at.is_some_and(|at| now < at) {
            return None;
        }
        let check = self.waiting.pop_front()?;
        self.next_at = Some(now + CHECK_INTERVAL);
        Some(check)
    }

    pub fn wake_at(&self, now: Instant) -> Option<Instant> {
        (!self.waiting.is_empty()).then(|| self.next_at.unwrap_or(now))
    }
}

impl FromStr for Rate {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let (number, seconds) = match text.split_once('/') {
            None => (text, 1.0),
            Some((number, "s")) => (number, 1.0),
            Some((number, "m")) => (number, 60.0),
            Some(_) => return Err(Unreadable::Rate),
        };
        let number: f64 = number.trim().parse().map_err(|_| Unreadable::Rate)?;
        let per_second = number / seconds;
        if per_second.is_finite() && per_second > 0.0 {
            Ok(Self { per_second })
        } else {
            Err(Unreadable::Rate)
        }
    }
}

impl FromStr for Sample {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        if text == "0" {
            return Ok(Self { one_in: 0 });
        }
        let one_in: usize =
            text.strip_prefix("1/").and_then(|count| count.parse().ok()).ok_or(Unreadable::Sample)?;
        if one_in == 0 { Err(Unreadable::Sample) } else { Ok(Self { one_in }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);
    const THERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 2);

    #[test]
    fn joins_are_spread_over_time() {
        let rate: Rate = "20/s".parse().expect("a rate");
        assert_eq!(rate.at(0), Duration::ZERO);
        assert_eq!(rate.at(1), Duration::from_millis(50));
        assert_eq!(rate.at(40), Duration::from_secs(2));
        assert_eq!(rate.within(Duration::from_secs(3)), 60);
    }

    #[test]
    fn a_rate_may_be_of_minutes_or_without_a_unit() {
        assert_eq!("30/m".parse::<Rate>().map(|rate| rate.at(1)), Ok(Duration::from_secs(2)));
        assert_eq!("4".parse::<Rate>().map(|rate| rate.at(1)), Ok(Duration::from_millis(250)));
        for text in ["", "0/s", "-1/s", "1/h", "inf", "x"] {
            assert_eq!(text.parse::<Rate>(), Err(Unreadable::Rate), "{text}");
        }
    }

    #[test]
    fn a_sample_is_even_and_has_the_first() {
        let sample: Sample = "1/20".parse().expect("a sample");
        assert_eq!((0..50).filter(|number| sample.holds(*number)).collect::<Vec<_>>(), [0, 20, 40]);
        assert!((0..5).all(|number| Sample { one_in: 1 }.holds(number)));
        assert_eq!("0".parse::<Sample>().map(|nobody| nobody.holds(0)), Ok(false));
        for text in ["", "20", "1/0", "2/3", "1/x"] {
            assert_eq!(text.parse::<Sample>(), Err(Unreadable::Sample), "{text}");
        }
    }

    #[test]
    fn checks_leave_no_closer_than_the_interval() {
        let (mut checks, start) = (Checks::default(), Instant::now());
        checks.push(HERE, b"1");
        checks.push(THERE, b"2");
        assert_eq!(checks.pop(start), Some((HERE, b"1".to_vec())));
        assert_eq!(checks.pop(start), None);
        assert_eq!(checks.wake_at(start), Some(start + CHECK_INTERVAL));
        assert_eq!(checks.pop(start + CHECK_INTERVAL), Some((THERE, b"2".to_vec())));
        assert_eq!(checks.wake_at(start), None);
    }

    #[test]
    fn a_check_that_waits_is_replaced_by_the_next_to_the_same_address() {
        let (mut checks, start) = (Checks::default(), Instant::now());
        checks.push(HERE, b"1");
        checks.push(HERE, b"2");
        assert_eq!(checks.pop(start), Some((HERE, b"2".to_vec())));
        assert_eq!(checks.pop(start + CHECK_INTERVAL), None);
    }
}
