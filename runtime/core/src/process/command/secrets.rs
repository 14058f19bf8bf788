//! What must not be seen of a process: in its command, in what it writes, anywhere.

use crate::process::config::{Config, Io};
use crate::process::judge::is_secret_option;
use crate::process::log;
use crate::redact::{self, redacted};

/// What stands for a secret.
const HIDDEN: &str = "***";
/// A shorter one is found in many words that give nothing away.
const SHORTEST: usize = 4;

/// The end of a line that was cut.
const CUT: char = '…';

/// Of one config, as it is written and with its placeholders filled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    /// Addresses that are shown otherwise, the longest first.
    addresses: Vec<String>,
    /// The longest first: one may be a part of another.
    words: Vec<String>,
}

impl Secrets {
    /// Of configs that say the same in other words: as stored, and as used.
    pub fn of<'a>(configs: impl IntoIterator<Item = &'a Config>) -> Self {
        let mut secrets = Self::default();
        for config in configs {
            secrets.take_options(&config.options);
            for io in config.input.iter().chain(&config.output) {
                secrets.take(io);
            }
        }
        secrets.words.retain(|word| word.len() >= SHORTEST);
        for list in [&mut secrets.addresses, &mut secrets.words] {
            list.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
            list.dedup();
        }
        secrets
    }

    /// What a process wrote, without any.
    ///
    /// Of a line that was cut (`…`) the beginning of a secret may be left.
    pub fn line(&self, line: &str) -> String {
        match line.strip_suffix(CUT) {
            Some(head) => format!("{}{CUT}", self.without_begun(&self.whole_line(head))),
            None => self.whole_line(line),
        }
    }

    fn whole_line(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for address in &self.addresses {
            if line.contains(address.as_str()) {
                line = line.replace(address.as_str(), &shown(address));
            }
        }
        // Others name URLs of their own, with secrets of their own.
        line = redact::bared(&line);
        for word in &self.words {
            if line.contains(word.as_str()) {
                line = line.replace(word.as_str(), HIDDEN);
            }
        }
        line
    }

    /// A line of which the end is missing.
    fn without_begun(&self, line: &str) -> String {
        // A character that was cut is none.
        let line = line.trim_end_matches(char::REPLACEMENT_CHARACTER);
        let begun = |secret: &String| begun(line, secret);
        let hidden = self.words.iter().chain(&self.addresses).map(begun).max().unwrap_or_default();
        let line =
            if hidden == 0 { line.to_owned() } else { format!("{}{HIDDEN}", &line[..line.len() - hidden]) };
        // What begins a place may be a user.
        match line.rsplit_once("://") {
            Some((before, place)) if !place.contains(['/', '?', '#', ' ', '\'']) => {
                format!("{before}://{HIDDEN}")
            }
            _ => line,
        }
    }

    /// The same as it can be shown. It is cut last: of a secret that is cut nobody would know what is left.
    pub fn shown(&self, line: &[u8]) -> String {
        log::shown(self.line(&String::from_utf8_lossy(line)).as_bytes())
    }

    /// An address, also one that has another host by now.
    pub fn address(&self, address: &str) -> String {
        self.line(&shown(address))
    }

    /// Names and values in turn.
    pub fn options(&self, options: &[String]) -> Vec<String> {
        let mut is_hidden = false;
        let mut one = |text: &String| {
            let was_hidden = std::mem::replace(&mut is_hidden, is_secret_option(text));
            match was_hidden {
                true => {
                    is_hidden = false;
                    HIDDEN.to_owned()
                }
                false if text.contains("://") => self.address(text),
                false => self.line(text),
            }
        };
        options.iter().map(&mut one).collect()
    }

    fn take(&mut self, io: &Io) {
        self.take_options(&io.options);
        self.take_address(&io.address);
    }

    fn take_options(&mut self, options: &[String]) {
        for pair in options.windows(2) {
            if let [name, value] = pair
                && is_secret_option(name)
            {
                self.words.push(value.clone());
                // Of headers each has its own, and so has `Basic …`.
                self.words.extend(
                    value.split(['\r', '\n', ' ', ';', '=']).filter(|word| is_word(word)).map(str::to_owned),
                );
            }
        }
        options.iter().filter(|text| text.contains("://")).for_each(|text| self.take_address(text));
    }

    fn take_address(&mut self, address: &str) {
        if shown(address) == address {
            return;
        }
        self.addresses.push(address.to_owned());
        let is_known =
            |word: &String| !address.contains(&format!("{word}=")) && !PUBLIC.contains(&word.as_str());
        self.words.extend(redact::secrets(address).into_iter().filter(is_known));
    }
}

/// How much of the end of a line is the beginning of a secret, in bytes.
fn begun(line: &str, secret: &str) -> usize {
    let starts = secret.char_indices().map(|(at, _)| at).skip(1);
    starts.filter(|length| line.ends_with(&secret[..*length])).max().unwrap_or_default()
}

/// Values of queries that are words of everybody.
const PUBLIC: [&str; 8] = ["caller", "listener", "rendezvous", "live", "file", "1316", "true", "false"];

/// What is long enough to be none that stands in every header.
fn is_word(word: &str) -> bool {
    word.len() >= 2 * SHORTEST && !word.ends_with(':')
}

/// An address that begins with none is a path, a graph or a reference.
fn shown(address: &str) -> String {
    redacted(address)
}
