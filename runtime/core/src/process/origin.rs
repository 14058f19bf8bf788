//! The process of a session's origin: what it is told, and how it fares, in the words of an input.
//!
//! ```text
//!              moves                  ends, fails
//!   Starting ────────> Playing ─────────────────────> Failed ──> … until it moves again
//! ```
//! What has failed is tried again and again. It has failed until something comes of that: a start is no news.
//!
//! What is live sets the pace itself. A file, or what is fetched in parts, comes as fast as the network lets it, and is read as it
//! plays: which of the two it is, its address says by habit, and what ffmpeg says of it for certain.

use super::config::{Config, Io, WebRtc};
use super::machine::Exec;
use super::said::{Place, Said};
use crate::input::{Failure, Health};
use crate::spec::StreamUrl;

/// As it is listed among others.
pub const ID: &str = "origin";

/// From an end to the next try: a publisher that begins anew is back by then.
const DELAY_SECONDS: u64 = 2;

/// An origin that says nothing is opened again: as long as a source has to open.
const STALE_SECONDS: u64 = 20;

/// How fast it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It sets the pace itself.
    AsItComes,
    /// Else it would come all at once.
    AsItPlays,
}

impl Pace {
    /// Before it was opened, by what addresses usually end in.
    pub fn likely(url: &StreamUrl) -> Self {
        const ENDINGS: [&str; 8] = [".m3u8", ".mpd", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".mp3"];
        let address = url.as_str().to_ascii_lowercase();
        let path = address.split(['?', '#']).next().unwrap_or_default();
        let is_file = may_be_file(url) && ENDINGS.iter().any(|ending| path.ends_with(ending));
        if is_file { Self::AsItPlays } else { Self::AsItComes }
    }

    /// By what a run has said of it; `None`: it has not said that yet.
    pub fn of(url: &StreamUrl, said: &Said) -> Option<Self> {
        let place = said.inputs().first()?;
        let comes_at_once = may_be_file(url) && (has_end(place) || is_in_parts(place));
        Some(if comes_at_once { Self::AsItPlays } else { Self::AsItComes })
    }
}

/// By other schemes nobody sends faster than it plays.
fn may_be_file(url: &StreamUrl) -> bool {
    url.scheme().starts_with("http")
}

/// Of what is live ffmpeg says `Duration: N/A`.
fn has_end(place: &Place) -> bool {
    place.duration_seconds > 0.0
}

/// Each part comes as fast as the network lets it, also of what is live.
fn is_in_parts(place: &Place) -> bool {
    place.format.split(',').any(|format| matches!(format, "hls" | "dash"))
}

/// What it is told: to fetch it for as long as it can, for viewers alone.
pub fn config(url: &StreamUrl, pace: Pace) -> Config {
    let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let pace: &[&str] = if pace == Pace::AsItPlays { &["-re"] } else { &[] };
    // A brace would begin a placeholder.
    let address = url.as_str().replace('{', "%7B").replace('}', "%7D");
    let input = Io { id: "url".to_owned(), address, options: text(pace), cleanup: Vec::new() };
    let nowhere = text(&["-codec", "copy", "-f", "null"]);
    let output =
        Io { id: "nowhere".to_owned(), address: "-".to_owned(), options: nowhere, cleanup: Vec::new() };
    Config {
        id: ID.to_owned(),
        reference: ID.to_owned(),
        input: vec![input],
        output: vec![output],
        reconnect: true,
        reconnect_delay_seconds: DELAY_SECONDS,
        autostart: true,
        stale_timeout_seconds: STALE_SECONDS,
        webrtc: WebRtc { enabled: true, ..WebRtc::default() },
        ..Config::default()
    }
}

/// What is seen of it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub exec: Exec,
    /// The output of the run that is on has moved on.
    pub moves: bool,
    /// The line that its latest run has said last, without secrets.
    pub line: &'a str,
    /// Nothing came of it for so long that it was ended.
    pub is_stale: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Standing {
    failure: Option<Failure>,
    plays: bool,
}

