//! The token of a stage, as arguments say where it is. It never stands in one: those are read by others.

use crate::args::Invite;
use crate::failure::Failure;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use understudy_client::invite::Token;
use understudy_crds::v1alpha1::SecretKeyRef;

/// Far more than any token; what is longer is another file.
const LONGEST_BYTES: u64 = 64 * 1024;

/// Reads it, or where it is.
pub fn token(args: &Invite) -> Result<Token, Failure> {
    if let Some(secret) = &args.token_secret {
        return Ok(Token::Named(SecretKeyRef { name: secret.name.clone(), key: secret.key.clone() }));
    }
    let Some(path) = &args.token_file else { return Ok(Token::None) };
    let read = if path == Path::new("-") { read(io::stdin()) } else { File::open(path).and_then(read) };
    let bytes = read.map_err(|error| unusable(path, &error.to_string()))?;
    text(&bytes).map(Token::Given).map_err(|why| unusable(path, why))
}

fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LONGEST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Without the line's end that files have.
fn text(bytes: &[u8]) -> Result<String, &'static str> {
    if bytes.len() as u64 > LONGEST_BYTES {
        return Err("it is too long for a token");
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no text")?.trim();
    match text.is_empty() {
        true => Err("it is empty"),
        false => Ok(text.to_owned()),
    }
}

fn unusable(path: &Path, why: &str) -> Failure {
    let path = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    Failure::Unusable(format!("no token can be read from {path}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_text_of_its_file() {
        assert_eq!(text(b" word\r\n"), Ok("word".to_owned()));
        assert_eq!(text(b" \n"), Err("it is empty"));
        assert_eq!(text(b"\xff"), Err("it is no text"));
        assert!(text(&[b'a'; 65_537]).unwrap_err().contains("too long"));
    }
}
