//! Where a kind is watched: in the whole cluster, or in some namespaces, each by a watch of its own that feeds the one store.

use crate::store::unread::{Reading, Unread};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, future};
use k8s_openapi::NamespaceResourceScope;
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store, reflector};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long the first list of a namespace may be refused: the API server learns of a Role within seconds.
const REFUSED: Duration = Duration::from_secs(30);

/// Where participants, livestreams and session pods are watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Wherever they are.
    #[default]
    Cluster,
    /// In these namespaces, of which there is at least one.
    Namespaces(Vec<String>),
}

/// One thing to watch.
pub(super) struct Place<K> {
    /// Empty: all of them, or none.
    namespace: String,
    watch: Watch<K>,
}

/// What can be watched, and held.
pub(super) trait Watched:
    Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static
{
}

impl<K> Watched for K where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static
{
}

type Watch<K> = BoxStream<'static, watcher::Result<Event<K>>>;

impl Scope {
    /// No namespace stands for all of them.
    pub fn of(namespaces: Vec<String>) -> Self {
        if namespaces.is_empty() { Self::Cluster } else { Self::Namespaces(namespaces) }
    }

    /// What is to be watched.
    pub(super) fn places<K>(&self, client: &Client, config: &watcher::Config) -> Vec<Place<K>>
    where
        K: Watched + Resource<Scope = NamespaceResourceScope>,
    {
        let within = |name: &String| Place {
            namespace: name.clone(),
            watch: watch(Api::namespaced(client.clone(), name), config.clone()),
        };
        match self {
            Self::Cluster => everywhere(client, config),
            Self::Namespaces(names) => names.iter().map(within).collect(),
        }
    }

    /// The same of a kind of which some objects may be ones that cannot be read.
    pub(super) fn readable<K>(
        &self,
        client: &Client,
        config: &watcher::Config,
        held: &Store<K>,
        unread: &Unread<K>,
    ) -> Vec<Place<K>>
    where
        K: Watched + Resource<Scope = NamespaceResourceScope>,
    {
        let read = |Place { namespace, watch }: Place<DeserializeGuard<K>>| {
            let (mut reading, held) = (Reading::new(namespace.clone(), unread.clone()), held.clone());
            let events = watch.map(move |event| match event {
                Ok(event) => reading.on(event, |name| held.get(name)).map(Ok),
                Err(broke) => Some(Err(broke)),
            });
            Place { namespace, watch: events.filter_map(future::ready).boxed() }
        };
        self.places(client, config).into_iter().map(read).collect()
    }
}

impl<K: 'static> Place<K> {
    /// The same, of which less is kept.
    pub(super) fn leaner(self, without: impl FnMut(&mut K) + Send + 'static) -> Self {
        Self { watch: self.watch.modify(without).boxed(), ..self }
    }
}

/// A kind that is in no namespace, or is to be watched in all of them.
pub(super) fn everywhere<K>(client: &Client, config: &watcher::Config) -> Vec<Place<K>>
where
    K: Watched,
{
    vec![Place { namespace: String::new(), watch: watch(Api::all(client.clone()), config.clone()) }]
}

/// Watches one kind for ever, with back-off; `on` sees each event after the store has taken it, which of a list means: noted,
/// and held once the list is complete.
pub(super) async fn follow<K>(mut places: Vec<Place<K>>, writer: Writer<K>, mut on: impl FnMut(&Event<K>))
where
    K: Watched,
{
    let only = if places.len() == 1 { places.pop() } else { None };
    let Some(only) = only else { return follow_all(places, writer, on).await };
    let mut events = std::pin::pin!(reflector(writer, only.watch));
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => on(&event),
            Err(error) => broke::<K>(&error),
        }
    }
}

/// The store is filled once everything was listed everywhere.
async fn follow_all<K>(places: Vec<Place<K>>, mut writer: Writer<K>, mut on: impl FnMut(&Event<K>))
where
    K: Watched,
{
    let reader = writer.as_reader();
    let mut feed = |event: Event<K>| {
        writer.apply_watcher_event(&event);
        on(&event);
    };
    let mut watches = Vec::with_capacity(places.len());
    feed(Event::Init);
    for Place { namespace, mut watch } in places {
        for object in listed(&mut watch, &namespace).await {
            feed(Event::InitApply(object));
        }
        let (reader, mut relist) = (reader.clone(), Relist::default());
        watches.push(watch.map(move |event| {
            let held = || {
                let mut held = reader.state();
                held.retain(|object| object.namespace().as_ref() == Some(&namespace));
                held
            };
            event.map(|event| relist.on(event, held))
        }));
    }
    feed(Event::InitDone);
    let mut watches = stream::select_all(watches);
    while let Some(events) = watches.next().await {
        match events {
            Ok(events) => events.into_iter().for_each(&mut feed),
            Err(error) => broke::<K>(&error),
        }
    }
}

fn watch<K>(api: Api<K>, config: watcher::Config) -> Watch<K>
where
    K: Watched,
{
    let watch = watcher(api, config).default_backoff();
    watch.modify(|object| object.managed_fields_mut().clear()).boxed()
}

