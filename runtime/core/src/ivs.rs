//! Participant tokens of Amazon IVS Real-Time: a JSON Web Token (RFC 7519) that names its stage, and the server of WHIP that takes
//! what is published there.
//!
//! Its signature is its stage's to check (ES384, by a key that only IVS has): whoever made it up is let in by nobody.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::spec::{Invalid, WhipTarget};

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Where it lets publish, with it as the bearer token.
    pub target: WhipTarget,
    /// Who it lets be.
    pub participant_id: String,
    /// When it stops to let join.
    pub expires: SystemTime,
}

/// Those that count here.
#[derive(Deserialize)]
struct Claims {
    jti: String,
    exp: u64,
    whip_url: String,
    #[serde(default)]
    capabilities: Capabilities,
}

#[derive(Default, Deserialize)]
struct Capabilities {
    #[serde(default)]
    allow_publish: bool,
}

/// Reads a token. That it has expired is for whoever uses it to say.
pub fn parse(field: &str, token: &str) -> Result<Token, Invalid> {
    let refuse = |why: &str| {
        Invalid::new(field, format!("is no participant token of Amazon IVS that lets publish: {why}"))
    };
    let mut parts = token.split('.');
    let (Some(_header), Some(claims), Some(_signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(refuse("it has not the three parts of a JSON Web Token"));
    };
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).map_err(|_| refuse("its claims are not base64url"))?;
    // What serde says of a wrong claim may quote it.
    let claims: Claims = serde_json::from_slice(&claims)
        .map_err(|_| refuse("its claims are not JSON with the texts jti and whip_url and the number exp"))?;
    if !claims.capabilities.allow_publish {
        return Err(refuse("its capabilities do not allow it"));
    }
    let expires = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(claims.exp));
    let expires = expires.ok_or_else(|| refuse("it expires at no time that there is"))?;
    let target = WhipTarget::parse("", &claims.whip_url, token)
        .map_err(|wrong| refuse(&format!("its whip_url or the token itself {}", wrong.reason)))?;
    Ok(Token { target, participant_id: claims.jti, expires })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("eyJhbGciOiJFUzM4NCJ9.{}.c2lnbmF0dXJl", BASE64_URL_SAFE_NO_PAD.encode(claims))
    }

    const CLAIMS: &str = r#"{"version":"1.0","exp":1900000000,"jti":"abcdefghijkl","topic":"stage","user_id":"ada",
        "whip_url":"https://stage.example.org/","capabilities":{"allow_publish":true,"allow_subscribe":true}}"#;

    #[test]
    fn a_token_says_where_as_whom_and_until_when() {
        let text = token(CLAIMS);
        let read = parse("token", &text).unwrap();
        assert_eq!(
            (read.target.url(), read.participant_id.as_str()),
            ("https://stage.example.org/", "abcdefghijkl")
        );
        assert_eq!(read.target.reveal_token(), Some(text.as_str()));
        assert_eq!(read.expires, SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000));
        assert!(!format!("{read:?}").contains("signature") && !format!("{read:?}").contains(&text));
    }

    #[test]
    fn one_that_lets_nobody_publish_is_refused_with_the_reason_and_not_shown() {
        for (text, why) in [
            ("secretword".to_owned(), "three parts"),
            ("a.secretword.c.d".to_owned(), "three parts"),
            ("a.secret word.c".to_owned(), "base64url"),
            (token("secretword"), "JSON"),
            (token(r#"{"jti":"secretword","exp":1}"#), "whip_url"),
            (token(&CLAIMS.replace("true,", "false,")), "capabilities"),
            (token(r#"{"jti":"secretword","exp":1,"whip_url":"https://a"}"#), "capabilities"),
            (token(&CLAIMS.replace("1900000000", "18446744073709551615")), "no time"),
            (token(&CLAIMS.replace("https://", "secretword://")), "whip_url"),
        ] {
            let refused = parse("stage.ivs.token", &text).unwrap_err();
            assert_eq!(refused.field, "stage.ivs.token");
            assert!(refused.reason.contains(why), "{text}: {}", refused.reason);
            assert!(!refused.reason.contains("secretword"), "{}", refused.reason);
        }
    }
}
