//! Pages of participants: receivers refuse messages over 4 MiB, unless they were told to take them. Pure.

use crate::api::convert;
use crate::api::refused::Refused;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use prost::Message;
use std::collections::VecDeque;
use std::sync::Arc;
use understudy_crds::v1alpha1::VirtualParticipant;
use understudy_proto::participants::v1::Participant;

/// A participant has some three kilobytes.
const MOST_BYTES: usize = 1024 * 1024;
const DEFAULT_SIZE: u32 = 500;
const MOST: u32 = 1000;

/// One page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) participants: Vec<Participant>,
    /// Where the next one begins; empty: there is none.
    pub(super) next: String,
}

/// The page after `token` of those, which are in the order of namespaces and names.
pub(super) fn from(all: &[Arc<VirtualParticipant>], size: u32, token: &str) -> Result<Page, Refused> {
    let (namespace, name) = place(token)?;
    let begin = all.partition_point(|participant| key(participant) <= (namespace.as_str(), name.as_str()));
    let size = if size == 0 { DEFAULT_SIZE } else { size.min(MOST) };
    let participants = fill(&mut all[begin..].iter(), size);
    let is_last = begin + participants.len() == all.len();
    let next = participants.last().filter(|_| !is_last).map(token_of).unwrap_or_default();
    Ok(Page { participants, next })
}

/// As many of those as one message takes, which are taken from the queue.
pub(super) fn next(queue: &mut VecDeque<Arc<VirtualParticipant>>) -> Vec<Participant> {
    let page = fill(&mut queue.iter(), DEFAULT_SIZE);
    queue.drain(..page.len());
    page
}

/// As many of those as one message takes, and at least one, if there is one.
fn fill(all: &mut dyn Iterator<Item = &Arc<VirtualParticipant>>, size: u32) -> Vec<Participant> {
    let (mut page, mut bytes) = (Vec::new(), 0);
    for participant in all.take(size as usize) {
        let told = convert::participant(participant);
        bytes += told.encoded_len();
        if bytes > MOST_BYTES && !page.is_empty() {
            break;
        }
        page.push(told);
    }
    page
}

fn key(participant: &VirtualParticipant) -> (&str, &str) {
    let metadata = &participant.metadata;
    (metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default())
}

fn token_of(last: &Participant) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{}/{}", last.namespace, last.name))
}

/// The last one of the page before.
fn place(token: &str) -> Result<(String, String), Refused> {
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let place = match decoded.as_deref() {
        Some("") => Some((String::new(), String::new())),
        decoded => decoded
            .and_then(|place| place.split_once('/'))
            .map(|(namespace, name)| (namespace.into(), name.into())),
    };
    place.ok_or_else(|| Refused::invalid("pageToken", "is none that was given out"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn all(count: usize, attribute: &str) -> Vec<Arc<VirtualParticipant>> {
        let one = |number: usize| {
            json!({
                "apiVersion": "understudy.dev/v1alpha1", "kind": "VirtualParticipant",
                "metadata": {"name": format!("p-{number:05}"), "namespace": "demo"},
                "spec": {"attributes": {"a": attribute}}
            })
        };
        (0..count).map(|number| Arc::new(serde_json::from_value(one(number)).unwrap())).collect()
    }

    fn pages(all: &[Arc<VirtualParticipant>], size: u32) -> Vec<Vec<String>> {
        let (mut pages, mut token) = (Vec::new(), String::new());
        loop {
            let page = from(all, size, &token).unwrap();
            let bytes: usize = page.participants.iter().map(Message::encoded_len).sum();
            assert!(bytes <= MOST_BYTES || page.participants.len() == 1, "{bytes}");
            pages.push(page.participants.into_iter().map(|participant| participant.name).collect());
            if page.next.is_empty() {
                return pages;
            }
            token = page.next;
        }
    }

    #[test]
    fn every_participant_is_on_one_page() {
        let (few, long) = (all(1201, ""), all(60, &"x".repeat(100_000)));
        for (all, size, lengths) in [
            (&few, 0, vec![500, 500, 201]),
            (&few, 5000, vec![1000, 201]),
            (&few[..3].to_vec(), 2, vec![2, 1]),
            (&few[..2].to_vec(), 2, vec![2]),
            (&Vec::new(), 2, vec![0]),
            (&long, 0, vec![10, 10, 10, 10, 10, 10]),
        ] {
            let pages = pages(all, size);
            assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), lengths);
            let names: Vec<String> = all.iter().map(|one| one.metadata.name.clone().unwrap()).collect();
            assert_eq!(pages.concat(), names);
        }
    }

    #[test]
    fn who_has_gone_meanwhile_takes_nobody_along() {
        let mut all = all(4, "");
        let token = from(&all, 2, "").unwrap().next;
        all.remove(1);
        let names: Vec<String> =
            from(&all, 9, &token).unwrap().participants.into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["p-00002", "p-00003"]);
        for token in ["%", "YQ"] {
            assert!(from(&all, 2, token).unwrap_err().message.starts_with("pageToken: "), "{token}");
        }
    }
}