/// The first list of a watch that comes to its end; one that broke off is begun anew. A namespace that was deleted took its Role
/// along and is refused for ever: nobody elsewhere waits for it longer than [`REFUSED`]. Its watch goes on, and shows what is there
/// once it may be read.
async fn listed<K: Resource<DynamicType = ()>>(watch: &mut Watch<K>, namespace: &str) -> Vec<K> {
    let (mut list, began) = (Vec::new(), Instant::now());
    while let Some(event) = watch.next().await {
        match event {
            Err(watcher::Error::InitialListFailed(kube::Error::Api(status)))
                if status.is_forbidden() && began.elapsed() >= REFUSED =>
            {
                let kind = K::kind(&());
                tracing::error!(namespace, %kind, message = status.message, "a namespace may not be read and is left out");
                return Vec::new();
            }
            Ok(Event::Init) => list.clear(),
            Ok(Event::InitApply(object)) => list.push(object),
            Ok(Event::InitDone) => break,
            Ok(Event::Apply(_) | Event::Delete(_)) => {}
            Err(error) => broke::<K>(&error),
        }
    }
    list
}

/// A watch broke; it starts again by itself.
fn broke<K: Resource<DynamicType = ()>>(error: &watcher::Error) {
    let kind = K::kind(&());
    tracing::warn!(error = error as &dyn std::error::Error, %kind, "watch broke; it starts again");
}

/// A watch that starts again with a list, told as one that went on: a store that several watches feed cannot be replaced by
/// the list of one.
#[derive(Debug)]
pub(super) struct Relist<K: Resource<DynamicType = ()>> {
    /// Of what was held before the list that is being received, what was not in it yet.
    before: HashMap<ObjectRef<K>, Arc<K>>,
}

impl<K: Resource<DynamicType = ()>> Default for Relist<K> {
    fn default() -> Self {
        Self { before: HashMap::new() }
    }
}

impl<K: Resource<DynamicType = ()> + Clone> Relist<K> {
    /// `held` is what the store holds of this watch's namespace. An object that was made anew is another: its namesake is gone.
    pub(super) fn on(&mut self, event: Event<K>, held: impl FnOnce() -> Vec<Arc<K>>) -> Vec<Event<K>> {
        let gone = |object: Arc<K>| Event::Delete(Arc::unwrap_or_clone(object));
        match event {
            Event::Init => {
                self.before =
                    held().into_iter().map(|object| (ObjectRef::from_obj(&*object), object)).collect();
                Vec::new()
            }
            Event::InitApply(object) => {
                let before = self.before.remove(&ObjectRef::from_obj(&object));
                let namesake = before.filter(|before| before.uid() != object.uid());
                namesake.map(gone).into_iter().chain([Event::Apply(object)]).collect()
            }
            Event::InitDone => std::mem::take(&mut self.before).into_values().map(gone).collect(),
            event => vec![event],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Pod;

    fn pod(name: &str) -> Pod {
        serde_json::from_value(serde_json::json!({"metadata": {"name": name, "namespace": "demo"}})).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_namespace_that_may_not_be_read_does_not_hold_up_the_others_for_long() {
        let refused = || {
            let status = kube::core::Status::failure("no role", "Forbidden").with_code(403);
            Err::<Event<Pod>, _>(watcher::Error::InitialListFailed(kube::Error::Api(status.boxed())))
        };
        let mut watch: Watch<Pod> = stream::unfold((), move |()| async move {
            tokio::time::sleep(Duration::from_secs(4)).await;
            Some((refused(), ()))
        })
        .boxed();
        let began = Instant::now();
        assert!(listed(&mut watch, "gone").await.is_empty());
        assert!((REFUSED..2 * REFUSED).contains(&began.elapsed()), "{:?}", began.elapsed());
        let mut passing: Watch<Pod> =
            stream::iter([refused(), Ok(Event::Init), Ok(Event::InitApply(pod("a"))), Ok(Event::InitDone)])
                .boxed();
        assert_eq!(listed(&mut passing, "demo").await.len(), 1, "a refusal may pass");
    }

    #[test]
    fn what_a_list_does_not_show_any_more_is_told_as_deleted() {
        let mut relist = Relist::default();
        let held = || vec![Arc::new(pod("a")), Arc::new(pod("b"))];
        assert!(relist.on(Event::Init, held).is_empty());
        assert!(matches!(&relist.on(Event::InitApply(pod("b")), held)[..], [Event::Apply(_)]));
        assert!(matches!(&relist.on(Event::InitApply(pod("c")), held)[..], [Event::Apply(_)]));
        let told = relist.on(Event::InitDone, held);
        assert!(matches!(&told[..], [Event::Delete(gone)] if gone.name_any() == "a"), "{told:?}");
    }

    #[test]
    fn a_list_that_broke_off_is_forgotten() {
        let mut relist = Relist::default();
        let held = || vec![Arc::new(pod("a"))];
        relist.on(Event::Init, held);
        relist.on(Event::InitApply(pod("a")), held);
        relist.on(Event::Init, held);
        assert!(matches!(&relist.on(Event::InitDone, held)[..], [Event::Delete(_)]));
    }

    #[test]
    fn an_object_that_was_made_anew_in_a_gap_takes_the_place_of_one_that_is_gone() {
        let mut relist = Relist::default();
        let of_uid = |uid: &str| {
            let mut pod = pod("a");
            pod.metadata.uid = Some(uid.into());
            pod
        };
        let held = || vec![Arc::new(of_uid("first"))];
        relist.on(Event::Init, held);
        let told = relist.on(Event::InitApply(of_uid("second")), held);
        let [Event::Delete(gone), Event::Apply(new)] = &told[..] else { panic!("{told:?}") };
        assert_eq!((gone.uid(), new.uid()), (Some("first".into()), Some("second".into())));
        assert!(relist.on(Event::InitDone, || vec![Arc::new(of_uid("second"))]).is_empty());
    }

    #[test]
    fn no_namespace_is_every_namespace() {
        assert_eq!(Scope::of(Vec::new()), Scope::Cluster);
        assert_eq!(Scope::of(vec!["a".into()]), Scope::Namespaces(vec!["a".into()]));
    }
}
