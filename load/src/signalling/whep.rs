//! WHEP: the offer is posted, the answer comes back, and DELETE ends it (draft-ietf-wish-whep).

use std::time::Instant;

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, RequestBuilder, StatusCode, Url};

use super::{Place, Refusal, Session, accepted, of_stack};
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
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, SDP).body(offer);
        let response = accepted(self.send(request).await?).await?;
        if response.status() != StatusCode::CREATED {
            return Err(Refusal::Unusable(format!("201 Created is expected, not {}", response.status())));
        }
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let place = location.and_then(|location| response.url().join(location).ok());
        let place = place.ok_or_else(|| Refusal::Unusable("it has no Location".into()))?;
        let remote = response.text().await.map_err(Refusal::Unreachable)?;
        stack.accept(&remote, Instant::now()).map_err(|error| Refusal::Unusable(error.to_string()))?;
        Ok(Session { asked, remote, place: Place::Whep(place) })
    }

    pub(super) async fn leave(&self, place: &Url) -> Result<(), Refusal> {
        accepted(self.send(self.client.delete(place.clone())).await?).await.map(drop)
    }

    async fn send(&self, request: RequestBuilder) -> Result<reqwest::Response, Refusal> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().await.map_err(Refusal::Unreachable)
    }
}
