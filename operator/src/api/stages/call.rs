//! A call that was let in: where it is about, and what is there.

use crate::api::caller::{Act, Caller, Resource, Visit};
use crate::api::desk::{named, participants};
use crate::api::http::{Face, read};
use crate::api::refused::{Refused, Why};
use crate::api::stages::failure::Failure;
use crate::api::stages::record::{Book, Guest, Record};
use axum::body::Bytes;
use axum::extract::{FromRequest, Query, Request};
use kube::{Api, ResourceExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use understudy_client::standing::held;
use understudy_crds::v1alpha1::VirtualParticipant;

/// Where a call is about.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Where {
    namespace: String,
}

/// A call that was let in.
pub(super) struct Call {
    pub(super) face: Face,
    pub(super) namespace: String,
    caller: Caller,
}

impl Call {
    /// Refuses who may not do that to participants there.
    pub(super) async fn enter(
        face: Face,
        place: Query<Where>,
        visit: &Visit,
        verb: &str,
    ) -> Result<Self, Failure> {
        let caller = face.desk.callers.identify(visit).await?;
        let namespace = within(place.0, &caller)?;
        face.desk.callers.allow(&caller, participants(verb, &namespace, "")).await?;
        if verb == "delete" {
            let pods = Act { verb, resource: Resource::Pods, namespace: &namespace, name: "" };
            face.desk.callers.allow(&caller, pods).await?;
        }
        Ok(Self { face, namespace, caller })
    }

    pub(super) async fn book(&self) -> Result<Book, Failure> {
        Ok(Book::open(&self.face.desk.client, &self.namespace).await?)
    }

    /// Whether the caller may read Secrets there by themselves.
    pub(super) async fn reads_secrets(&self) -> bool {
        let get = Act { verb: "get", resource: Resource::Secrets, namespace: &self.namespace, name: "" };
        self.face.desk.callers.allow(&self.caller, get).await.is_ok()
    }

    /// Who is invited to a stage, whether or not that was written down.
    fn invited(&self, record: &Record) -> Option<Guest> {
        let all = self.face.desk.stores.participants_in(&self.namespace);
        let to_it = format!("stage-{}-", record.id);
        all.iter().find_map(|one| {
            let invitation = held(one).filter(|id| id.starts_with(&to_it))?.to_owned();
            Some(Guest { participant: one.name_any(), invitation })
        })
    }

    /// The guest of a stage, if it is still invited there.
    pub(super) async fn guest(&self, record: &Record) -> Result<Option<Guest>, Failure> {
        let invited = self.invited(record);
        let Some(guest) = invited.as_ref().or(record.guest.as_ref()) else { return Ok(None) };
        let api: Api<VirtualParticipant> = Api::namespaced(self.face.desk.client.clone(), &self.namespace);
        let found = api.get_opt(&guest.participant).await;
        let found = found.map_err(|error| Refused::from(understudy_client::refusal::Refusal::of(error)))?;
        let is_here = found.is_some_and(|found| held(&found) == Some(guest.invitation.as_str()));
        Ok(is_here.then(|| guest.clone()))
    }

    pub(super) async fn release(&self, guest: &Guest) -> Result<(), Failure> {
        let invitation = Some(guest.invitation.as_str());
        let kicked = self.face.desk.kick_admitted(&self.namespace, &guest.participant, invitation).await;
        match kicked {
            Err(refused) if refused.why != Why::NotFound => Err(refused.into()),
            _ => Ok(()),
        }
    }
}

fn within(place: Where, caller: &Caller) -> Result<String, Refused> {
    let own = caller.namespace().map(str::to_owned);
    let given = Some(place.namespace).filter(|namespace| !namespace.is_empty());
    let missing = || Refused::invalid("namespace", "is missing: add ?namespace=NAME to the address");
    let namespace = given.or(own).ok_or_else(missing)?;
    named("namespace", &namespace)?;
    Ok(namespace)
}

/// A call that changes something, with its body.
pub(super) struct Asked<T> {
    pub(super) call: Call,
    pub(super) body: T,
}

/// Who may not is told that, whatever they sent.
impl<T: DeserializeOwned> FromRequest<Face> for Asked<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, face: &Face) -> Result<Self, Failure> {
        let invalid = |text: String| Refused::new(Why::Invalid, text);
        let place = Query::try_from_uri(request.uri()).map_err(|wrong| invalid(wrong.body_text()))?;
        let visit = Visit::new(request.headers().clone(), request.extensions());
        let call = Call::enter(face.clone(), place, &visit, "patch").await?;
        let body = Bytes::from_request(request, face).await.map_err(|wrong| invalid(wrong.body_text()))?;
        Ok(Self { call, body: given(&body)? })
    }
}

/// A body as it is, or in an event that has it as text.
pub(super) fn given<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Refused> {
    #[derive(Deserialize)]
    struct Event {
        body: String,
    }
    match read::<Event>(bytes) {
        Ok(event) => read(&Bytes::from(event.body)),
        Err(_no_event) => read(bytes),
    }
}
