//! Placeholders in a config: `{diskfs}`, `{rtmp,name=door}`, `{processid^:}`.
//!
//! ```text
//!   {name}             what the name stands for
//!   {name^:}           the same with each `:` and each `\` escaped, for the options that ffmpeg splits at them
//!   {name,key=value}   what it stands for has places of its own, which are filled by key; keys and values are
//!                      percent-encoded, and $processid, $reference, $inputid, $outputid in a value stand for those
//! ```
//! A name that is none of these is let be: filters have braces, too. What is filled in is not looked at again.

use std::collections::BTreeMap;

use super::config::{Config, Io};

/// What the placeholders of a site stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The data directory.
    pub diskfs: Option<String>,
    pub memfs: Option<String>,
    /// By the name behind `fs:`.
    pub fs: BTreeMap<String, String>,
    /// The server for RTMP, as `rtmp://127.0.0.1:1935/live/{name}`.
    pub rtmp: Option<Template>,
}

/// An address with places of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// A place is `{key}`, of the letters a to z.
    pub text: String,
    /// What stands in a place that nobody fills.
    pub defaults: BTreeMap<String, String>,
}

/// Why a placeholder cannot be filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {placeholder} {reason}")]
pub struct Refusal {
    /// The field.
    pub path: String,
    pub placeholder: String,
    pub reason: Reason,
}

/// What is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("stands for nothing here: this server has none")]
    Nothing,
    #[error(
        "stands for nothing here: there is no server of SRT. An input listens by itself at srt://:9000?mode=listener, an output \
         sends to srt://host:port, and one process feeds another by {{rtmp,name=door}} or #process:output=id"
    )]
    NoSrt,
    #[error("needs {0}: write it as in {{rtmp,name=door}}")]
    Parameter(String),
}

/// One in a text.
struct Placeholder<'a> {
    whole: &'a str,
    name: &'a str,
    escaped: Option<char>,
    parameters: &'a str,
}

/// What counts where a text stands.
struct Scope<'a> {
    places: &'a Places,
    /// Those that stand for themselves, and in values as `$name`.
    variables: Vec<(&'a str, &'a str)>,
    /// Whether they stand in the text, too, or in values alone.
    takes_variables: bool,
    takes_files: bool,
    takes_servers: bool,
}

/// The config with all of its placeholders filled.
pub fn filled(config: &Config, places: &Places) -> Result<Config, Refusal> {
    let mut filled = config.clone();
    let ids = [("processid", config.id.as_str()), ("reference", config.reference.as_str())];
    let global = Scope {
        places,
        variables: ids.to_vec(),
        takes_variables: false,
        takes_files: true,
        takes_servers: false,
    };
    global.fill_all("options", &mut filled.options)?;
    for (index, io) in filled.input.iter_mut().enumerate() {
        fill_io(io, &format!("input[{index}]"), (places, &ids, "inputid"))?;
    }
    for (index, io) in filled.output.iter_mut().enumerate() {
        fill_io(io, &format!("output[{index}]"), (places, &ids, "outputid"))?;
    }
    Ok(filled)
}

fn fill_io(
    io: &mut Io,
    path: &str,
    (places, ids, own): (&Places, &[(&str, &str)], &str),
) -> Result<(), Refusal> {
    let of_id = Scope {
        places,
        variables: ids.to_vec(),
        takes_variables: true,
        takes_files: false,
        takes_servers: false,
    };
    let id = of_id.fill(&format!("{path}.id"), &io.id)?;
    let variables = || ids.iter().copied().chain([(own, id.as_str())]).collect();
    let patterns = Scope { variables: variables(), ..of_id };
    for (index, cleanup) in io.cleanup.iter_mut().enumerate() {
        cleanup.pattern = patterns.fill(&format!("{path}.cleanup[{index}].pattern"), &cleanup.pattern)?;
    }
    let options = Scope { takes_files: true, ..patterns };
    options.fill_all(&format!("{path}.options"), &mut io.options)?;
    let address = Scope { takes_servers: true, ..options };
    io.address = address.fill(&format!("{path}.address"), &io.address)?;
    io.id = id;
    Ok(())
}

