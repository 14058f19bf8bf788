//! One session with a WHIP server: from the offer to the answer, and its end.

use std::time::Duration;

use axum::http::Method;
use tokio::sync::watch;
use understudy_core::guard::Policy;
use understudy_core::whip::{Failure, may_know};

use super::Shown;
use super::http::{Answer, Ask, Client};
use super::target::Target;
use crate::rtc::{self, AnswerError, Ice, Progress};

/// Of saying goodbye: whoever stops waits no longer for a server that may be gone.
const FAREWELL: Duration = Duration::from_secs(3);

/// Where a target is published to from.
#[derive(Clone)]
pub(super) struct Origin {
    pub transport: rtc::Handle,
    pub client: Client,
    pub reach: Policy,
}

pub(super) struct Session {
    id: String,
    pub progress: watch::Receiver<Progress>,
    farewell: Option<Ask>,
    /// How many ICE servers the server names.
    pub ice_servers: usize,
}

impl Origin {
    /// Has the target take what is shown.
    pub async fn begin(&self, target: &Target, shown: &Shown) -> Result<Session, Failure> {
        let offering = self.transport.offer(Ice::Full).map_err(|error| Failure::Ours(error.to_string()))?;
        let ask = Ask {
            method: Method::POST,
            url: target.url.clone(),
            token: target.token.clone(),
            offer: Some(offering.sdp().to_owned()),
        };
        let answer = self.client.ask(ask).await?;
        let farewell = farewell(&answer);
        let published =
            self.transport.publish(&shown.name, &shown.program, (offering, &answer.body), &self.reach).await;
        match published {
            Ok(published) => Ok(Session {
                id: published.session_id,
                progress: published.progress,
                farewell,
                ice_servers: answer.ice_servers,
            }),
            Err(error) => {
                self.say(farewell).await;
                Err(failure(error))
            }
        }
    }

    /// Ends it on both sides, the server's within a while.
    pub async fn end(&self, session: Session) {
        tokio::join!(self.transport.leave(&session.id), self.say(session.farewell));
    }

    async fn say(&self, farewell: Option<Ask>) {
        let Some(farewell) = farewell else { return };
        match tokio::time::timeout(FAREWELL, self.client.ask(farewell)).await {
            Ok(Ok(_)) => {}
            // It may have ended the session itself.
            Ok(Err(error)) => tracing::debug!(%error, "a session's end was not taken"),
            Err(_) => tracing::debug!("a session's end was not answered in time"),
        }
    }
}

/// The request that ends what was begun with that answer. The token goes to whom it was told, or to its service.
fn farewell(answer: &Answer) -> Option<Ask> {
    let url = answer.location.clone()?;
    let token = answer.asked.token.clone().filter(|_| may_know(&answer.asked.url, &url));
    Some(Ask { method: Method::DELETE, url, token, offer: None })
}

fn failure(error: AnswerError) -> Failure {
    match error {
        AnswerError::Offer(error) => Failure::Ours(error.to_string()),
        error => Failure::Unusable(error.to_string()),
    }
}
