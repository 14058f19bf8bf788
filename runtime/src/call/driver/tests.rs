//! Participants who call each other over one hub, each with connections of its own, on this machine.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use understudy_core::call::message::{Envelope, Payload};
use understudy_core::call::{Phase, Why};
use understudy_hub::{Hold, Hub};

use super::*;
use crate::broadcast::{self, Renditions};
use crate::program::Program;
use crate::rtc;
use crate::rtc::tests::on_loopback;

/// Handshakes on a machine that does more than this.
const SOON: Duration = Duration::from_secs(30);

/// Whom all of a test use.
struct Place {
    hub: Hub,
    shutdown: CancellationToken,
    transport: rtc::Handle,
}

/// One who calls, until it is dropped.
struct Peer {
    calls: Calls,
    leaves: CancellationToken,
    _driver: AbortOnDropHandle<()>,
}

impl Place {
    fn new() -> Self {
        Self::at(Hub::new(64))
    }

    /// Another, whose peers use that hub as well.
    fn at(hub: Hub) -> Self {
        crate::gst::init().expect("GStreamer must start");
        let shutdown = CancellationToken::new();
        let transport = on_loopback(8, &shutdown);
        Self { hub, shutdown, transport }
    }

    fn peer(&self, name: &str, auto_accept: bool) -> Peer {
        let metrics = broadcast::Metrics::default();
        let program = || Program::of(&Renditions::new(&metrics), watch::channel(true).1);
        let (carried, dark, speaker) = (program(), program(), watch::channel(None).1);
        let setup = Setup {
            me: name.to_owned(),
            manners: Manners { auto_accept, allowed: None },
            legs: Legs::new(self.transport.clone(), metrics.clone()),
            stage: Stage { carried, dark, speaker, metrics },
            metrics: Metrics::default(),
        };
        let member = self.hub.join(name, Hold::Fast).expect("its name must be free");
        let leaves = self.shutdown.child_token();
        let (calls, driving) = start(setup, member, leaves.clone());
        Peer { calls, leaves, _driver: AbortOnDropHandle::new(tokio::spawn(driving)) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Peer {
    async fn call(&self, channel: &str, peer: &str) {
        self.calls.start(channel.to_owned(), peer.to_owned()).await.expect("it must begin");
    }

    /// The call on that channel, once there is one.
    async fn ongoing(&self, channel: &str) -> Ongoing {
        let mut table = self.calls.table();
        let begun = table.wait_for(|table| table.ongoing.contains_key(channel));
        let table = tokio::time::timeout(SOON, begun).await.expect("it must begin").expect("it goes on");
        table.ongoing[channel].clone()
    }

    /// The same, once media flows.
    async fn connected(&self, channel: &str) -> Ongoing {
        let call = self.ongoing(channel).await;
        let mut standing = call.standing.clone();
        let connected = standing.wait_for(|standing| standing.phase == Phase::Connected);
        tokio::time::timeout(SOON, connected).await.expect("it must connect").expect("it goes on");
        call
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_calls_on_one_hub_are_in_nobody_s_way_nor_is_one_who_floods_or_one_who_stalls() {
    let ours = Place::new();
    let theirs = Place::at(ours.hub.clone());
    let flood = ours.hub.join("flood", Hold::Yielding).expect("there is room");
    let _stalled = ours.hub.join("stalled", Hold::Yielding).expect("there is room");
    let flooding = AbortOnDropHandle::new(tokio::spawn(async move {
        for number in 0_u64.. {
            for to in ["caller-0", "stalled"] {
                let _full = flood.say(Envelope::new(to, "flood", &number.to_string(), &Payload::Request));
            }
            tokio::task::yield_now().await;
        }
    }));
    let pairs: Vec<(Peer, Peer)> = (0..20)
        .map(|n| (ours.peer(&format!("caller-{n}"), false), theirs.peer(&format!("called-{n}"), true)))
        .collect();
    for (n, (caller, _)) in pairs.iter().enumerate() {
        caller.call("x", &format!("called-{n}")).await;
    }
    for (caller, called) in &pairs {
        caller.connected("x").await;
        called.connected("x").await;
    }
    drop(flooding);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_call_each_other_at_once_have_one_call() {
    let here = Place::new();
    let there = Place::at(here.hub.clone());
    let (ada, bob) = (here.peer("ada", false), there.peer("bob", false));
    tokio::join!(ada.call("x", "bob"), bob.call("x", "ada"));
    let (ours, theirs) = (ada.connected("x").await, bob.connected("x").await);
    assert_ne!(ours.standing.borrow().is_origin, theirs.standing.borrow().is_origin);
    assert!(ada.calls.table().borrow().ringing.is_empty() && bob.calls.table().borrow().ringing.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_says_so_and_whoever_rings_for_somebody_who_is_gone_cannot_be_taken() {
    let here = Place::new();
    let there = Place::at(here.hub.clone());
    let (ada, bob) = (here.peer("ada", true), there.peer("bob", false));
    bob.call("x", "ada").await;
    let call = ada.connected("x").await;
    bob.connected("x").await;
    bob.leaves.cancel();
    let end = tokio::time::timeout(SOON, call.over()).await.expect("it must hear of it");
    assert_eq!(end.why, Why::PeerHungUp);
    let gone = async {
        while here.hub.members() > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, gone).await.expect("it must leave the hub");
    let refused = ada.calls.accept("y".to_owned(), "bob".to_owned()).await.expect_err("nobody hears it");
    assert_eq!(refused.to_string(), "nobody of that name is here");
    assert!(ada.calls.find("y").is_none(), "and there is no call");
    assert_eq!(ada.calls.hang_up("y".to_owned()).await, Ok(false));
    assert_eq!(bob.calls.hang_up("x".to_owned()).await, Err(Gone));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_ends_its_connection_without_a_word_has_hung_up() {
    let here = Place::new();
    let there = Place::at(here.hub.clone());
    let (ada, bob) = (here.peer("ada", true), there.peer("bob", false));
    bob.call("x", "ada").await;
    let call = ada.connected("x").await;
    bob.connected("x").await;
    drop(bob);
    let end = tokio::time::timeout(SOON, call.over()).await.expect("it must notice");
    assert_eq!(end.why, Why::PeerHungUp);
}
