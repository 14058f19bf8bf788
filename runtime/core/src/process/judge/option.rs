//! The options of a process: each by its name, and the value that goes with it.

use super::{Refusal, Side, Site, address, filter, formats, tables};

/// What options say that counts for the address that they stand before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// `-f`.
    pub format: Option<String>,
    /// `-listen`, whether it is on.
    pub listens: Option<bool>,
    /// `-rtsp_flags`, whether `listen` is among them.
    pub rtsp_listens: Option<bool>,
    /// `-mode`, of SRT.
    pub mode: Option<String>,
    /// Playlists may name files of any kind.
    pub widens: bool,
}

/// Each option, and its value.
pub(super) fn judge(path: &str, options: &[String], side: Side, site: &Site) -> Result<Given, Refusal> {
    let mut given = Given::default();
    let mut rest = options.iter().enumerate();
    while let Some((index, option)) = rest.next() {
        let refused = |reason| Refusal { path: format!("{path}[{index}]"), reason };
        let name = name(option).map_err(refused)?;
        // Of one with streams ffmpeg makes an option that nobody reads: what is judged would not be what is done.
        if DECISIVE.contains(&name) && option.contains(':') {
            return Err(refused(format!("-{name} takes no streams")));
        }
        if tables::FLAGS.contains(&name) {
            continue;
        }
        let reason = tables::REFUSED.iter().find(|(refused, _)| *refused == name);
        if let Some((_, why)) = reason {
            return Err(refused(format!("-{name} is not allowed: {why}")));
        }
        let Some((_, value)) = rest.next() else {
            return Err(refused(format!("-{name} has no value")));
        };
        // If ffmpeg takes this one to stand alone, what follows would be an option that was not judged.
        if value
            .strip_prefix('-')
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
        {
            return Err(refused(format!("-{name} has no value: {:?} is an option", short(value))));
        }
        one(name, value, side, site).map_err(|why| refused(format!("-{name}: {why}")))?;
        given.note(name, value).map_err(|why| refused(format!("-{name}: {why}")))?;
    }
    Ok(given)
}

impl Given {
    fn note(&mut self, name: &str, value: &str) -> Result<(), String> {
        let is_twice = match name {
            "f" => self.format.replace(value.to_owned()).is_some(),
            "mode" => self.mode.replace(value.to_owned()).is_some(),
            "listen" => self.listens.replace(switch(value)?).is_some(),
            "rtsp_flags" => self.rtsp_listens.replace(rtsp_listens(value)?).is_some(),
            name => {
                self.widens |= tables::WIDENING.contains(&name);
                false
            }
        };
        if is_twice { Err("it is there twice".to_owned()) } else { Ok(()) }
    }

    /// With those that stand before them.
    pub(super) fn after(self, before: &Self) -> Self {
        Self {
            format: self.format.or_else(|| before.format.clone()),
            listens: self.listens.or(before.listens),
            rtsp_listens: self.rtsp_listens.or(before.rtsp_listens),
            mode: self.mode.or_else(|| before.mode.clone()),
            widens: self.widens || before.widens,
        }
    }
}

/// Their value decides what is opened, and how.
const DECISIVE: [&str; 5] = ["f", "listen", "mode", "rtsp_flags", "rtsp_transport"];

/// What is on or off, and nothing beyond.
pub(super) fn switch(value: &str) -> Result<bool, String> {
    match value {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err("it takes 0 or 1".to_owned()),
    }
}

fn rtsp_listens(value: &str) -> Result<bool, String> {
    const KNOWN: [&str; 4] = ["filter_src", "listen", "prefer_tcp", "satip_raw"];
    let flags: Vec<_> = value.strip_prefix('+').unwrap_or(value).split('+').collect();
    match flags.iter().all(|flag| KNOWN.contains(flag)) {
        true => Ok(flags.contains(&"listen")),
        false => Err(format!("it takes {} with + between", KNOWN.join(", "))),
    }
}

