//! What was sent to the session as picture, passed on live to the people who look at the feed page.

/// The feed of one session; clones are the same feed.
#[derive(Clone, Debug, Default)]
pub struct Feed {}