impl Standing {
    pub fn look(&mut self, seen: Seen<'_>) -> Health {
        match seen.exec {
            Exec::Running if seen.moves => {
                (self.failure, self.plays) = (None, true);
                return Health::Playing;
            }
            // How it has ended is told once it has.
            Exec::Finishing if self.plays => return Health::Playing,
            Exec::Failed | Exec::Killed | Exec::Finished
                if !seen.line.is_empty() || seen.moves || seen.is_stale =>
            {
                (self.failure, self.plays) = (Some(failure(seen)), false);
            }
            _ => self.plays = false,
        }
        self.failure.clone().map_or(Health::Starting, Health::Failed)
    }
}

/// In words that ffmpeg has for the errors of systems and servers, since its codes say little.
const WORDS: [(&str, &[&str]); 6] = [
    ("SourceForbidden", &["which is not fetched from", "403 Forbidden"]),
    ("SourceUnauthorized", &["401 Unauthorized", "authorization failed"]),
    ("SourceNotFound", &["404 Not Found", "No such file or directory", "Stream not found"]),
    (
        "SourceUnreachable",
        &[
            "Connection refused",
            "timed out",
            "No route to host",
            "Network is unreachable",
            "cannot be resolved",
            "cannot be reached",
            "did not answer in time",
            "Connection reset by peer",
            "Input/output error",
        ],
    ),
    ("SourceTlsFailed", &["TLS", "certificate"]),
    ("SourceNotMedia", &["Invalid data found", "does not contain any stream", "Protocol not found"]),
];

fn failure(seen: Seen<'_>) -> Failure {
    if seen.is_stale {
        let (reason, what) = if seen.moves {
            ("SourceStalled", "nothing more came")
        } else {
            ("SourceUnreachable", "nothing came")
        };
        return Failure { reason, message: format!("{what} for {STALE_SECONDS} s, and it is opened again") };
    }
    if seen.exec == Exec::Finished {
        let message = "the origin came to its end, and is opened again".to_owned();
        return Failure { reason: "SourceEnded", message };
    }
    let known = WORDS.iter().find(|(_, words)| words.iter().any(|word| seen.line.contains(word)));
    let reason = known.map_or("SourceFailed", |(reason, _)| reason);
    Failure {
        reason,
        message: format!("the origin cannot be played, and is tried again: {}", without_name(seen.line)),
    }
}

