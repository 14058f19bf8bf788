//! The Secrets with the tokens that let people into sessions: one of each object that holds a pod, all of one pod with the same.
//!
//! They are read by name and never watched: the right to list them would open all Secrets.

use crate::apply::{Error, Writer, refused};
use crate::names;
use crate::owner::{Kind, Owner};
use crate::resource;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{ByteString, NamespaceResourceScope};
use kube::api::{DeleteParams, ListParams, PostParams, Preconditions};
use kube::{Api, Resource, ResourceExt};
use rand::distr::{Alphanumeric, SampleString};
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::fmt::Debug;
use std::time::Instant;
use understudy_crds::ACCESS_SECRET_TYPE;
use understudy_crds::v1alpha1::{Livestream, VirtualParticipant};
use understudy_proto::v1::AccessTokens;

/// 256 bits of letters and digits: nobody guesses one, and one that began with `-` would be an option to whoever passes it on.
const TOKEN_LENGTH: usize = 43;

/// Those who hold one pod.
#[derive(Clone, Copy, Debug)]
pub struct Holders<'a> {
    /// All of them, the oldest first.
    pub all: &'a [Owner],
    /// The UIDs of those whose status says that they were given a Secret.
    pub given: &'a [String],
}

/// Who is let in by one pod.
#[derive(Debug, Default)]
pub struct Access {
    /// With these; `None` if nobody who holds the pod has a Secret that can be used.
    pub tokens: Option<AccessTokens>,
    /// By the UIDs of those who have no Secret with them: why.
    pub faults: Vec<(String, Error)>,
}

/// What is known of the Secret of one object.
#[derive(Clone, Debug)]
pub(super) enum Known {
    /// It was there.
    Read { at: Instant, tokens: AccessTokens },
    /// This process removed it, to put another in its place.
    Removed,
}

/// A Secret that can be used.
struct Found<'a> {
    holder: &'a Owner,
    secret: Secret,
    tokens: AccessTokens,
}

impl Access {
    /// Why that holder has none.
    fn fault(&self, uid: &str) -> Option<&Error> {
        self.faults.iter().find(|(faulty, _)| faulty == uid).map(|(_, fault)| fault)
    }

    /// What came of one holder's Secret. What passes by itself is nobody's fault.
    fn of(
        &mut self,
        holder: &Owner,
        outcome: Result<AccessTokens, Error>,
    ) -> Result<Option<AccessTokens>, Error> {
        match outcome {
            Ok(outcome) => Ok(Some(outcome)),
            Err(passing @ Error::Api(_)) => Err(passing),
            Err(fault) => {
                self.faults.push((holder.uid.clone(), fault));
                Ok(None)
            }
        }
    }
}

impl Writer {
    /// The tokens of who holds one pod, in a Secret of each; made if there are none yet. Fails only where the API server is away.
    pub async fn access(&self, holders: Holders<'_>) -> Result<Access, Error> {
        let held = self.held(holders.all);
        let is_known = |tokens: &AccessTokens| held.iter().all(|held| held.as_ref() == Some(tokens));
        if let Some(tokens) = held.iter().flatten().find(|tokens| is_known(tokens)) {
            return Ok(Access { tokens: Some(tokens.clone()), faults: Vec::new() });
        }
        let access = self.ensure_access(holders).await?;
        let mut known = self.known.lock();
        for holder in holders.all {
            match access.tokens.as_ref().filter(|_tokens| access.fault(&holder.uid).is_none()) {
                Some(tokens) => known
                    .insert(holder.uid.clone(), Known::Read { at: Instant::now(), tokens: tokens.clone() }),
                // What was removed here is not taken to have been deleted by somebody.
                None if matches!(known.get(&holder.uid), Some(Known::Read { .. })) => {
                    known.remove(&holder.uid)
                }
                None => None,
            };
        }
        Ok(access)
    }

    /// What was read of each of them not long ago.
    fn held(&self, holders: &[Owner]) -> Vec<Option<AccessTokens>> {
        let known = self.known.lock();
        let fresh = |holder: &Owner| match known.get(&holder.uid) {
            Some(Known::Read { at, tokens }) if at.elapsed() < self.fresh => Some(tokens.clone()),
            _ => None,
        };
        holders.iter().map(fresh).collect()
    }

