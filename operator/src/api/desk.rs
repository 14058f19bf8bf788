//! What callers ask for, whichever face they come to.

use crate::api::caller::{Act, Caller, Callers, Resource, Visit};
use crate::api::page::{self, Page};
use crate::api::refused::{Refused, Why};
use crate::api::watch::{self, Watched};
use crate::metrics::Metrics;
use crate::store::Stores;
use futures::Stream;
use kube::core::{Selector, SelectorExt};
use kube::{Api, Client, ResourceExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use understudy_client::invite::{self, Invite, Pool};
use understudy_client::kick::kick;
use understudy_client::refusal::Refusal;
use understudy_client::selector;
use understudy_client::standing::holder;
use understudy_crds::v1alpha1::VirtualParticipant;

/// The watch shows a write within milliseconds.
const SHOWN: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Serves callers.
pub(super) struct Desk {
    pub(super) client: Client,
    pub(super) stores: Stores,
    pub(super) callers: Callers,
    metrics: Metrics,
    /// Held by whoever picks a participant.
    turn: Mutex<()>,
    /// Streams end with it.
    shutdown: CancellationToken,
}

/// Whom a caller means.
#[derive(Clone, Debug)]
pub(super) enum Who {
    /// The participant of that name.
    Named(String),
    /// One of those whose labels are so.
    Selected(Selector),
}

/// The participants that a caller wants to see.
#[derive(Clone, Debug, Default)]
pub(super) struct Which {
    /// Empty: all of them.
    pub(super) namespace: String,
    pub(super) selector: Selector,
}

impl Which {
    /// As a caller writes it.
    pub(super) fn read(namespace: String, selector: &str) -> Result<Self, Refused> {
        Ok(Self { namespace, selector: selector::parse(selector)? })
    }

    pub(super) fn holds(&self, participant: &VirtualParticipant) -> bool {
        let namespace = participant.metadata.namespace.as_deref().unwrap_or_default();
        (self.namespace.is_empty() || self.namespace == namespace)
            && self.selector.matches(participant.labels())
    }
}

impl Desk {
    pub(super) fn new(client: Client, stores: Stores, metrics: Metrics, shutdown: CancellationToken) -> Self {
        Self {
            callers: Callers::new(client.clone()),
            client,
            stores,
            metrics,
            turn: Mutex::default(),
            shutdown,
        }
    }

    /// Counts a call by how it ended.
    pub(super) fn count<T>(&self, method: &'static str, outcome: Result<T, Refused>) -> Result<T, Refused> {
        self.metrics.called(method, outcome.as_ref().err().map_or("OK", |refused| refused.why.as_str()));
        outcome
    }

    pub(super) async fn invite(
        self: &Arc<Self>,
        visit: &Visit,
        namespace: &str,
        who: Who,
        invite: Invite,
    ) -> Result<VirtualParticipant, Refused> {
        let name = if let Who::Named(name) = &who { name.as_str() } else { "" };
        self.admit(visit, patch(namespace, name)?).await?;
        let (desk, namespace) = (Arc::clone(self), namespace.to_owned());
        unhurried(async move { desk.invite_admitted(&namespace, &who, &invite).await }).await
    }

    /// For a caller who may.
    pub(super) async fn invite_admitted(
        &self,
        namespace: &str,
        who: &Who,
        invite: &Invite,
    ) -> Result<VirtualParticipant, Refused> {
        // One after the other, until it is shown: all would see the same ones free.
        let _turn = match who {
            Who::Named(_) => None,
            Who::Selected(_) => Some(self.turn.lock().await),
        };
        let invited = match who {
            Who::Named(name) => invite::named(&self.client, namespace, name, invite).await?,
            Who::Selected(selector) => {
                let all = self.stores.participants_in(namespace);
                invite::one_of(&self.client, Pool { namespace, all: &all, selector }, invite).await?
            }
        };
        self.shown(&invited).await;
        tracing::info!(namespace, participant = invited.name_any(), invitation = invite.id, "is invited");
        Ok(invited)
    }

    /// Waits until the watch shows what was written, so that whoever asks next finds it.
    async fn shown(&self, invited: &VirtualParticipant) {
        let (namespace, name) = (invited.namespace().unwrap_or_default(), invited.name_any());
        let is_shown = || {
            let known = self.stores.participant(&namespace, &name);
            known.is_some_and(|known| known.spec.invitation == invited.spec.invitation)
        };
        let late = Instant::now() + SHOWN;
        while !is_shown() && Instant::now() < late {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// `name`: empty is whoever has the invitation `id`; `id`: empty is whichever it has.
    pub(super) async fn kick(
        &self,
        visit: &Visit,
        namespace: &str,
        name: &str,
        id: &str,
    ) -> Result<VirtualParticipant, Refused> {
        self.admit(visit, patch(namespace, name)?).await?;
        let given = (!id.is_empty()).then_some(id);
        match (name, given) {
            ("", None) => Err(Refused::invalid("name", "or invitationId must be set")),
            ("", Some(id)) => {
                let all = self.stores.participants_in(namespace);
                let holder = holder(&all, id).ok_or_else(|| {
                    Refused::new(
                        Why::NotFound,
                        format!("no participant in the namespace {namespace} has the invitation {id}"),
                    )
                })?;
                self.kick_admitted(namespace, &holder.name_any(), given).await
            }
            (name, given) => self.kick_admitted(namespace, name, given).await,
        }
    }

    /// For a caller who may.
    pub(super) async fn kick_admitted(
        &self,
        namespace: &str,
        name: &str,
        id: Option<&str>,
    ) -> Result<VirtualParticipant, Refused> {
        let kicked = kick(&self.client, namespace, name, id).await?;
        tracing::info!(namespace, participant = name, invitation = id, "is kicked");
        Ok(kicked)
    }

    /// As it is now, and not as it was last heard of: who has invited it sees that.
    pub(super) async fn get(
        &self,
        visit: &Visit,
        namespace: &str,
        name: &str,
    ) -> Result<VirtualParticipant, Refused> {
        named("name", name)?;
        self.admit(visit, participants("get", named("namespace", namespace)?, name)).await?;
        let api: Api<VirtualParticipant> = Api::namespaced(self.client.clone(), namespace);
        let found = api.get_opt(name).await.map_err(Refusal::of)?;
        let missing = || Refusal::Unknown(name.to_owned(), namespace.to_owned());
        Ok(found.ok_or_else(missing)?)
    }

    pub(super) async fn list(
        &self,
        visit: &Visit,
        which: &Which,
        size: u32,
        token: &str,
    ) -> Result<Page, Refused> {
        self.admit(visit, participants("list", &which.namespace, "")).await?;
        page::from(&self.matching(which), size, token)
    }

    pub(super) async fn watch(
        &self,
        visit: &Visit,
        which: Which,
    ) -> Result<impl Stream<Item = Watched> + use<>, Refused> {
        self.admit(visit, participants("watch", &which.namespace, "")).await?;
        Ok(watch::changes(self.stores.clone(), which, self.shutdown.clone()))
    }

    pub(super) fn matching(&self, which: &Which) -> Vec<Arc<VirtualParticipant>> {
        let mut all = self.stores.participants_in(&which.namespace);
        all.retain(|participant| which.holds(participant));
        all
    }

    /// Who calls, if they may.
    pub(super) async fn admit(&self, visit: &Visit, act: Act<'_>) -> Result<Caller, Refused> {
        let caller = self.callers.identify(visit).await?;
        self.callers.allow(&caller, act).await?;
        Ok(caller)
    }
}

/// Goes on to its end also if the caller has gone: a Secret that was written is not left without the invitation that it is for.
pub(super) async fn unhurried<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refused>> + Send + 'static,
) -> Result<T, Refused> {
    let done = tokio::spawn(work).await;
    done.unwrap_or_else(|_panicked| {
        Err(Refused::new(Why::Unavailable, "this failed here: it is in the operator's log"))
    })
}

pub(super) const fn participants<'a>(verb: &'a str, namespace: &'a str, name: &'a str) -> Act<'a> {
    Act { verb, resource: Resource::Participants, namespace, name }
}

/// `name`: empty is any.
fn patch<'a>(namespace: &'a str, name: &'a str) -> Result<Act<'a>, Refused> {
    let name = if name.is_empty() { name } else { named("name", name)? };
    Ok(participants("patch", named("namespace", namespace)?, name))
}

/// Names go into paths of the API server, which the operator asks with rights of its own.
pub(super) fn named<'a>(field: &str, name: &'a str) -> Result<&'a str, Refused> {
    let of_name = |character: char| {
        character.is_ascii_lowercase() || character.is_ascii_digit() || "-.".contains(character)
    };
    match name {
        "" => Err(Refused::invalid(field, "is missing")),
        name if name.len() > 253 || !name.chars().all(of_name) => {
            Err(Refused::invalid(field, "must be lower case letters, digits, dots and dashes"))
        }
        name => Ok(name),
    }
}
