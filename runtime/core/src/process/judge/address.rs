//! An address: what it is, and whether it may be opened.

use super::option::Given;
use super::{Side, Site};
use crate::guard::host_and_port;

/// What an address is, and so what the edge does about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// HTTP: it goes through the guard, which judges each host that is asked.
    Guarded { address: String },
    /// It is connected to: the edge resolves the host, judges it and puts the very address in its place. Where a server of RTSP sends
    /// ffmpeg on to, only the port is held.
    Pinned(Endpoint),
    /// Others connect or send to it.
    Listening(Endpoint),
    /// Absolute, in a directory that it may be in.
    File { path: String },
    /// A graph of filters, which opens nothing.
    Generated { graph: String },
    /// It goes nowhere.
    Discarded,
}

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// In lower case.
    pub scheme: String,
    /// `user:password`, as it is written.
    pub user: Option<String>,
    /// A name, or an address without brackets; empty: any of ours.
    pub host: String,
    pub port: u16,
    /// Path and query, as they are written.
    pub rest: String,
}

/// In the URL scheme of each, the port if none is written; 0: one has to be.
const PINNED: &[(&str, u16)] = &[
    ("rtmp", 1935),
    ("rtmps", 443),
    ("rtp", 0),
    ("rtsp", 554),
    ("rtsps", 322),
    ("srt", 0),
    ("tcp", 0),
    ("tls", 0),
    ("udp", 0),
];

/// Why others than the known are refused: they open something within.
const REFUSED: &[(&str, &str)] = &[
    ("async", "it opens another address"),
    ("bluray", "it opens a disc"),
    ("cache", "it opens another address"),
    ("concat", "it opens other addresses"),
    ("concatf", "it opens the addresses that stand in a file"),
    ("crypto", "it opens another address"),
    ("data", "it is no place"),
    ("fd", "it is a file that is open already"),
    ("hls", "write the playlist's own address"),
    ("httpproxy", "it goes past the guard"),
    ("pipe", "a process has none"),
    ("subfile", "it opens another address"),
    ("tee", "it opens other addresses: write an output for each"),
    ("unix", "it opens a socket of this machine"),
];

pub(super) fn judge(address: &str, side: Side, given: &Given, site: &Site) -> Result<Way, String> {
    let address = address.trim();
    let format = given.format.as_deref();
    if side == Side::Input && format == Some("lavfi") {
        super::filter::judge(address)?;
        let way = Way::Generated { graph: address.to_owned() };
        return permitted(way, address, side, site);
    }
    if address.contains(|c: char| c.is_control()) {
        return Err("it holds a character that no address has".to_owned());
    }
    if side == Side::Output && (address.contains('|') || address.starts_with('[')) {
        return Err("tee is not allowed: write an output for each".to_owned());
    }
    if side == Side::Output && (address == "-" || scheme(address) == Some("pipe")) {
        return match format {
            Some("null") => permitted(Way::Discarded, "pipe:", side, site),
            _ => Err("a pipe is allowed with -f null alone: nobody reads it".to_owned()),
        };
    }
    fits(scheme(address), side, given)?;
    let way = match scheme(address) {
        None => file(address, side, site)?,
        Some(written) => {
            let scheme = written.to_ascii_lowercase();
            let rest = address.get(written.len() + 1..).unwrap_or_default();
            match scheme.as_str() {
                "file" => file(rest, side, site)?,
                "http" | "https" => guarded(&scheme, rest)?,
                known if PINNED.iter().any(|(name, _)| *name == known) => {
                    endpoint(&scheme, rest, side, given)?
                }
                other => return Err(refused(other)),
            }
        }
    };
    if matches!(way, Way::File { .. }) && side == Side::Input && given.widens {
        return Err(
            "playlists in files name files of the usual kinds alone: see allowed_extensions".to_owned()
        );
    }
    permitted(way, address, side, site)
}

/// Formats that open the address themselves, and the schemes that they are for.
const OPENING: &[(&str, &[&str])] =
    &[("rtp", &["rtp"]), ("rtp_mpegts", &["rtp"]), ("rtsp", &["rtsp", "rtsps"])];

/// Whether what the options say is for addresses of that scheme.
fn fits(scheme: Option<&str>, side: Side, given: &Given) -> Result<(), String> {
    let scheme = scheme.unwrap_or("file").to_ascii_lowercase();
    let format = given.format.as_deref();
    let opening = OPENING.iter().find(|(name, _)| Some(*name) == format);
    if let Some((name, schemes)) = opening
        && !schemes.contains(&scheme.as_str())
    {
        return Err(format!("-f {name} is for addresses of {}: alone", schemes.join(": and ")));
    }
    let is_rtsp = scheme == "rtsp" || scheme == "rtsps";
    if is_rtsp && format.is_some_and(|format| format != "rtsp") {
        return Err(format!("{scheme}: goes with -f rtsp alone"));
    }
    // Anything else would connect in spite of it.
    if given.listens == Some(true) && scheme != "tcp" && scheme != "rtmp" {
        return Err("-listen is for addresses of tcp: and rtmp: alone".to_owned());
    }
    if given.rtsp_listens == Some(true) && (scheme != "rtsp" || side == Side::Output) {
        return Err("-rtsp_flags listen is for inputs of rtsp: alone".to_owned());
    }
    Ok(())
}