    /// The first that has a Secret says which they are. Who has none is given one with the same, and so is who has others: one
    /// pod has one set of them. Somebody who deletes one wants others: then all are made anew, so that nobody has to delete them
    /// all at once. One whose Secret cannot be used holds up nobody else.
    ///
    /// Who holds the same pod may be looked at meanwhile: what is known is asked before what is there, which is written after it, and
    /// what was asked to go says nothing any more. Otherwise the one would remove what the other makes again, from what is about to go.
    async fn ensure_access(&self, holders: Holders<'_>) -> Result<Access, Error> {
        let (mut access, mut found, mut lacking) = (Access::default(), Vec::<Found<'_>>::new(), Vec::new());
        let had = holders.all.iter().filter(|holder| self.was_given(holder, holders.given));
        let had: HashSet<&str> = had.map(|holder| holder.uid.as_str()).collect();
        for holder in holders.all {
            match self.secret(holder).await? {
                None => lacking.push(holder),
                Some(secret) if secret.metadata.deletion_timestamp.is_some() && holder.owns(&secret) => {
                    lacking.push(holder);
                }
                Some(secret) => {
                    let tokens = access.of(holder, tokens(holder, &secret))?;
                    found.extend(tokens.map(|tokens| Found { holder, secret, tokens }));
                }
            }
        }
        if !self.is_deleted(&lacking, &had).await? {
            access.tokens = found.first().map(|first| first.tokens.clone());
        }
        // All go before one is made: whoever goes on from here, should this process end, finds none of the old.
        for Found { holder, secret, .. } in
            found.iter().filter(|found| Some(&found.tokens) != access.tokens.as_ref())
        {
            self.delete_secret(holder, secret).await?;
            lacking.push(holder);
        }
        self.known.lock().extend(lacking.iter().map(|holder| (holder.uid.clone(), Known::Removed)));
        for holder in lacking {
            let tokens = access.tokens.clone().unwrap_or_else(fresh_tokens);
            let made = self.make_access(holder, &tokens).await;
            if let Some(made) = access.of(holder, made)?
                && *access.tokens.get_or_insert_with(|| made.clone()) != made
            {
                access.faults.push((holder.uid.clone(), Error::StaleSecret(holder.access_secret())));
            }
        }
        Ok(access)
    }

    /// Whether somebody has deleted a Secret of these, who had one. With an object that is gone its Secret goes by itself.
    async fn is_deleted(&self, lacking: &[&Owner], had: &HashSet<&str>) -> Result<bool, Error> {
        for holder in lacking.iter().filter(|holder| had.contains(holder.uid.as_str())) {
            if self.is_there(holder).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a Secret that is not there was, and nobody here removed it.
    fn was_given(&self, holder: &Owner, given: &[String]) -> bool {
        match self.known.lock().get(&holder.uid) {
            Some(Known::Read { .. }) => true,
            Some(Known::Removed) => false,
            None => given.contains(&holder.uid),
        }
    }

    /// The one of its name. That of an earlier object of the same name is removed: nobody has a use for it.
    async fn secret(&self, holder: &Owner) -> Result<Option<Secret>, Error> {
        let secret = self.api::<Secret>(holder).get_opt(&holder.access_secret()).await?;
        let Some(secret) = secret else { return Ok(None) };
        // What is held to be earlier may be later, if the watch lags behind.
        if !is_left_behind(holder, &secret) || !self.is_there(holder).await? {
            return Ok(Some(secret));
        }
        self.delete_secret(holder, &secret).await?;
        Ok(None)
    }

    /// Whether the API server has that very object now. It is listed, by its name: the operator has no right to get a livestream.
    async fn is_there(&self, holder: &Owner) -> Result<bool, Error> {
        match holder.kind {
            Kind::VirtualParticipant => self.lists::<VirtualParticipant>(holder).await,
            Kind::Livestream => self.lists::<Livestream>(holder).await,
            Kind::Origin => Ok(true),
        }
    }

    async fn lists<K>(&self, holder: &Owner) -> Result<bool, Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let named = ListParams::default().fields(&format!("metadata.name={}", holder.name));
        let found = self.api::<K>(holder).list_metadata(&named).await?;
        let is_it = |metadata: &ObjectMeta| {
            metadata.uid.as_ref() == Some(&holder.uid) && metadata.deletion_timestamp.is_none()
        };
        Ok(found.items.iter().any(|object| is_it(&object.metadata)))
    }

    /// Creates the Secret. The tokens that are in it, which are others if somebody was quicker.
    async fn make_access(&self, owner: &Owner, known: &AccessTokens) -> Result<AccessTokens, Error> {
        let (api, name): (Api<Secret>, _) = (self.api(owner), owner.access_secret());
        let AccessTokens { view, control, admin } = known.clone();
        let fresh = resource::access_secret(owner, &[view, control, admin]);
        let secret = match api.create(&PostParams::default(), &fresh).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                let secret = api.get(&name).await?;
                if secret.metadata.deletion_timestamp.is_some() && owner.owns(&secret) {
                    return Err(Error::StaleSecret(name));
                }
                secret
            }
            created => created.map_err(|error| match refused(error, String::new()) {
                Error::Refused { message, .. } => Error::RefusedSecret(name, message),
                other => other,
            })?,
        };
        tokens(owner, &secret)
    }