/// ffmpeg says which of its parts speaks, and where that is in memory: `[https @ 0x55d0] …`.
fn without_name(line: &str) -> &str {
    match line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((name, said)) if name.contains(" @ 0x") => said,
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seen(exec: Exec, moves: bool, line: &str) -> Seen<'_> {
        Seen { exec, moves, line, is_stale: false }
    }

    fn reason(health: &Health) -> &str {
        match health {
            Health::Failed(failure) => failure.reason,
            Health::Playing => "Playing",
            _ => "Starting",
        }
    }

    #[test]
    fn what_failed_has_failed_until_it_moves() {
        let mut standing = Standing::default();
        let refused = "tcp://192.0.2.1:80: Connection refused";
        let told = [
            seen(Exec::Finished, false, ""),
            seen(Exec::Starting, false, ""),
            seen(Exec::Running, false, "Input #0, flv"),
            seen(Exec::Failed, false, refused),
            seen(Exec::Starting, false, ""),
            seen(Exec::Running, false, "Input #0, flv"),
            seen(Exec::Running, true, "Press [q] to stop"),
            seen(Exec::Finished, true, "video:1kB"),
            seen(Exec::Starting, false, ""),
        ]
        .map(|seen| reason(&standing.look(seen)).to_owned());
        let expected = ["Starting", "Starting", "Starting"]
            .into_iter()
            .chain(["SourceUnreachable"; 3])
            .chain(["Playing", "SourceEnded", "SourceEnded"]);
        assert!(told.iter().map(String::as_str).eq(expected), "{told:?}");
    }

    fn url(text: &str) -> StreamUrl {
        StreamUrl::parse("url", text).unwrap()
    }

    fn said(input: &str, duration: &str) -> Said {
        let mut said = Said::default();
        for line in [
            &format!("Input #0, {input}, from 'x':"),
            &format!("  Duration: {duration}, start: 0.000000"),
            "  Stream #0:0: Video: h264, yuv420p, 320x180, 25 fps",
            "Stream mapping:",
        ] {
            said.line(line);
        }
        said
    }

    #[test]
    fn what_has_an_end_or_comes_in_parts_is_read_as_it_plays_and_what_is_live_as_it_comes() {
        use Pace::{AsItComes, AsItPlays};
        for (address, format, duration, pace) in [
            ("http://a/live.flv", "flv", "N/A", AsItComes),
            ("http://a/live.ts", "mpegts", "N/A", AsItComes),
            ("http://a/film.flv", "flv", "00:01:00.00", AsItPlays),
            ("https://a/watch", "mov,mp4,m4a,3gp,3g2,mj2", "00:00:03.02", AsItPlays),
            ("http://a/live", "hls", "N/A", AsItPlays),
            ("rtmp://a/live/b", "flv", "00:00:00.00", AsItComes),
            ("rtsp://a/b", "rtsp", "00:01:00.00", AsItComes),
        ] {
            assert_eq!(Pace::of(&url(address), &said(format, duration)), Some(pace), "{address} {duration}");
        }
        assert_eq!(Pace::of(&url("http://a/b"), &Said::default()), None);
        for (address, pace) in [
            ("http://a/live.flv", AsItComes),
            ("http://a/b.ts?x=.mp4", AsItComes),
            ("http://a/B.M3U8?token=x", AsItPlays),
            ("rtsp://a/b.mp4", AsItComes),
        ] {
            let options = &config(&url(address), Pace::likely(&url(address))).input[0].options;
            assert_eq!(options.iter().any(|option| option == "-re"), pace == AsItPlays, "{address}");
        }
    }

    #[test]
    fn a_failure_is_named_by_what_ffmpeg_says() {
        for (line, expected) in [
            ("rtmp://a/live/***: Input/output error", "SourceUnreachable"),
            ("[https @ 0x1] HTTP error 404 Not Found", "SourceNotFound"),
            (
                "http://a/b.m3u8: Server returned 401 Unauthorized (authorization failed)",
                "SourceUnauthorized",
            ),
            ("a.example has a private address, which is not fetched from; …", "SourceForbidden"),
            ("http://a/b: Invalid data found when processing input", "SourceNotMedia"),
            ("Conversion failed!", "SourceFailed"),
        ] {
            let told = Standing::default().look(seen(Exec::Failed, false, line));
            assert_eq!(reason(&told), expected, "{line}");
            let Health::Failed(Failure { message, .. }) = told else { panic!("{told:?}") };
            assert!(message.ends_with(without_name(line)) && !message.contains(" @ 0x"), "{message}");
        }
    }

    #[test]
    fn what_came_to_a_halt_is_told_apart_from_what_never_came() {
        let stale = |moves| Seen { exec: Exec::Finished, moves, line: "Exiting normally", is_stale: true };
        assert_eq!(reason(&Standing::default().look(stale(false))), "SourceUnreachable");
        let mut standing = Standing::default();
        standing.look(seen(Exec::Running, true, ""));
        assert_eq!(reason(&standing.look(seen(Exec::Finishing, true, ""))), "Playing");
        assert_eq!(reason(&standing.look(stale(true))), "SourceStalled");
        assert_eq!(reason(&standing.look(seen(Exec::Starting, false, ""))), "SourceStalled");
    }
}