/// `address`: as it is written.
pub(super) fn permitted(way: Way, address: &str, side: Side, site: &Site) -> Result<Way, String> {
    let (access, name) = match side {
        Side::Input => (&site.input, "INPUT"),
        Side::Output => (&site.output, "OUTPUT"),
    };
    let (written, plain) = ways(&way, address, side);
    match access.permits(&written, &plain) {
        true => Ok(way),
        false => Err(format!("this server does not allow it (CORE_FFMPEG_ACCESS_{name}_ALLOW and _BLOCK)")),
    }
}

/// In which ways it is written, and in which it could be: lists know it by any.
fn ways(way: &Way, address: &str, side: Side) -> (Vec<String>, Vec<String>) {
    let address = address.to_owned();
    match way {
        Way::File { path } => {
            let mut plain = vec![format!("file:{path}"), path.clone()];
            plain.extend((side == Side::Input).then_some(address));
            (plain.clone(), plain)
        }
        Way::Guarded { address: url } => (vec![address], plain(url)),
        Way::Pinned(endpoint) | Way::Listening(endpoint) => (vec![address], plain(&endpoint.address())),
        Way::Generated { .. } | Way::Discarded => (vec![address.clone()], vec![address]),
    }
}

/// Without user, in lower case where that makes no difference, with its port as a bare number and, where that goes without saying,
/// without; and with nothing encoded.
fn plain(url: &str) -> Vec<String> {
    let Some((scheme, rest)) = url.split_once("://") else { return vec![url.to_owned()] };
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place).to_ascii_lowercase();
    let usual = match scheme {
        "http" => 80,
        "https" => 443,
        _ => PINNED.iter().find(|(name, _)| *name == scheme).map_or(0, |(_, port)| *port),
    };
    // The colons of a literal are not before its port.
    let literal = place.rfind(']').map_or(0, |at| at + 1);
    let at = place[literal..].find(':').map_or(place.len(), |at| literal + at);
    let (host, port) = (&place[..at], place[at..].trim_start_matches(':').parse().unwrap_or(usual));
    let mut places = vec![place.clone()];
    for host in [host, host.trim_end_matches('.')] {
        places.extend((port != 0).then(|| format!("{host}:{port}")));
        places.extend((port == usual).then(|| host.to_owned()));
    }
    let mut ways: Vec<_> = places.iter().map(|place| format!("{scheme}://{place}{rest}")).collect();
    let meant: Vec<_> = ways.iter().filter_map(|way| crate::percent::decoded(way).ok()).collect();
    ways.extend(meant);
    ways
}

/// As ffmpeg takes an address apart: what begins with none is a path.
pub(super) fn scheme(address: &str) -> Option<&str> {
    let length = address.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.'))?;
    let (scheme, rest) = address.split_at(length);
    match rest.chars().next() {
        Some(':') if !scheme.is_empty() => Some(scheme),
        // `subfile,,start,…:` and whatever else has its options there.
        Some(',') if rest.contains(':') && !scheme.is_empty() => Some(scheme),
        _ => None,
    }
}

fn refused(scheme: &str) -> String {
    let outer = scheme.split('+').next().unwrap_or(scheme);
    match REFUSED.iter().find(|(name, _)| *name == outer) {
        Some((name, why)) => format!("{name}: is not allowed: {why}"),
        None => {
            let known = PINNED.iter().map(|(name, _)| *name);
            let known: Vec<_> = ["http", "https"].into_iter().chain(known).collect();
            format!("{scheme}: is not allowed: those that are, are {}, and files", known.join(", "))
        }
    }
}

/// `rest`: what stands behind the scheme and its colon.
pub(super) fn guarded(scheme: &str, rest: &str) -> Result<Way, String> {
    let rest = rest.strip_prefix("//").ok_or("it has no host")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    host(authority, Some(80))?;
    Ok(Way::Guarded { address: format!("{scheme}://{rest}") })
}

fn endpoint(scheme: &str, rest: &str, side: Side, given: &Given) -> Result<Way, String> {
    let rest = rest.strip_prefix("//").ok_or("it has no host")?;
    let length = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(length);
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (Some(user).filter(|user| !user.is_empty()), place),
        None => (None, authority),
    };
    let port =
        PINNED.iter().find(|(name, _)| *name == scheme).map(|(_, port)| *port).filter(|port| *port != 0);
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    super::query::judge(scheme, query)?;
    let is_listening = listens(scheme, query, side, given)?;
    // `srt://:9000` and `udp://:9000` are any address of ours.
    let (host, port) = match place.strip_prefix(':') {
        Some(port) if is_listening => {
            (String::new(), port.parse().map_err(|_| "its port is no number".to_owned())?)
        }
        _ => host(place, port)?,
    };
    let endpoint = Endpoint {
        scheme: scheme.to_owned(),
        user: user.map(str::to_owned),
        host,
        port,
        rest: rest.to_owned(),
    };
    Ok(if is_listening { Way::Listening(endpoint) } else { Way::Pinned(endpoint) })
}

