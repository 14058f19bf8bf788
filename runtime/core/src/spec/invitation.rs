//! A stage to be on.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::{Inputs, Invalid, WhipTarget};

/// The same id is the same invitation, however often it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    pub id: String,
    /// Who was not on the stage by then does not join it any more; none: at any time.
    pub join_before: Option<SystemTime>,
    pub stage: Stage,
    /// What camera and microphone carry as long as it holds; none: what the session's own inputs say.
    pub inputs: Option<Inputs>,
    pub limits: InvitationLimits,
}

/// How long it may take and last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InvitationLimits {
    /// From being heard of until what is sent arrives.
    pub join: Option<Duration>,
    /// From then on.
    pub stay: Option<Duration>,
    /// Without a link to an operator.
    pub without_operator: Option<Duration>,
}

/// Where one performs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    pub target: Target,
    /// When what lets one in stops to; none: it does not say.
    pub expires: Option<SystemTime>,
    /// Who one is there; empty: it does not say.
    pub participant_id: String,
}

/// How one gets there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// What is shown is published there.
    Whip(WhipTarget),
    /// The browser opens it, and it publishes camera and microphone.
    Page(PageTarget),
}

impl Target {
    pub fn url(&self) -> &str {
        match self {
            Self::Whip(whip) => whip.url(),
            Self::Page(page) => page.url(),
        }
    }

    pub fn reveal_token(&self) -> Option<&str> {
        match self {
            Self::Whip(whip) => whip.reveal_token(),
            Self::Page(page) => page.reveal_token(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whip(whip) => whip.fmt(f),
            Self::Page(page) => page.fmt(f),
        }
    }
}

/// A page that joins a stage, and what lets it: that is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct PageTarget {
    url: String,
    token: Option<String>,
}

impl PageTarget {
    /// An empty token is none.
    pub fn parse(field: &str, url: &str, token: &str) -> Result<Self, Invalid> {
        // Of its address the same is asked as of a server's; its token goes into no header.
        WhipTarget::parse(field, url, "")?;
        let token = Some(token).filter(|token| !token.is_empty()).map(str::to_owned);
        Ok(Self { url: url.to_owned(), token })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn reveal_token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}

/// Without path and query: who knows the address of a room may enter it.
impl fmt::Display for PageTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match WhipTarget::parse("", &self.url, "") {
            Ok(shown) => fmt::Display::fmt(&shown, f),
            Err(_) => f.write_str("***"),
        }
    }
}

impl fmt::Debug for PageTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_an_address_of_the_web_and_shows_neither_its_room_nor_its_token() {
        let target =
            PageTarget::parse("stage.page.", "https://meet.example.org/room?pwd=roomword", "two words")
                .unwrap();
        assert_eq!(target.reveal_token(), Some("two words"));
        assert_eq!(
            format!("{target} {target:?}"),
            "https://meet.example.org/*** https://meet.example.org/***"
        );
        assert_eq!(PageTarget::parse("", "http://a", "").unwrap().reveal_token(), None);
        for url in
            ["understudy:mirror", "file:///etc/passwd", "javascript:1", "https://me:word@a/", "https:///a"]
        {
            assert_eq!(PageTarget::parse("stage.page.", url, "").unwrap_err().field, "stage.page.url");
        }
    }
}
