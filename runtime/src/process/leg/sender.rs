//! Whose a local port is, as the kernel tells it (`proc(5)`).

use std::fs;
use std::io;
use std::path::Path;

/// Whether one of that process's group sends by UDP from that port.
pub(super) fn sends_from(group: i32, port: u16) -> io::Result<bool> {
    let mut inodes = Vec::new();
    for table in ["/proc/net/udp", "/proc/net/udp6"] {
        match fs::read_to_string(table) {
            Ok(text) => inodes.extend(at(&text, port)),
            // Without IPv6 there is none of it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    if inodes.is_empty() {
        return Ok(false);
    }
    let links: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    if holds(group, &links)? {
        return Ok(true);
    }
    // Should it have started others.
    let others = fs::read_dir("/proc")?.flatten();
    let others = others.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    Ok(others
        .filter(|pid| *pid != group && group_of(*pid) == Some(group))
        .any(|pid| holds(pid, &links).unwrap_or(false)))
}

/// The sockets of a table that have that port.
fn at(table: &str, port: u16) -> impl Iterator<Item = String> {
    let wanted = format!("{port:04X}");
    table.lines().skip(1).filter_map(move |line| {
        let mut fields = line.split_ascii_whitespace();
        let (_, local_port) = fields.nth(1)?.split_once(':')?;
        (local_port == wanted).then(|| fields.nth(7).map(str::to_owned))?
    })
}

/// Whether one of its descriptors is one of these. One that has ended has none.
fn holds(pid: i32, links: &[String]) -> io::Result<bool> {
    let entries = match fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fd")) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let held = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    Ok(held.filter_map(|link| link.into_os_string().into_string().ok()).any(|link| links.contains(&link)))
}

/// The third field behind the name, which is in parentheses and may have any of its own.
fn group_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_sockets_is_read_by_port() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n \
                     1234: 0100007F:DD2E 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 4711 2 0000000000000000 0\n \
                     1235: 00000000:DD2F 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 4712 2 0000000000000000 0\n";
        assert_eq!(at(table, 0xdd2e).collect::<Vec<_>>(), ["4711"]);
        assert_eq!(at(table, 1).count(), 0);
    }

    #[test]
    fn a_process_is_known_by_its_sockets() {
        let own = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = own.local_addr().unwrap().port();
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(sends_from(pid, port).unwrap());
        assert!(!sends_from(1, port).unwrap_or(false), "it is another's");
        drop(own);
        assert!(!sends_from(pid, port).unwrap(), "it is closed");
    }
}
