//! How much of what is sent has arrived, by what a receiver reports (RFC 3550 §6.4.1), or says of each packet
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).

use super::estimate::Report;

/// What has arrived of a stream, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    pub packets: u64,
    /// Of payload: the share of what was sent that the packets are.
    pub bytes: u64,
}

/// What was sent of a stream until now. Both wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    pub packets: u32,
    pub octets: u32,
}

/// Packets that came, of which a receiver had said nothing before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Came {
    /// The number of the last of them.
    pub newest: u16,
    pub packets: u32,
}

/// Of one stream. A receiver that only repeats itself adds nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrived {
    last: Option<(Report, Sent)>,
    receipt: Receipt,
}

impl Arrived {
    /// A report came when so much had been sent, whose first packet had the number `first`. Tells what arrived in all.
    pub fn reported(&mut self, report: Report, sent: Sent, first: u16) -> Receipt {
        let (newest, lost, before) = match &self.last {
            Some((last, sent)) => (last.newest, last.lost, *sent),
            None => (first.wrapping_sub(1), 0, Sent::default()),
        };
        let (packets, octets) =
            (sent.packets.wrapping_sub(before.packets), sent.octets.wrapping_sub(before.octets));
        let forward = report.newest.wrapping_sub(newest);
        // Older than the last, or of before anything came.
        if forward == 0 || forward > u16::MAX / 2 || packets == 0 {
            return self.receipt;
        }
        let missed = report.lost.wrapping_sub(lost).min(u32::from(forward));
        let arrived = u64::from(u32::from(forward) - missed).min(packets.into());
        self.receipt.packets += arrived;
        self.receipt.bytes += u64::from(octets) * arrived / u64::from(packets);
        self.last = Some((report, sent));
        self.receipt
    }

    /// The same, of whom it is said which came. What is said of late ones is not counted: they were taken for lost.
    pub fn came(&mut self, came: Came, sent: Sent, first: u16) -> Receipt {
        let last =
            self.last.map_or(Report { newest: first.wrapping_sub(1), ..Report::default() }, |(last, _)| last);
        let missed = u32::from(came.newest.wrapping_sub(last.newest)).saturating_sub(came.packets);
        let lost = last.lost.wrapping_add(missed);
        self.reported(Report { newest: came.newest, lost, ..Report::default() }, sent, first)
    }

    pub fn receipt(&self) -> Receipt {
        self.receipt
    }
}

impl std::ops::Add for Receipt {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { packets: self.packets + other.packets, bytes: self.bytes + other.bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(newest: u16, lost: u32) -> Report {
        Report { newest, lost, ..Report::default() }
    }

    #[test]
    fn what_arrived_is_what_was_sent_less_what_was_lost() {
        let mut arrived = Arrived::default();
        let first = u16::MAX - 1;
        let sent = Sent { packets: 100, octets: 100_000 };
        assert_eq!(arrived.reported(report(first.wrapping_add(99), 0), sent, first).packets, 100);
        assert_eq!(arrived.receipt(), Receipt { packets: 100, bytes: 100_000 });
        let sent = Sent { packets: 200, octets: 300_000 };
        let receipt = arrived.reported(report(first.wrapping_add(189), 10), sent, first);
        assert_eq!(receipt, Receipt { packets: 180, bytes: 260_000 });
    }

    #[test]
    fn a_report_that_repeats_another_or_is_older_adds_nothing() {
        let mut arrived = Arrived::default();
        let sent = |packets| Sent { packets, octets: 1000 * packets };
        let receipt = arrived.reported(report(49, 0), sent(50), 0);
        assert_eq!(receipt.packets, 50);
        for newest in [49, 20, 0] {
            assert_eq!(arrived.reported(report(newest, 0), sent(100), 0), receipt, "{newest}");
        }
        assert_eq!(arrived.reported(report(99, 0), sent(100), 0).packets, 100);
    }

    #[test]
    fn what_is_said_of_each_packet_counts_once() {
        let mut arrived = Arrived::default();
        let first = u16::MAX - 1;
        let sent = |packets| Sent { packets, octets: 1000 * packets };
        let mut came =
            |newest, packets, all| arrived.came(Came { newest, packets }, sent(all), first).packets;
        assert_eq!(came(first.wrapping_add(9), 10, 12), 10);
        assert_eq!(came(first.wrapping_add(19), 8, 20), 18, "two are missing");
        assert_eq!(came(first.wrapping_add(14), 1, 20), 18, "one of them was late");
        assert_eq!(came(first.wrapping_add(29), 10, 30), 28);
        assert_eq!(came(first.wrapping_add(30_000), 30_000, 33), 31, "never more than was sent");
    }

    #[test]
    fn a_receiver_that_claims_more_than_was_sent_is_believed_what_was_sent() {
        let mut arrived = Arrived::default();
        let receipt = arrived.reported(report(30_000, 0), Sent { packets: 3, octets: 30 }, 0);
        assert_eq!(receipt, Receipt { packets: 3, bytes: 30 });
        let counters = Sent { packets: 2, octets: u32::MAX };
        assert_eq!(Arrived::default().reported(report(1, 0), counters, 0).bytes, u64::from(u32::MAX));
    }
}
