//! Tokens of the login (`/api/login`): what they claim, and whether that lets somebody in. They are signed elsewhere.
//!
//! A token is `header.claims.signature`, each in base64url (RFC 7515 §3.1); the header says HS256, or it is none of ours.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// How long a login lets somebody in.
pub const ACCESS: Duration = Duration::from_secs(10 * 60);
/// How long it can be renewed.
pub const REFRESH: Duration = Duration::from_secs(24 * 60 * 60);
/// What is longer is none of ours.
const LONGEST: usize = 4096;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// All but renewing.
    Access,
    /// Renewing alone.
    Refresh,
}

/// What a token says. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who gave it.
    pub iss: String,
    /// To whom.
    pub sub: String,
    pub usefor: Use,
    pub iat: u64,
    pub exp: u64,
    /// For how many seconds it was given.
    #[serde(default)]
    pub exi: u64,
}

/// A token that somebody came with; nothing in it is proved before its signature is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What is signed.
    pub signed: &'a str,
    pub signature: Vec<u8>,
    pub claims: Claims,
}

/// Why a token lets nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it is no token of this server")]
    Malformed,
    #[error("it has another use")]
    OtherUse,
    #[error("it has expired")]
    Expired,
    #[error("it is not valid yet")]
    Early,
    #[error("somebody else gave it")]
    OtherIssuer,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
}

impl Use {
    const fn lasts(self) -> Duration {
        match self {
            Self::Access => ACCESS,
            Self::Refresh => REFRESH,
        }
    }
}

impl Claims {
    pub fn new(usefor: Use, issuer: &str, subject: &str, now: u64) -> Self {
        let lasts = usefor.lasts().as_secs();
        Self {
            iss: issuer.to_owned(),
            sub: subject.to_owned(),
            usefor,
            iat: now,
            exp: now.saturating_add(lasts),
            exi: lasts,
        }
    }

    /// Whether they let somebody do that, once they are proved.
    pub fn judge(&self, usefor: Use, issuer: &str, now: u64) -> Result<(), Refusal> {
        match self {
            _ if self.iss != issuer => Err(Refusal::OtherIssuer),
            _ if self.usefor != usefor => Err(Refusal::OtherUse),
            _ if now >= self.exp => Err(Refusal::Expired),
            _ if now < self.iat => Err(Refusal::Early),
            _ => Ok(()),
        }
    }

    /// What is to be signed.
    pub fn unsigned(&self) -> String {
        let header = Header { alg: "HS256".to_owned(), typ: Some("JWT".to_owned()) };
        let part = |json: Result<Vec<u8>, _>| URL_SAFE_NO_PAD.encode(json.unwrap_or_default());
        format!("{}.{}", part(serde_json::to_vec(&header)), part(serde_json::to_vec(self)))
    }
}

impl<'a> Token<'a> {
    pub fn read(text: &'a str) -> Result<Self, Refusal> {
        if text.len() > LONGEST {
            return Err(Refusal::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Refusal::Malformed)?;
        let header: Header = part(header)?;
        if header.alg != "HS256" {
            return Err(Refusal::Malformed);
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refusal::Malformed)?;
        Ok(Self { signed, signature, claims: part(claims)? })
    }
}

/// A token, of [`Claims::unsigned`] and its signature.
pub fn signed(unsigned: &str, signature: &[u8]) -> String {
    format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, Refusal> {
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| Refusal::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| Refusal::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_says_what_was_claimed() {
        let claims = Claims::new(Use::Access, "us", "admin", 1_000);
        let text = signed(&claims.unsigned(), b"proof");
        let token = Token::read(&text).unwrap();
        assert_eq!((&token.claims, token.signature.as_slice()), (&claims, b"proof".as_slice()));
        assert_eq!(token.signed, claims.unsigned());
        assert_eq!((claims.exp, claims.exi), (1_600, 600));
        assert_eq!(Claims::new(Use::Refresh, "us", "admin", 0).exp, 86_400);
    }

    #[test]
    fn it_lets_in_for_its_use_and_its_time() {
        let claims = Claims::new(Use::Access, "us", "admin", 1_000);
        for (usefor, issuer, now, judged) in [
            (Use::Access, "us", 1_000, Ok(())),
            (Use::Access, "us", 1_599, Ok(())),
            (Use::Access, "us", 1_600, Err(Refusal::Expired)),
            (Use::Access, "us", 999, Err(Refusal::Early)),
            (Use::Refresh, "us", 1_000, Err(Refusal::OtherUse)),
            (Use::Access, "them", 1_000, Err(Refusal::OtherIssuer)),
        ] {
            assert_eq!(claims.judge(usefor, issuer, now), judged, "{usefor:?} {issuer} {now}");
        }
    }

    #[test]
    fn only_tokens_that_are_signed_as_ours_are_read() {
        let claims =
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(&Claims::new(Use::Access, "us", "a", 0)).unwrap());
        for header in [r#"{"alg":"none"}"#, r#"{"alg":"RS256","typ":"JWT"}"#, r#"{"typ":"JWT"}"#, "x"] {
            let text = format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(header));
            assert_eq!(Token::read(&text), Err(Refusal::Malformed), "{header}");
        }
        assert_eq!(Token::read(&"a".repeat(5000)), Err(Refusal::Malformed));
    }

    proptest! {
        #[test]
        fn no_token_is_too_strange(text in ".{0,60}|[A-Za-z0-9_-]{0,20}\\.[A-Za-z0-9_-]{0,20}\\.[A-Za-z0-9_-]{0,20}") {
            prop_assert!(Token::read(&text).is_err());
        }
    }
}
