//! The first message of the older socket: who it is, and what it wants.

use serde::Deserialize;
use serde_json::Value;

use super::super::Id;
use super::super::order::{self, Media, Refusal};

/// What is to become of a session that is there, or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It begins; there must be none.
    #[default]
    Create,
    /// It is there; whoever has it is sent away.
    Join,
    /// It begins with nobody, unless it is there.
    Keepalive,
}

/// `{"AuthenticateAndInit": {…}}`, read.
#[derive(Clone)]
pub struct First {
    /// A bearer token.
    pub credentials: String,
    /// None: it is no session that outlasts its socket.
    pub session: Option<(Id, Mode)>,
    pub client: Option<String>,
    pub media: Media,
}

#[derive(Deserialize)]
struct Rest {
    credentials: String,
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default)]
    mode: Option<Mode>,
    #[serde(default)]
    client_unique_id: Option<String>,
}

impl First {
    /// What is in it is judged later: a stranger is told nothing.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let document: Value =
            serde_json::from_str(text).map_err(|error| Refusal::Invalid(error.to_string()))?;
        let fields = document.get("AuthenticateAndInit");
        let fields =
            fields.ok_or_else(|| Refusal::Invalid("AuthenticateAndInit must be first".to_owned()))?;
        let rest: Rest = order::read(fields)?;
        let session = rest.session_id.filter(|id| !id.is_empty()).map(|id| {
            let id =
                Id::parse(&id).ok_or_else(|| Refusal::Invalid("session_id: it cannot be one".to_owned()))?;
            Ok((id, rest.mode.unwrap_or_default()))
        });
        Ok(Self {
            credentials: rest.credentials,
            session: session.transpose()?,
            client: order::client(rest.client_unique_id)?,
            media: order::read(fields)?,
        })
    }
}

impl std::fmt::Debug for First {
    /// Credentials are never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("First").field("session", &self.session).finish_non_exhaustive()
    }
}
