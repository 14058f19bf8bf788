//! Inputs that name another process's output: `#process:output=id`.

use std::collections::BTreeSet;

use super::config::Config;

/// What a reference says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    pub process: &'a str,
    pub output: &'a str,
}

/// Why a reference leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("input[{input}].address: {address:?} {reason}")]
pub struct Refusal {
    pub input: usize,
    pub address: String,
    pub reason: Reason,
}

/// What is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("is no reference: it is to read #process:output=id")]
    Shape,
    #[error("refers to the process itself")]
    Itself,
    #[error("refers to the process {0:?}, which there is not")]
    Process(String),
    #[error("refers to the output {output:?}, which the process {process:?} has not")]
    Output { process: String, output: String },
    #[error("leads by way of {0:?} back to the process itself")]
    Loop(String),
}

impl<'a> Reference<'a> {
    /// `None`: it is an address of its own.
    fn of(address: &'a str) -> Option<Result<Self, Reason>> {
        let text = address.trim().strip_prefix('#')?;
        // An id may have the word in it; the last one counts.
        let parts = text.rsplit_once(":output=");
        let parts = parts.filter(|(process, output)| !process.is_empty() && !output.is_empty());
        Some(parts.map(|(process, output)| Self { process, output }).ok_or(Reason::Shape))
    }
}

/// The config with each reference replaced by the address of that output.
///
/// `find` gives the other processes, with their placeholders filled and their references as they are.
pub fn resolved<'a>(config: &Config, find: impl Fn(&str) -> Option<&'a Config>) -> Result<Config, Refusal> {
    let mut resolved = config.clone();
    for (input, io) in resolved.input.iter_mut().enumerate() {
        let refused = |reason| Refusal { input, address: io.address.clone(), reason };
        let Some(reference) = Reference::of(&io.address) else { continue };
        io.address = reference.and_then(|reference| address(config, reference, &find)).map_err(refused)?;
    }
    Ok(resolved)
}

fn address<'a>(
    config: &Config,
    reference: Reference<'_>,
    find: &impl Fn(&str) -> Option<&'a Config>,
) -> Result<String, Reason> {
    if reference.process == config.id {
        return Err(Reason::Itself);
    }
    let other = find(reference.process).ok_or_else(|| Reason::Process(reference.process.to_owned()))?;
    let output = other.output.iter().find(|output| output.id == reference.output);
    let output = output.ok_or_else(|| Reason::Output {
        process: reference.process.to_owned(),
        output: reference.output.to_owned(),
    })?;
    if leads_to(other, &config.id, find) {
        return Err(Reason::Loop(reference.process.to_owned()));
    }
    Ok(output.address.clone())
}

/// Whether `from`, or a process that it refers to, refers to `id`.
fn leads_to<'a>(from: &'a Config, id: &str, find: &impl Fn(&str) -> Option<&'a Config>) -> bool {
    let mut seen = BTreeSet::new();
    let mut to_see = vec![from];
    while let Some(config) = to_see.pop() {
        if !seen.insert(config.id.as_str()) {
            continue;
        }
        for reference in config.input.iter().filter_map(|io| Reference::of(&io.address)?.ok()) {
            if reference.process == id {
                return true;
            }
            to_see.extend(find(reference.process));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::process::config::Io;

    fn io(id: &str, address: &str) -> Io {
        Io { id: id.to_owned(), address: address.to_owned(), ..Io::default() }
    }

    fn process(id: &str, input: &str) -> Config {
        let output = vec![io("main", &format!("rtmp://a/live/{id}")), io("file", &format!("/data/{id}.ts"))];
        Config { id: id.to_owned(), input: vec![io("in", input)], output, ..Config::default() }
    }

    fn resolve(config: &Config, others: &[Config]) -> Result<String, String> {
        let find = |id: &str| others.iter().find(|one| one.id == id);
        resolved(config, find)
            .map(|config| config.input[0].address.clone())
            .map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_reference_is_the_address_of_that_output() {
        let others = [process("a", "rtsp://camera/1"), process("b:output=c", "x")];
        for (input, address) in [
            ("#a:output=file", "/data/a.ts"),
            ("#a:output=main", "rtmp://a/live/a"),
            ("#b:output=c:output=file", "/data/b:output=c.ts"),
            ("rtsp://camera/2#1", "rtsp://camera/2#1"),
        ] {
            assert_eq!(resolve(&process("me", input), &others).as_deref(), Ok(address), "{input}");
        }
    }

    #[test]
    fn one_that_leads_nowhere_is_refused_in_its_words() {
        let others =
            [process("a", "#me:output=main"), process("b", "#a:output=main"), process("c", "#c:output=main")];
        for (input, words) in [
            ("#a", "is no reference"),
            ("#:output=x", "is no reference"),
            ("#a:output=", "is no reference"),
            ("#me:output=main", "refers to the process itself"),
            ("#nobody:output=main", "the process \"nobody\", which there is not"),
            ("#c:output=other", "the output \"other\", which the process \"c\" has not"),
            ("#a:output=main", "by way of \"a\" back to the process itself"),
            ("#b:output=main", "by way of \"b\" back to the process itself"),
        ] {
            let error = resolve(&process("me", input), &others).unwrap_err();
            assert!(error.starts_with("input[0].address: ") && error.contains(words), "{error}");
        }
        // Others' loops are not ours.
        assert!(resolve(&process("me", "#c:output=main"), &others).is_ok());
    }

    proptest! {
        #[test]
        fn no_address_is_too_strange(address in "#?.{0,20}(:output=)?.{0,10}") {
            let _ = resolve(&process("me", &address), &[process("a", "#b:output=x")]);
        }
    }
}
