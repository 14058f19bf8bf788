//! What has to be reconciled: a set of names, filled from watches and from the control link, drained by a controller.
//!
//! It is a set, not a queue: a name that is marked twice before anybody looks is looked at once. Nothing checks that there
//! is an object of that name: a name of nothing is given out like others and costs its reader one look into a map, so that
//! whoever passes on names from outside has to check them first.

use futures::Stream;
use futures::stream;
use kube::Resource;
use kube::runtime::reflector::ObjectRef;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::Notify;

/// Names of objects of one kind that somebody has to look at.
#[derive(Debug)]
pub struct Trigger<K: Resource<DynamicType = ()>> {
    shared: Arc<Shared<K>>,
}

#[derive(Debug)]
struct Shared<K: Resource<DynamicType = ()>> {
    marked: Mutex<HashSet<ObjectRef<K>>>,
    more: Notify,
}

impl<K: Resource<DynamicType = ()>> Clone for Trigger<K> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K: Resource<DynamicType = ()>> Default for Trigger<K> {
    fn default() -> Self {
        Self { shared: Arc::new(Shared { marked: Mutex::default(), more: Notify::new() }) }
    }
}

impl<K: Resource<DynamicType = ()>> Trigger<K> {
    /// Has the object looked at soon.
    pub fn mark(&self, namespace: &str, name: &str) {
        self.shared.marked.lock().insert(ObjectRef::new(name).within(namespace));
        self.shared.more.notify_one();
    }

    /// How many names wait.
    pub fn len(&self) -> usize {
        self.shared.marked.lock().len()
    }

    /// Whether nothing has to be looked at.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All names marked since they were last given out, without end. For one reader.
    pub fn stream(&self) -> impl Stream<Item = ObjectRef<K>> + Send + use<K>
    where
        K: Send + Sync + 'static,
    {
        stream::unfold((Arc::clone(&self.shared), Vec::new()), |(shared, mut batch)| async move {
            loop {
                if let Some(name) = batch.pop() {
                    return Some((name, (shared, batch)));
                }
                batch = shared.batch().await;
            }
        })
    }

    /// All names marked since they were last given out, of which there is at least one. For one reader.
    pub async fn batch(&self) -> Vec<ObjectRef<K>> {
        self.shared.batch().await
    }
}

impl<K: Resource<DynamicType = ()>> Shared<K> {
    async fn batch(&self) -> Vec<ObjectRef<K>> {
        loop {
            let marked: Vec<ObjectRef<K>> = self.marked.lock().drain().collect();
            if !marked.is_empty() {
                return marked;
            }
            self.more.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use understudy_crds::v1alpha1::VirtualParticipant;

    #[tokio::test]
    async fn a_name_that_is_marked_twice_is_given_out_once() {
        let trigger = Trigger::<VirtualParticipant>::default();
        trigger.mark("demo", "ada");
        trigger.mark("demo", "ada");
        let mut stream = Box::pin(trigger.stream());
        assert_eq!(stream.next().await.unwrap().name, "ada");
        trigger.mark("demo", "bob");
        assert_eq!(stream.next().await.unwrap().name, "bob");
    }
}
