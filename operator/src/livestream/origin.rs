//! What livestreams with a source take: a pod of its own, which carries out what stands at one address. It has no object. Each of its
//! livestreams sees to it as if it were alone, by what holds for all of them, so that none of them matters more than another.

use crate::capability;
use crate::control::convert;
use crate::control::registry::Wish;
use crate::credentials::{self, Fault};
use crate::livestream::report::{Fetched, Of};
use crate::livestream::turn::Held;
use crate::livestream::{Context, Seen};
use crate::owner::Owner;
use crate::profile::Profile;
use crate::provide::observe::PodFacts;
use crate::provide::problem::{Problem, UNUSABLE_SECRET, shape};
use crate::provide::{Error, Need, Provided, Wanted};
use crate::view::{View, view};
use jiff::Timestamp;
use kube::ResourceExt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;
use understudy_crds::v1alpha1::{Livestream, LivestreamSource, PodStatus};
use understudy_proto::v1::{self as wire, Origin};

/// What one is told that nobody sees to.
pub(super) fn none<'a>() -> Seen<'a> {
    let fetched = Fetched { pod: None, problems: Vec::new(), fault: None };
    Seen {
        pod_uid: None,
        pod_ip: None,
        view: View::Silent,
        again: None,
        tells: false,
        of: Of::Source(Box::new(fetched)),
    }
}

/// Sees to it that the pod of an origin is there and is told what it is to be. What one of its livestreams is told of that.
pub(super) async fn look<'a>(
    context: &Context,
    livestream: &Livestream,
    source: &LivestreamSource,
    turn: Held,
) -> Result<Seen<'a>, Error> {
    let origin = turn.origin();
    let (now, takers) = (Timestamp::now(), context.stores.takers_of(origin));
    if !context.stores.is_taken(origin) {
        context.registry.drain(&origin.uid);
    }
    let url = context.credentials.of_source(&origin.namespace, source).await;
    let mut again = None;
    let mut fetched = Fetched { pod: None, problems: Vec::new(), fault: url.as_ref().err().cloned() };
    if takers.is_empty() {
        let pods = context.stores.pods_of(&origin.uid);
        fetched.pod = pods.iter().map(|pod| PodFacts::of(pod)).max_by_key(|pod| pod.attempt);
    } else {
        let provided = provide(context, origin, &takers, (source, &url), now).await?;
        let own = provided.faulty.iter().find(|(uid, _)| Some(uid) == livestream.uid().as_ref());
        let own = own.map(|(_, problem)| problem.clone());
        again = provided.again.into_iter().chain(own.as_ref().map(|_own| credentials::AGAIN)).min();
        if let Some(pod) = &provided.pod {
            let wish = Wish {
                session: convert::origin(&origin.name, address(context, pod, url)?),
                livestreams: match is_able(context, pod) {
                    true => livestreams(context, pod, &takers).await?,
                    false => Vec::new(),
                },
                access: provided.access,
                invitation: None,
            };
            // The last may have gone since, and its session have been told to finish.
            context.registry.wish(&pod.uid, &wish, || context.stores.is_taken(origin));
        }
        fetched.pod = provided.pod;
        // Of Secrets each tells of its own.
        let others = provided.problems.into_iter().filter(|problem| problem.reason != UNUSABLE_SECRET);
        fetched.problems = own.into_iter().chain(others).collect();
    }
    drop(turn);
    let pod = fetched.pod.as_ref();
    let facts = pod.and_then(|pod| context.registry.facts(&pod.uid));
    let again = again.into_iter().chain(fetched.fault.as_ref().map(|_fault| credentials::AGAIN));
    let again = again.chain(pod.and_then(|pod| pod.overstays(now))).min();
    Ok(Seen {
        pod_uid: pod.map(|pod| pod.uid.clone()),
        pod_ip: pod.and_then(|pod| pod.ip.clone()),
        view: view(facts, context.leading_since, Instant::now()),
        again,
        tells: takers.first().is_some_and(|first| first.uid() == livestream.uid()),
        of: Of::Source(Box::new(fetched)),
    })
}

async fn provide(
    context: &Context,
    origin: &Owner,
    takers: &[Arc<Livestream>],
    (source, url): (&LivestreamSource, &Result<String, Fault>),
    now: Timestamp,
) -> Result<Provided, Error> {
    let (profiles, holders) = (context.stores.profiles(), holders(takers));
    let said = || takers.iter().filter_map(|taker| Some((taker, context.publisher.latest(taker)?)));
    let known: Option<PodStatus> = said().filter_map(|(_, status)| status.pod).max_by_key(|pod| pod.attempt);
    let given: Vec<String> = said().filter_map(|(taker, status)| status.access.and(taker.uid())).collect();
    let shape = shape("spec.source.runtimeProfileName", &source.runtime_profile_name, &profiles);
    let shape: Result<&Profile, Problem> = match url {
        // Nothing would be fetched by it.
        Err(fault) if !matches!(fault, Fault::Unread(_)) => {
            Err(Problem::of_caller(fault.reason(), format!("spec.source.urlSecretRef: {fault}")))
        }
        _ => shape,
    };
    let wanted = Wanted {
        owner: origin,
        holders: &holders,
        given: &given,
        generation: generation(takers),
        shape: shape.as_ref().copied(),
        known: known.as_ref(),
        need: Need::Pod,
        now,
    };
    Ok(context.provider.provide(wanted).await?)
}

/// One that does not know sources has something else than was asked for to send out.
fn is_able(context: &Context, pod: &PodFacts) -> bool {
    let Some(facts) = context.registry.facts(&pod.uid) else { return true };
    capability::missing(&[capability::ORIGIN], &facts.capabilities).is_none()
}

/// A source never changes, but an origin comes again: what was refused of its pod is asked for anew if another is the oldest of
/// those who take it.
fn generation(takers: &[Arc<Livestream>]) -> i64 {
    let mut hasher = DefaultHasher::new();
    takers.first().and_then(|oldest| oldest.uid()).hash(&mut hasher);
    hasher.finish().cast_signed()
}

fn holders(takers: &[Arc<Livestream>]) -> Vec<Owner> {
    takers.iter().map(|taker| Owner::of(&**taker)).collect()
}

/// What is to be fetched. Where the Secret could not be read what was told before holds; what may not be sent any more is not.
fn address(context: &Context, pod: &PodFacts, url: Result<String, Fault>) -> Result<Option<String>, Error> {
    match url {
        Ok(url) => Ok(Some(url)),
        Err(unread @ Fault::Unread(_)) => match context.registry.origin(&pod.uid) {
            Some(Origin { url }) => Ok(Some(url)),
            None => Err(Error::Unread(unread)),
        },
        Err(_told_by_the_status) => Ok(None),
    }
}

/// The ways out. One whose Secret cannot be had is left out; its own status says why.
async fn livestreams(
    context: &Context,
    pod: &PodFacts,
    takers: &[Arc<Livestream>],
) -> Result<Vec<wire::Livestream>, Error> {
    let mut all = Vec::new();
    for taker in takers {
        let name = taker.name_any();
        match context.credentials.of(taker).await {
            Ok(secret) => all.push(convert::livestream(&name, &taker.spec, secret.as_deref())),
            Err(unread @ Fault::Unread(_)) => {
                all.push(context.registry.livestream(&pod.uid, &name).ok_or(Error::Unread(unread))?);
            }
            Err(_told_by_its_status) => {}
        }
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}