/// The option's name without the streams that it is for: `c` of `-c:v:0`.
fn name(option: &str) -> Result<&str, String> {
    let Some(name) = option.strip_prefix('-').filter(|name| !name.is_empty()) else {
        return Err(format!("{:?} is no option: what follows none is taken as an output", short(option)));
    };
    if name.starts_with('/') {
        return Err(format!("{:?} is not allowed: it reads its value from a file", short(option)));
    }
    let name = name.split(':').next().unwrap_or(name);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    match !name.is_empty() && name.chars().all(is_name) && !name.starts_with('-') {
        true => Ok(name),
        false => Err(format!("{:?} is no option", short(option))),
    }
}

fn one(name: &str, value: &str, side: Side, site: &Site) -> Result<(), String> {
    match name {
        "f" => format(value, side),
        "pattern_type" if value.contains("glob") => Err("patterns of files are not allowed".to_owned()),
        "rtsp_transport" if value != "tcp" => {
            Err("it takes tcp alone: by UDP it would send to wherever the server says".to_owned())
        }
        name if tables::GRAPHS.contains(&name) => filter::judge(value),
        name if tables::LISTS.contains(&name) => list(value),
        name if tables::NESTED.contains(&name) => nested(value, side, site),
        name if tables::PATHS.contains(&name) => output_path(value, site),
        name if tables::NAMES.contains(&name) => file_name(value),
        name if tables::FREE.contains(&name) => Ok(()),
        _ if is_plain(value) => Ok(()),
        _ => Err(format!("it takes a plain word or number here, and {:?} is none", short(value))),
    }
}

fn format(value: &str, side: Side) -> Result<(), String> {
    let known = match side {
        Side::Output => formats::OUTPUTS,
        Side::Input => formats::INPUTS,
    };
    match known.contains(&value) {
        true => Ok(()),
        false => Err(format!("the format {:?} is not among those that are allowed", short(value))),
    }
}

/// `key=value` with colons between. What is escaped could hide something.
fn list(value: &str) -> Result<(), String> {
    for pair in value.split(':') {
        let key = pair.split('=').next().unwrap_or_default().trim().to_ascii_lowercase().replace('_', "-");
        if tables::LIST_REFUSED.contains(&key.as_str()) {
            return Err(format!("{key} is not allowed: it opens a file"));
        }
        if let Some((_, value)) = pair.split_once('=')
            && !is_plain(value)
        {
            return Err(format!("{key} takes a plain word or number here"));
        }
    }
    match value.contains(['\\', '\'']) {
        true => Err("nothing in it may be escaped".to_owned()),
        false => Ok(()),
    }
}

fn nested(value: &str, side: Side, site: &Site) -> Result<(), String> {
    if value.contains(['\\', '\'']) {
        return Err("nothing in it may be escaped".to_owned());
    }
    for pair in value.split([':', ',']).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or_else(|| format!("{:?} has no value", short(pair)))?;
        let options = [format!("-{}", key.trim()), value.to_owned()];
        judge("", &options, side, site).map_err(|refusal| refusal.reason)?;
    }
    Ok(())
}

/// A file of the data directory, or an address of HTTP, which goes through the guard as the output does.
fn output_path(value: &str, site: &Site) -> Result<(), String> {
    match address::scheme(value) {
        None => {
            let way = address::file(value, Side::Output, site)?;
            address::permitted(way, value, Side::Output, site).map(drop)
        }
        Some(scheme @ ("http" | "https")) => {
            let rest = value.strip_prefix(scheme).and_then(|rest| rest.strip_prefix(':'));
            let way = address::guarded(scheme, rest.ok_or("it has no host")?)?;
            address::permitted(way, value, Side::Output, site).map(drop)
        }
        Some(scheme) => Err(format!("{scheme}: is not allowed here")),
    }
}

fn file_name(value: &str) -> Result<(), String> {
    match value.starts_with('/') || value.contains("..") || value.contains("//") || value.contains('\\') {
        true => Err("it takes the name of a file beside the output".to_owned()),
        false => Ok(()),
    }
}

/// What can be no file elsewhere and no address: a word, or numbers with `:` or `/` between, as 16:9 and 30000/1001.
fn is_plain(value: &str) -> bool {
    let is_word = value.chars().all(|c| c.is_ascii_alphanumeric() || "_.,+-@ ".contains(c));
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    let is_ratio = value.trim_start_matches('-').split([':', '/']).all(is_number);
    (is_word || is_ratio) && !value.contains("..") && value.len() <= 256
}

/// Enough to know it by.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
