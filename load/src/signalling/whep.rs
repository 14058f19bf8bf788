//! WHEP: the offer is posted, the answer comes back, and DELETE ends it (draft-ietf-wish-whep).

use std::time::Instant;

use ::http::{Method, StatusCode};
use url::Url;

use super::http::{Answer, Ask, Client};
use super::{Place, Refusal, Session, of_stack};
use crate::stack::Stack;

const SDP: &str = "application/sdp";

#[derive(Clone, Debug)]
pub struct Whep {
    client: Client,
    url: Url,
    token: Option<String>,
}

impl Whep {
    /// The token is a bearer token (RFC 6750).
    pub fn new(client: Client, url: Url, token: Option<String>) -> Self {
        Self { client, url, token }
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) async fn join(&self, stack: &mut Stack) -> Result<Session, Refusal> {
        let offer = stack.offer(Instant::now()).map_err(of_stack)?;
        let asked = Instant::now();
        let answer = self.ask(Method::POST, &self.url, Some((SDP, offer))).await?;
        if answer.status != StatusCode::CREATED {
            return Err(Refusal::Unusable(format!("201 Created is expected, not {}", answer.status)));
        }
        let place = answer.location.ok_or_else(|| Refusal::Unusable("it has no Location".into()))?;
        stack.accept(&answer.body, Instant::now()).map_err(|error| Refusal::Unusable(error.to_string()))?;
        Ok(Session { asked, remote: answer.body, place: Place::Whep(place) })
    }

    pub(super) async fn leave(&self, place: &Url) -> Result<(), Refusal> {
        self.ask(Method::DELETE, place, None).await.map(drop)
    }

    /// The token goes to the server that it is for, wherever a session is.
    async fn ask(
        &self,
        method: Method,
        url: &Url,
        body: Option<(&'static str, String)>,
    ) -> Result<Answer, Refusal> {
        let token = self.token.clone().filter(|_| url.origin() == self.url.origin());
        self.client.ask(Ask { method, url: url.clone(), token, body }).await
    }
}