impl Scope<'_> {
    fn fill_all(&self, path: &str, texts: &mut [String]) -> Result<(), Refusal> {
        for (index, text) in texts.iter_mut().enumerate() {
            *text = self.fill(&format!("{path}[{index}]"), text)?;
        }
        Ok(())
    }

    fn fill(&self, path: &str, text: &str) -> Result<String, Refusal> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            let (before, from) = rest.split_at(start);
            filled.push_str(before);
            let placeholder = Placeholder::at(from);
            let value = placeholder.as_ref().map(|one| self.value(one)).transpose();
            let refused = |reason| Refusal {
                path: path.to_owned(),
                placeholder: placeholder.as_ref().map_or_else(String::new, |one| format!("{{{}}}", one.name)),
                reason,
            };
            rest = match (value.map_err(refused)?.flatten(), &placeholder) {
                (Some(value), Some(one)) => {
                    filled.push_str(&one.escape(&value));
                    from.strip_prefix(one.whole).unwrap_or_default()
                }
                _ => {
                    filled.push('{');
                    from.strip_prefix('{').unwrap_or_default()
                }
            };
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// `None`: it is no placeholder here.
    fn value(&self, one: &Placeholder<'_>) -> Result<Option<String>, Reason> {
        let places = self.places;
        let plain = |value: Option<&String>| value.cloned().map(Some).ok_or(Reason::Nothing);
        match one.name {
            "diskfs" if self.takes_files => plain(places.diskfs.as_ref()),
            "memfs" if self.takes_files => plain(places.memfs.as_ref()),
            "rtmp" if self.takes_servers => self.template(places.rtmp.as_ref(), one).map(Some),
            "srt" if self.takes_servers => Err(Reason::NoSrt),
            name => match name.strip_prefix("fs:") {
                Some(name) if self.takes_files => plain(places.fs.get(name)),
                _ if !self.takes_variables => Ok(None),
                _ => Ok(self
                    .variables
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| (*value).to_owned())),
            },
        }
    }

    fn template(&self, template: Option<&Template>, one: &Placeholder<'_>) -> Result<String, Reason> {
        let template = template.ok_or(Reason::Nothing)?;
        let mut values = template.defaults.clone();
        for parameter in one.parameters.split(',').filter(|parameter| !parameter.is_empty()) {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            values.insert(decoded(key), self.with_variables(&decoded(value)));
        }
        template.filled(&values)
    }

    fn with_variables(&self, value: &str) -> String {
        let named = |text: String, (name, value): &(&str, &str)| text.replace(&format!("${name}"), value);
        self.variables.iter().fold(value.to_owned(), named)
    }
}

impl Template {
    fn filled(&self, values: &BTreeMap<String, String>) -> Result<String, Reason> {
        let mut filled = String::new();
        let mut rest = self.text.as_str();
        while let Some((before, from)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((key, after)) = from.split_once('}') else {
                filled.push('{');
                rest = from;
                continue;
            };
            filled.push_str(values.get(key).ok_or_else(|| Reason::Parameter(key.to_owned()))?);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

impl<'a> Placeholder<'a> {
    /// The one that `text` begins with, if it does.
    fn at(text: &'a str) -> Option<Self> {
        let inner = text.strip_prefix('{')?;
        let name_ends = inner.find(|c: char| !c.is_ascii_lowercase() && c != ':')?;
        let (name, mut rest) = inner.split_at(name_ends);
        let mut escaped = None;
        if let Some(after) = rest.strip_prefix('^') {
            let mut characters = after.chars();
            escaped = characters.next();
            rest = characters.as_str();
        }
        let parameters = match rest.strip_prefix(',') {
            Some(after) => {
                let (parameters, after) = after.split_once('}')?;
                rest = after;
                parameters
            }
            None => {
                rest = rest.strip_prefix('}')?;
                ""
            }
        };
        let whole = text.get(..text.len() - rest.len())?;
        (!name.is_empty()).then_some(Self { whole, name, escaped, parameters })
    }

    /// Twice: what fills it stands in a value that is itself unescaped once more.
    fn escape(&self, value: &str) -> String {
        let Some(escaped) = self.escaped else { return value.to_owned() };
        let mut text = String::with_capacity(value.len());
        for c in value.chars() {
            if c == escaped || c == '\\' {
                text.push_str(r"\\");
            }
            text.push(c);
        }
        text
    }
}

/// A `+` is a space, as in a query; what cannot be decoded stays.
fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    crate::percent::decoded(&spaced).unwrap_or(spaced)
}

#[cfg(test)]
mod tests;
