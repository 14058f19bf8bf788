//! What Linux tells of a process and of this network namespace, from `/proc`.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A process, by its id.
#[derive(Clone, Copy, Debug)]
pub struct Process(pub u32);

impl Process {
    /// On a CPU until now, over all threads that it has.
    pub fn cpu(self) -> io::Result<Duration> {
        let mut all = Duration::ZERO;
        for task in std::fs::read_dir(self.file("task"))? {
            // A thread may end meanwhile.
            let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
            all += on_cpu(&text).ok_or(io::ErrorKind::InvalidData)?;
        }
        Ok(all)
    }

    /// Resident memory.
    pub fn memory_bytes(self) -> io::Result<u64> {
        let text = std::fs::read_to_string(self.file("status"))?;
        resident(&text).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn file(self, name: &str) -> PathBuf {
        ["/proc", &self.0.to_string(), name].iter().collect()
    }
}

/// Datagrams that this network namespace had no room for until now: losses of whoever counts, not of whoever sends.
pub fn dropped_datagrams() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/net/snmp")?;
    receive_errors(&text).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The first of three: nanoseconds on a CPU.
fn on_cpu(schedstat: &str) -> Option<Duration> {
    Some(Duration::from_nanos(schedstat.split(' ').next()?.parse().ok()?))
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// A line of names is followed by one of values.
fn receive_errors(snmp: &str) -> Option<u64> {
    let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Udp:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let place = names.split_whitespace().position(|name| name == "RcvbufErrors")?;
    values.split_whitespace().nth(place)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_writes_is_read() {
        assert_eq!(on_cpu("1500000 20 3\n"), Some(Duration::from_micros(1500)));
        assert_eq!(resident("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2 << 20));
        let snmp = "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors\nUdp: 5 4 3 2 17\n";
        assert_eq!(receive_errors(snmp), Some(17));
    }

    #[test]
    fn this_process_has_memory_and_was_on_a_cpu() {
        let here = Process(std::process::id());
        assert!(here.memory_bytes().expect("there is /proc") > 0);
        assert!(here.cpu().is_ok() && dropped_datagrams().is_ok());
    }
}
