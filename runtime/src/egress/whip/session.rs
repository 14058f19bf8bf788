//! One session with a WHIP server: from the offer to the answer, and its end.

use std::fmt;
use std::time::Duration;

use axum::http::Method;
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use understudy_core::guard::Policy;
use understudy_core::turn::{IceServer, Unused, usable};
use understudy_core::whip::{Failure, may_know};

use super::Shown;
use super::http::{Answer, Ask, Client};
use super::target::Target;
use crate::rtc::{self, AnswerError, Ice, NoRelay, Progress, Published};

/// Of saying goodbye: whoever stops waits no longer for a server that may be gone.
const FAREWELL: Duration = Duration::from_secs(3);

/// A relay is asked for when nothing else has led there by then: most need none. The stack takes no pair of a relay before two
/// seconds are over, so that little is lost.
const HEAD_START: Duration = Duration::from_millis(500);

/// Where a target is published to from.
#[derive(Clone)]
pub(super) struct Origin {
    pub transport: rtc::Handle,
    pub client: Client,
    /// Which addresses may be connected and sent to.
    pub guard: Policy,
    /// Whom to believe who they are.
    pub tls: TlsConnector,
}

/// What came of looking for a relay.
pub(super) enum Relaying {
    /// Another way was found, or the server names none.
    Unneeded,
    Given,
    None(NoRelay),
    /// Of the servers that it names none relays for us.
    Unusable(Vec<Unused>),
}

pub(super) struct Session {
    published: Published,
    /// With which the offer was answered.
    pub status: u16,
    farewell: Option<Ask>,
    /// Those that the server names.
    ice_servers: Vec<IceServer>,
}

impl Origin {
    /// Has the target take what is shown.
    pub async fn begin(&self, target: &Target, shown: &Shown) -> Result<Session, Failure> {
        let offering = self
            .transport
            .offer(Ice::Full, shown.level())
            .map_err(|error| Failure::Ours(error.to_string()))?;
        let ask = Ask {
            method: Method::POST,
            url: target.url.clone(),
            token: target.token.clone(),
            offer: Some(offering.sdp().to_owned()),
        };
        let answer = self.client.ask(ask).await?;
        let (farewell, status) = (farewell(&answer), answer.status.as_u16());
        let answered = (offering, answer.body.as_str());
        let published =
            self.transport.publish(&shown.name, |level| shown.at(level), answered, &self.guard).await;
        match published {
            Ok(published) => Ok(Session { published, status, farewell, ice_servers: answer.ice_servers }),
            Err(error) => {
                self.say(farewell).await;
                Err(failure(error))
            }
        }
    }

    /// Has the server be looked for by a relay, if no other way to it is found soon.
    pub async fn find_relay(&self, session: &Session) -> Relaying {
        let mut progress = session.progress();
        let on_the_way =
            tokio::time::timeout(HEAD_START, progress.wait_for(|now| *now != Progress::Connecting));
        if session.ice_servers.is_empty() || on_the_way.await.is_ok() {
            return Relaying::Unneeded;
        }
        let (servers, unused) = usable(&session.ice_servers);
        if servers.is_empty() {
            return Relaying::Unusable(unused);
        }
        let given =
            self.transport.ask_for_relay(&session.published, &servers, (&self.guard, &self.tls)).await;
        given.map_or_else(Relaying::None, |()| Relaying::Given)
    }

    /// Ends it on both sides, the server's within a while.
    pub async fn end(&self, session: Session) {
        tokio::join!(self.transport.leave(&session.published.session_id), self.say(session.farewell));
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

impl fmt::Display for Relaying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unneeded => Ok(()),
            Self::Given => write!(f, ", and none by a relay of its TURN servers"),
            Self::None(why) => write!(f, ", and none of its TURN servers gives a relay ({why})"),
            Self::Unusable(unused) => {
                let why: Vec<String> = unused.iter().map(ToString::to_string).collect();
                write!(f, ", and none of the ICE servers that it names can be used ({})", why.join("; "))
            }
        }
    }
}

impl Session {
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.published.progress.clone()
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