fn listens(scheme: &str, query: &str, side: Side, given: &Given) -> Result<bool, String> {
    let pairs = || query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let value = |key: &str| pairs().find(|(name, _)| *name == key).map(|(_, value)| value);
    let once = |key: &str, is_option: bool| match is_option && value(key).is_some() {
        true => Err(format!("{key} is there twice: as an option and in the query")),
        false => Ok(()),
    };
    match scheme {
        "udp" | "rtp" => Ok(side == Side::Input),
        "srt" => {
            once("mode", given.mode.is_some())?;
            match value("mode").or(given.mode.as_deref()) {
                None | Some("caller" | "rendezvous") => Ok(false),
                Some("listener") => Ok(true),
                Some(_) => Err("mode takes caller, listener or rendezvous".to_owned()),
            }
        }
        "tcp" => {
            once("listen", given.listens.is_some())?;
            match value("listen") {
                Some("") => Ok(true),
                Some(on) => super::option::switch(on).map_err(|why| format!("listen: {why}")),
                None => Ok(given.listens == Some(true)),
            }
        }
        "rtmp" => Ok(given.listens == Some(true)),
        "rtsp" => Ok(given.rtsp_listens == Some(true)),
        _ => Ok(false),
    }
}

fn host(authority: &str, port: Option<u16>) -> Result<(String, u16), String> {
    if authority.contains(char::is_whitespace) {
        return Err("its host holds a space".to_owned());
    }
    let (host, port) = host_and_port(authority, port).map_err(|_| "it has no host and port".to_owned())?;
    match host.is_empty() || port == 0 {
        true => Err("it has no host and port".to_owned()),
        false => Ok((host, port)),
    }
}

/// A path is taken as it is written: where its links lead is seen when it is opened.
pub(super) fn file(path: &str, side: Side, site: &Site) -> Result<Way, String> {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", site.data) };
    let mut parts = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(".. is not allowed in a path".to_owned()),
            part => parts.push(part),
        }
    }
    let path = format!("/{}", parts.join("/"));
    // What stands for several files can stand for others than it seems to.
    if side == Side::Input && !is_plain_pattern(&path) {
        return Err("of patterns of files, %d and %03d are allowed alone".to_owned());
    }
    let media = site.media.iter().filter(|_| side == Side::Input);
    let directories: Vec<_> =
        std::iter::once(&site.data).chain(media).map(|one| one.trim_end_matches('/')).collect();
    let is_in = |directory: &&str| {
        path.strip_prefix(*directory).is_some_and(|inner| inner.starts_with('/') && !directory.is_empty())
    };
    match directories.iter().any(is_in) {
        true => Ok(Way::File { path }),
        false => Err(format!("a file is allowed in {} alone", directories.join(" and in "))),
    }
}

fn is_plain_pattern(path: &str) -> bool {
    let mut parts = path.split('%');
    let is_first_plain = !path.contains(['{', '}', '*', '?', '[', ']']);
    parts.next();
    is_first_plain && parts.all(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('d'))
}

impl Endpoint {
    /// The address with this in the place of host and port.
    pub fn at(&self, address: std::net::SocketAddr) -> String {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        format!("{}://{user}{address}{}", self.scheme, self.rest)
    }

    /// As it is written.
    pub fn address(&self) -> String {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{}://{user}{host}:{}{}", self.scheme, self.port, self.rest)
    }
}

impl Way {
    /// What ffmpeg is given, unless the edge knows better.
    pub fn address(&self) -> String {
        match self {
            Self::Guarded { address } => address.clone(),
            Self::Pinned(endpoint) | Self::Listening(endpoint) => endpoint.address(),
            Self::File { path } => format!("file:{path}"),
            Self::Generated { graph } => graph.clone(),
            Self::Discarded => "pipe:".to_owned(),
        }
    }

    /// What an input may open, as `-protocol_whitelist` takes it; `None`: nothing is opened by an address.
    pub fn protocols(&self) -> Option<&'static str> {
        match self {
            // What a playlist names goes the same way; its parts may be encrypted.
            Self::Guarded { .. } => Some("http,https,httpproxy,tcp,tls,crypto"),
            Self::File { .. } => Some("file"),
            Self::Generated { .. } | Self::Discarded => None,
            Self::Pinned(endpoint) | Self::Listening(endpoint) => Some(match endpoint.scheme.as_str() {
                "rtmp" => "rtmp,tcp",
                "rtmps" => "rtmps,tls,tcp,httpproxy",
                "rtsp" => "rtsp,rtp,udp,tcp",
                "rtsps" => "rtsps,rtp,srtp,udp,tcp,tls,httpproxy",
                "srt" => "srt",
                "tcp" => "tcp",
                "tls" => "tls,tcp,httpproxy",
                "rtp" => "rtp,udp",
                _ => "udp",
            }),
        }
    }
}
