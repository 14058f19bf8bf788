//! What a process may open: which addresses its inputs and outputs may have, and which options.
//!
//! A process is a user's way to have this machine fetch and write. What is not known to be harmless is refused by name; an
//! option that nobody knows here takes a plain word, which can name nothing but a file of the directory that the process works
//! in. That must be the data directory. Symbolic links, and what a name resolves to, are seen where they are opened.
//!
//! Configs come with their placeholders filled and their references resolved.

mod access;
mod address;
mod filter;
mod formats;
mod option;
mod query;
mod tables;

use super::config::{Config, Io};
use option::Given;

pub use access::{Access, NotARegex};
pub use address::{Endpoint, Way};
pub use formats::INPUTS as INPUT_FORMATS;

/// What there is, and what is allowed.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// The data directory: outputs are written here, and processes work in it. Absolute.
    pub data: String,
    /// Directories that inputs may be read from as well. Absolute.
    pub media: Vec<String>,
    pub input: Access,
    pub output: Access,
}

/// A config whose addresses and options may be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    pub inputs: Vec<Way>,
    pub outputs: Vec<Way>,
}

/// Why a config is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Refusal {
    /// The field.
    pub path: String,
    pub reason: String,
}

/// Whether something is read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Input,
    Output,
}

/// What each address of the config is; refused if one may not be opened, or an option may not be given.
pub fn judge(config: &Config, site: &Site) -> Result<Judged, Refusal> {
    // They stand before the first input, and count for it too.
    let before = option::judge("options", &config.options, Side::Input, site)?;
    Ok(Judged {
        inputs: ways("input", &config.input, Side::Input, (&before, site))?,
        outputs: ways("output", &config.output, Side::Output, (&Given::default(), site))?,
    })
}

fn ways(name: &str, ios: &[Io], side: Side, (before, site): (&Given, &Site)) -> Result<Vec<Way>, Refusal> {
    let way = |(index, io): (usize, &Io)| {
        let mut given = option::judge(&format!("{name}[{index}].options"), &io.options, side, site)?;
        if index == 0 {
            given = given.after(before);
        }
        let refused = |reason| Refusal { path: format!("{name}[{index}].address"), reason };
        address::judge(&io.address, side, &given, site).map_err(refused)
    };
    ios.iter().enumerate().map(way).collect()
}

/// Whether the value that follows lets somebody in: `-headers`, `-passphrase:0`.
pub(crate) fn is_secret_option(option: &str) -> bool {
    let name = option.strip_prefix('-').and_then(|name| name.split(':').next());
    name.is_some_and(|name| tables::SECRET.contains(&name))
}

#[cfg(test)]
mod tests;
