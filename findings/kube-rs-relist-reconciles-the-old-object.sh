#!/usr/bin/env bash
# kube 5.0.0 and kube-runtime 5.0.0 (Rust crates). A controller's parts as Controller::new joins them (reflector, trigger_self,
# applier) get the events of two lists by hand; the second one comes in pages, as any list of over 500 objects does.
#
# One would expect: a list that is taken anew after a lost watch reconciles each object as it is now.
# What happens: an object triggers its reconciler when its page arrives, but the store shows it only when the last page has
# come. Between the two the reconciler of a changed object is given the old one, a new object ends as "not found in local
# store", and nothing triggers either again at the list's end: the change waits for the next one, or for a requeue. What was
# deleted meanwhile triggers nothing at all.
#
# Seen on 2026-11-28 (a changed from 1 to 2, gone was deleted, new was made):
#   first list:                   reconciled [a@1 gone@1], store [a@1 gone@1]
#   second list, its first page:  reconciled [a@1 new not found], store [a@1 gone@1]
#   second list, its end:         reconciled [], store [a@2 new@2]
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

rust kube-relist 'kube = { version = "=5.0.0", default-features = false, features = ["client", "runtime"] }' \
  'k8s-openapi = { version = "=0.29.0", features = ["latest"] }' 'futures = "=0.3.34"' \
  'tokio = { version = "=1.54.1", features = ["macros", "rt", "sync", "time"] }' <<'RUST'
use futures::{StreamExt, channel::mpsc};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::runtime::WatchStreamExt;
use kube::runtime::controller::{Action, Config, Error, applier, trigger_self};
use kube::runtime::reflector::{reflector, store::Writer};
use kube::runtime::watcher::{self, Event};
use std::{convert::Infallible, sync::Arc, time::Duration};

fn object(name: &str, version: &str) -> ConfigMap {
    let mut object = ConfigMap::default();
    object.metadata.namespace = Some("default".into());
    object.metadata.name = Some(name.into());
    object.metadata.resource_version = Some(version.into());
    object
}

fn shown(object: &ConfigMap) -> String {
    format!("{}@{}", object.name_any(), object.resource_version().unwrap_or_default())
}

fn sorted(mut words: Vec<String>) -> String {
    words.sort();
    words.join(" ")
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (events, received) = mpsc::unbounded::<Result<Event<ConfigMap>, watcher::Error>>();
    let (calls, mut called) = tokio::sync::mpsc::unbounded_channel();
    let writer = Writer::<ConfigMap>::default();
    let store = writer.as_reader();
    let queue = trigger_self(reflector(writer, received).applied_objects(), ());
    let reconciled = calls.clone();
    let controller = applier(
        move |object, _| {
            reconciled.send(shown(&object)).unwrap();
            futures::future::ok::<_, Infallible>(Action::await_change())
        },
        |_, _: &Infallible, _| Action::await_change(),
        Arc::new(()),
        store.clone(),
        queue,
        Config::default(),
    );
    tokio::spawn(controller.for_each(move |outcome| {
        if let Err(Error::ObjectNotFound(object)) = outcome {
            calls.send(format!("{} not found", object.name)).unwrap();
        }
        futures::future::ready(())
    }));

    // What a step led to, once nothing more has happened for a second.
    let mut after = async |step: &str| {
        let mut seen = Vec::new();
        while let Ok(Some(call)) = tokio::time::timeout(Duration::from_secs(1), called.recv()).await {
            seen.push(call);
        }
        let held = store.state().iter().map(|object| shown(object)).collect();
        println!("{step}: reconciled [{}], store [{}]", sorted(seen), sorted(held));
    };
    let send = |event| events.unbounded_send(Ok(event)).unwrap();

    send(Event::Init);
    send(Event::InitApply(object("a", "1")));
    send(Event::InitApply(object("gone", "1")));
    send(Event::InitDone);
    after("first list").await;
    send(Event::Init);
    send(Event::InitApply(object("a", "2")));
    send(Event::InitApply(object("new", "2")));
    after("first page").await;
    send(Event::InitDone);
    after("end").await;
}
RUST

./kube-relist >said
of() { sed -n "s/^$1: //p" said; }
sees "first list" 'reconciled \[a@1 gone@1\], store \[a@1 gone@1\]' "$(of 'first list')"
sees "second list, its first page" 'reconciled \[a@1 new not found\], store \[a@1 gone@1\]' "$(of 'first page')"
sees "second list, its end" 'reconciled \[\], store \[a@2 new@2\]' "$(of 'end')"