    async fn delete_secret(&self, owner: &Owner, secret: &Secret) -> Result<(), Error> {
        let only = Preconditions { uid: secret.uid(), resource_version: None };
        let params = DeleteParams { preconditions: Some(only), ..DeleteParams::default() };
        match self.api::<Secret>(owner).delete(&secret.name_any(), &params).await {
            Ok(_deleted) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether an operator made it for an earlier object of the same name, nobody else has it, and it was not asked to go. One whose
/// object went with `--cascade=orphan` has no owner any more.
fn is_left_behind(owner: &Owner, secret: &Secret) -> bool {
    let owners = secret.owner_references();
    let is_orphan = owners.is_empty() && secret.labels().get(owner.kind.label()) == Some(&owner.name);
    (is_orphan || owner.succeeds(secret) && owners.len() == 1)
        && secret.metadata.deletion_timestamp.is_none()
        && secret.type_.as_deref() == Some(ACCESS_SECRET_TYPE)
        && secret.labels().get(names::MANAGER_LABEL).is_some_and(|by| by == names::FIELD_MANAGER)
}

/// Only a Secret that was made for this very owner is read: its name alone proves nothing.
fn tokens(owner: &Owner, secret: &Secret) -> Result<AccessTokens, Error> {
    if owner.succeeds(secret) {
        return Err(Error::PredecessorsSecret(secret.name_any()));
    }
    if !owner.owns(secret) || secret.type_.as_deref() != Some(ACCESS_SECRET_TYPE) {
        return Err(Error::ForeignSecret(secret.name_any()));
    }
    let text = |key: &'static str| {
        let bytes = secret.data.as_ref().and_then(|data| data.get(key));
        bytes
            .and_then(|ByteString(bytes)| String::from_utf8(bytes.clone()).ok())
            .filter(|token| !token.is_empty())
            .ok_or_else(|| Error::IncompleteSecret(secret.name_any(), key))
    };
    let [view, control, admin] = names::ACCESS_KEYS;
    Ok(AccessTokens { view: text(view)?, control: text(control)?, admin: text(admin)? })
}

fn fresh_tokens() -> AccessTokens {
    AccessTokens { view: token(), control: token(), admin: token() }
}

fn token() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), TOKEN_LENGTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(uid: &str) -> Owner {
        Owner {
            kind: Kind::VirtualParticipant,
            namespace: "demo".into(),
            name: "ada".into(),
            uid: uid.into(),
        }
    }

    fn secret() -> Secret {
        resource::access_secret(&owner("u1"), &["v".into(), "c".into(), "a".into()])
    }

    #[test]
    fn a_token_is_a_word_to_every_shell_and_program_and_no_other_is_like_it() {
        let made = HashSet::<_>::from_iter(std::iter::repeat_with(token).take(500));
        assert_eq!(made.len(), 500);
        assert!(
            made.iter()
                .all(|word| word.len() == TOKEN_LENGTH && word.chars().all(|c| c.is_ascii_alphanumeric()))
        );
    }

    #[test]
    fn tokens_are_read_from_the_secret_that_was_made_for_the_participant() {
        let expected = AccessTokens { view: "v".into(), control: "c".into(), admin: "a".into() };
        assert_eq!(tokens(&owner("u1"), &secret()).unwrap(), expected);
        assert!(matches!(tokens(&owner("u2"), &secret()), Err(Error::PredecessorsSecret(_))));
    }

    #[test]
    fn only_what_an_operator_made_for_a_namesake_is_left_behind() {
        let (ours, theirs) = (owner("u1"), owner("u2"));
        assert!(is_left_behind(&theirs, &secret()) && !is_left_behind(&ours, &secret()));
        let mut of_two = secret();
        of_two.owner_references_mut().push(Owner::references(std::slice::from_ref(&theirs)).remove(0));
        let mut another = secret();
        another.type_ = Some("Opaque".into());
        let mut somebodys = secret();
        somebodys.labels_mut().remove(names::MANAGER_LABEL);
        for kept in [of_two, another, somebodys] {
            assert!(!is_left_behind(&theirs, &kept), "{kept:?}");
        }
        let mut orphan = secret();
        orphan.metadata.owner_references = None;
        let bea = Owner { name: "bea".into(), ..owner("u2") };
        assert!(is_left_behind(&theirs, &orphan) && !is_left_behind(&bea, &orphan));
    }

    #[test]
    fn a_secret_of_another_type_is_not_read() {
        let mut secret = secret();
        secret.type_ = Some("Opaque".into());
        assert!(matches!(tokens(&owner("u1"), &secret), Err(Error::ForeignSecret(_))));
    }

    #[test]
    fn an_empty_token_lets_nobody_in() {
        let secret = resource::access_secret(&owner("u1"), &["v".into(), String::new(), "a".into()]);
        assert!(matches!(tokens(&owner("u1"), &secret), Err(Error::IncompleteSecret(_, "control"))));
    }

    #[test]
    fn tokens_differ() {
        assert_ne!(token(), token());
        assert_eq!(token().len(), 43);
    }
}
