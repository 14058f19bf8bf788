//! What all processes have in common: where things are, and what may be done.

use std::net::SocketAddr;
use std::path::PathBuf;

use understudy_core::process::judge;

use super::{Metrics, leg};
use crate::guard::Opened;
use crate::net::Families;
use crate::{broadcast, program};

/// Fixed for as long as the runtime runs.
pub struct Site {
    /// The program, by its path or its name.
    pub ffmpeg: PathBuf,
    /// Where the program is named, for whoever misses it.
    pub setting: &'static str,
    /// A program that confines itself and becomes another (`understudy-runtime confine`); none: nothing is confined.
    pub confiner: Option<PathBuf>,
    /// Where files may be, and what addresses may look like.
    pub judge: judge::Site,
    /// What they fetch by HTTP goes through it, what they connect to otherwise is judged by it.
    pub guard: Opened,
    /// Our own RTMP.
    pub rtmp: Option<RtmpDoor>,
    /// Of those that are to run.
    pub most: usize,
    /// Where they are watched over WebRTC.
    pub watching: Watching,
    /// Which of them are.
    pub watched: Watched,
    pub metrics: Metrics,
}

/// Which processes are watched over WebRTC, if their config wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    All,
    /// The session's, under the names of its livestreams.
    Sessions,
}

/// Where what can be watched of processes is kept.
#[derive(Default)]
pub struct Watching {
    /// Of processes alone, each by its `egress::whep::process_name`.
    pub programs: program::Registry,
    pub hubs: broadcast::Metrics,
    pub legs: leg::Metrics,
}

/// Where RTMP is served here, and what opens it for a child of ours.
#[derive(Clone)]
pub struct RtmpDoor {
    /// Of this machine.
    pub at: SocketAddr,
    pub token: String,
}

/// What is made of nothing but memory elsewhere: below the data directory, and served over HTTP.
pub(super) const MEMORY: &str = "memfs";

impl Site {
    /// The data directory.
    pub(super) fn data(&self) -> PathBuf {
        PathBuf::from(&self.judge.data)
    }

    /// What `{memfs}` stands for.
    pub fn memory(&self) -> PathBuf {
        self.data().join(MEMORY)
    }
}

impl RtmpDoor {
    /// Of a server that listens at any of its addresses, the one that nobody else reaches.
    pub fn new(listens: SocketAddr, families: Families, token: String) -> Self {
        let loopback = families.loopbacks().first().copied();
        let ip = loopback.filter(|_| listens.ip().is_unspecified()).unwrap_or(listens.ip());
        Self { at: SocketAddr::new(ip, listens.port()), token }
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.at
    }

    pub(super) fn url(&self) -> String {
        format!("rtmp://{}", self.at)
    }
}

impl std::fmt::Debug for RtmpDoor {
    /// Tokens are never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RtmpDoor").field("at", &self.at).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_rtmp_is_asked_where_it_listens() {
        let both = Families { v4: true, v6: true };
        let six = Families { v4: false, v6: true };
        for (listens, families, at) in [
            ("0.0.0.0:1935", both, "127.0.0.1:1935"),
            ("[::]:1935", both, "127.0.0.1:1935"),
            ("[::]:1935", six, "[::1]:1935"),
            ("127.0.0.2:1935", both, "127.0.0.2:1935"),
            ("[2001:db8::1]:19", both, "[2001:db8::1]:19"),
        ] {
            let door = RtmpDoor::new(listens.parse().unwrap(), families, String::new());
            assert_eq!(door.url(), format!("rtmp://{at}"), "{listens}");
        }
    }
}
