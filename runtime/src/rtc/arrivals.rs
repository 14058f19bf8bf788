//! What a publisher's packets carry, between the stack that decrypts them and the driver that passes them on.

use parking_lot::Mutex;
use rtc::interceptor::Packet;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtp;
use understudy_core::fanout::clock::Moment;

/// A turn of the driver reads sixteen buffers, and the kernel may put 64 datagrams into each. More is a stack that loops.
const MOST: usize = 16 * 64;
/// Two streams report each second or so. More is a sender that means something else.
const MOST_REPORTS: usize = 16;

/// Written inside the stack, read by the driver after each turn.
#[derive(Default)]
pub(super) struct Arrivals {
    packets: Mutex<Vec<rtp::Packet>>,
    /// By SSRC.
    reports: Mutex<Vec<(u32, Moment)>>,
}

impl Arrivals {
    pub fn see(&self, packet: &Packet) {
        match packet {
            Packet::Rtp(packet) => {
                let mut waiting = self.packets.lock();
                if waiting.len() < MOST {
                    waiting.push(packet.clone());
                }
            }
            Packet::Rtcp(packets) => {
                let reports = packets.iter().filter_map(|packet| packet.as_any().downcast_ref());
                let mut waiting = self.reports.lock();
                let room = MOST_REPORTS.saturating_sub(waiting.len());
                waiting.extend(reports.map(read).take(room));
            }
            _ => {}
        }
    }

    pub fn take(&self) -> Vec<rtp::Packet> {
        std::mem::take(&mut *self.packets.lock())
    }

    /// What was reported since the last call, in that order.
    pub fn take_reports(&self) -> Vec<(u32, Moment)> {
        std::mem::take(&mut *self.reports.lock())
    }
}

const fn read(report: &SenderReport) -> (u32, Moment) {
    (report.ssrc, Moment { ntp: report.ntp_time, rtp: report.rtp_time })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_reports_without_end_fills_no_memory() {
        let arrivals = Arrivals::default();
        let told = || -> Box<dyn rtc::rtcp::Packet> { Box::new(SenderReport::default()) };
        for _ in 0..MOST_REPORTS {
            arrivals.see(&Packet::Rtcp(vec![told(), told(), told()]));
        }
        assert_eq!(arrivals.take_reports().len(), MOST_REPORTS);
        assert!(arrivals.take_reports().is_empty());
    }
}
