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
use tokio_util::sync::CancellationToken;
use understudy_client::invite::{self, Invite};
use understudy_client::kick::kick;
use understudy_client::refusal::Refusal;
use understudy_client::selector;
use understudy_client::standing::settled;
use understudy_crds::v1alpha1::VirtualParticipant;

/// Serves callers.
pub(super) struct Desk {
    pub(super) client: Client,
    pub(super) stores: Stores,
    pub(super) callers: Callers,
    metrics: Metrics,
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
        Self { callers: Callers::new(client.clone()), client, stores, metrics, shutdown }
    }

    /// Counts a call by how it ended.
    pub(super) fn count<T>(&self, method: &'static str, outcome: Result<T, Refused>) -> Result<T, Refused> {
        self.metrics.called(method, outcome.as_ref().err().map_or("OK", |refused| refused.why.as_str()));
        outcome
    }

    pub(super) async fn invite(
        &self,
        visit: &Visit,
        namespace: &str,
        who: &Who,
        invite: &Invite,
    ) -> Result<VirtualParticipant, Refused> {
        let name = if let Who::Named(name) = who { name.as_str() } else { "" };
        self.admit(visit, patch(namespace, name)?).await?;
        self.invite_admitted(namespace, who, invite).await
    }

    /// For a caller who may.
    pub(super) async fn invite_admitted(
        &self,
        namespace: &str,
        who: &Who,
        invite: &Invite,
    ) -> Result<VirtualParticipant, Refused> {
        let invited = match who {
            Who::Named(name) => invite::named(&self.client, namespace, name, invite).await?,
            Who::Selected(selector) => {
                let which = Which { namespace: namespace.to_owned(), selector: selector.clone() };
                invite::one_of(&self.client, namespace, &self.matching(&which), invite).await?
            }
        };
        tracing::info!(namespace, participant = invited.name_any(), invitation = invite.id, "is invited");
        Ok(invited)
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
                let holder = self.holder(namespace, id).ok_or_else(|| {
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

    /// Who has that invitation, or had it.
    fn holder(&self, namespace: &str, id: &str) -> Option<Arc<VirtualParticipant>> {
        let all = self.stores.participants_in(namespace);
        let has = |participant: &&Arc<VirtualParticipant>| {
            let invitation = participant.spec.invitation.as_ref();
            let session = participant.status.as_ref().and_then(|status| status.session.as_ref());
            invitation.is_some_and(|invitation| invitation.id == id)
                || session.is_some_and(|session| session.invitation_id == id)
        };
        let had = |participant: &&Arc<VirtualParticipant>| settled(participant, id).is_some();
        all.iter().find(has).or_else(|| all.iter().find(had)).cloned()
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

pub(super) const fn participants<'a>(verb: &'a str, namespace: &'a str, name: &'a str) -> Act<'a> {
    Act { verb, resource: Resource::Participants, namespace, name }
}

/// `name`: empty is any.
fn patch<'a>(namespace: &'a str, name: &'a str) -> Result<Act<'a>, Refused> {
    let name = if name.is_empty() { name } else { named("name", name)? };
    Ok(participants("patch", named("namespace", namespace)?, name))
}

/// Names go into paths of the API server, which the operator asks with rights of its own.
fn named<'a>(field: &str, name: &'a str) -> Result<&'a str, Refused> {
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
