//! Pods that were let in to finish, and what each says of the invitation whose stage it has left: the last that is heard of them. They are
//! forgotten with their pods, as far as those are still to go; of the others there are only so many.

use std::collections::{BTreeMap, HashMap};
use understudy_proto::v1::InvitationReport;

/// Each is a UID and a few words. A mass deletion of that many may be under way at a time.
const MOST: usize = 10_000;

/// The newest last words.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// UID of a pod, to when it came and what it left.
    by_pod: HashMap<String, (u64, InvitationReport)>,
    /// When each came, counted.
    order: BTreeMap<u64, String>,
    next: u64,
}

impl Left {
    /// What a pod has left.
    pub(super) fn get(&self, pod_uid: &str) -> Option<&InvitationReport> {
        self.by_pod.get(pod_uid).map(|(_, said)| said)
    }

    /// A pod says so; the one that said it longest ago makes room. Whether it is news.
    pub(super) fn put(&mut self, pod_uid: &str, said: InvitationReport) -> bool {
        let is_news = self.get(pod_uid) != Some(&said);
        self.remove(pod_uid);
        if self.by_pod.len() >= MOST
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.by_pod.remove(&oldest);
        }
        self.order.insert(self.next, pod_uid.into());
        self.by_pod.insert(pod_uid.into(), (self.next, said));
        self.next += 1;
        is_news
    }

    /// The pod is gone.
    pub(super) fn remove(&mut self, pod_uid: &str) {
        if let Some((place, _)) = self.by_pod.remove(pod_uid) {
            self.order.remove(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(id: &str) -> InvitationReport {
        InvitationReport { id: id.into(), ..InvitationReport::default() }
    }

    #[test]
    fn the_last_word_is_heard_however_many_there_were_before() {
        let mut left = Left::default();
        (0..MOST).for_each(|pod| _ = left.put(&pod.to_string(), said("show-42")));
        assert!(left.put("0", said("show-43")) && !left.put("0", said("show-43")), "it says so again");
        left.put("one more", said("show-44"));
        assert_eq!(left.get("one more"), Some(&said("show-44")));
        assert_eq!(left.get("0"), Some(&said("show-43")));
        assert_eq!(left.get("1"), None, "that was longest ago");
        assert_eq!((left.by_pod.len(), left.order.len()), (MOST, MOST));
    }

    #[test]
    fn a_pod_that_is_gone_takes_no_room() {
        let mut left = Left::default();
        (0..MOST).for_each(|pod| _ = left.put(&pod.to_string(), said("show-42")));
        left.remove("7");
        left.put("one more", said("show-44"));
        assert_eq!((left.get("0"), left.get("7")), (Some(&said("show-42")), None));
        assert_eq!((left.by_pod.len(), left.order.len()), (MOST, MOST));
    }
}
