//! More participants than one message takes.

use crate::api::BACKEND;
use crate::phase;
use crate::support::{Caller, World};
use kube::api::PostParams;
use serde_json::json;
use std::collections::BTreeMap;
use understudy_crds::v1alpha1::VirtualParticipant;

/// As much as grpcio takes in one message unless it is told to take more.
const DEFAULT_LIMIT: u64 = 4 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_its_defaults_is_told_of_more_than_one_message_takes() {
    const MANY: usize = 60;
    let world = World::new().await;
    let operator = world.operator("one").await;
    // Some 100 KB each, and no pods.
    let attributes: BTreeMap<String, String> =
        (0..16).map(|number| (format!("{number:02}{}", "k".repeat(6000)), "v".repeat(256))).collect();
    for number in 0..MANY {
        let spec = json!({"runtimeProfileName": "none", "attributes": attributes});
        let spec = serde_json::from_value(spec).unwrap();
        let one = VirtualParticipant::new(&format!("p-{number:02}"), spec);
        world.api().create(&PostParams::default(), &one).await.unwrap();
    }
    world.until("p-59", "looked at", |one| phase(one).is_some()).await;
    let caller = Caller::new(&world, "backend", BACKEND).await;
    let told = caller.list_and_watch().await;
    for way in [&told.list, &told.watch] {
        assert_eq!(way.participants, MANY, "{told:?}");
        assert!(way.bytes > DEFAULT_LIMIT && way.largest_bytes < DEFAULT_LIMIT / 2, "{told:?}");
    }
    operator.end().await;
}
