//! Where a program is published to: an address and a token, neither of which is shown.

use std::fmt;

use url::Url;

/// A server that takes a stream over WHIP.
#[derive(Clone)]
pub struct Target {
    pub(super) url: Url,
    pub(super) token: Option<Token>,
}

/// A bearer token (RFC 6750).
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token(String);

/// What is no target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    #[error("it is not an http: or https: URL")]
    Url,
    #[error("it has a user name or a password in it; a token stands beside the URL")]
    Credentials,
    #[error("the token has characters that no header takes")]
    Token,
}

impl Target {
    pub fn parse(url: &str, token: Option<&str>) -> Result<Self, BadTarget> {
        let url: Url = url.trim().parse().map_err(|_| BadTarget::Url)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(BadTarget::Url);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadTarget::Credentials);
        }
        let token = token.filter(|token| !token.is_empty()).map(Token::parse).transpose()?;
        Ok(Self { url, token })
    }

    /// The host alone: with many servers the path is a key.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

impl Token {
    fn parse(token: &str) -> Result<Self, BadTarget> {
        let is_header = token.bytes().all(|byte| byte.is_ascii_graphic());
        if is_header { Ok(Self(token.to_owned())) } else { Err(BadTarget::Token) }
    }

    pub fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// A text in which it does not stand.
    pub fn hidden_in(&self, text: &str) -> String {
        text.replace(&self.0, "***")
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("host", &self.host()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_target_says_why() {
        for (url, token, bad) in [
            ("rtmp://a.example/live", None, BadTarget::Url),
            ("a.example/whip", None, BadTarget::Url),
            ("https://me:secret@a.example/", None, BadTarget::Credentials),
            ("https://a.example/", Some("a b"), BadTarget::Token),
            ("https://a.example/", Some("a\r\nb"), BadTarget::Token),
        ] {
            assert_eq!(Target::parse(url, token).expect_err(url), bad);
        }
        assert!(Target::parse("https://a.example/", Some("")).expect("a target").token.is_none());
    }

    #[test]
    fn neither_path_nor_token_is_shown() {
        let target =
            Target::parse("https://a.example/streamkey?k=hunter2", Some("sesame")).expect("a target");
        let shown = format!("{target:?} {:?}", target.token);
        assert!(shown.contains("a.example"), "{shown}");
        for secret in ["streamkey", "hunter2", "sesame"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert_eq!(target.token.expect("a token").hidden_in("no sesame here"), "no *** here");
    }
}
