//! The Secrets with the tokens of one source's livestreams.

use super::{URL, at, named, quick, says, serving};
use crate::support::World;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use std::time::Duration;
use understudy_crds::v1alpha1::{Livestream, VirtualParticipant};

/// Shorter than what waits within waits, which fails the test at once: what is held is let go before that, whatever comes.
const PATIENCE: Duration = Duration::from_secs(25);

fn view(secret: &Secret) -> Vec<u8> {
    secret.data.as_ref().unwrap()["view"].0.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_deletes_the_secrets_of_a_source_one_after_the_other_has_new_tokens() {
    let world = World::new().await;
    let operator = quick(&world).await;
    let (_one, _pod, mut runtime) = serving(&world, "one").await;
    world.livestream_from("two", at(URL)).await;
    let desired = runtime.told_that(|desired| named(desired) == ["one", "two"]).await;
    let mut old = desired.access.unwrap().view.into_bytes();
    let secrets = world.api::<Secret>();
    for name in ["two.livestream", "one.livestream"] {
        secrets.delete(name, &DeleteParams::default()).await.unwrap();
        for each in [name, "two.livestream", "one.livestream"] {
            let old = old.clone();
            world.until(each, "made anew", move |secret: &Secret| view(secret) != old).await;
        }
        old = view(&secrets.get(name).await.unwrap());
    }
    let new = view(&secrets.get("one.livestream").await.unwrap());
    runtime.told_that(|desired| desired.access.as_ref().unwrap().view.as_bytes() == new).await;
    world.until("two.livestream", "the same", move |secret: &Secret| view(secret) == new).await;
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_old_tokens_that_does_not_go_is_told_of_and_keeps_no_other_from_new_ones() {
    let world = World::new().await;
    let operator = quick(&world).await;
    let (_one, _pod, mut runtime) = serving(&world, "one").await;
    world.livestream_from("two", at(URL)).await;
    let desired = runtime.told_that(|desired| named(desired) == ["one", "two"]).await;
    let old = desired.access.unwrap().view.into_bytes();
    let secrets = world.api::<Secret>();
    let finalizers = |names: Value| Patch::Merge(json!({"metadata": {"finalizers": names}}));
    let held = finalizers(json!(["example.com/kept"]));
    secrets.patch("two.livestream", &PatchParams::default(), &held).await.unwrap();
    secrets.delete("one.livestream", &DeleteParams::default()).await.unwrap();
    let told = async {
        let unusable = |live: &Livestream| says(live, "Accepted", "False", "AccessSecretUnusable");
        world.until("two", "told so", unusable).await;
        world.until("one.livestream", "made anew", move |secret: &Secret| view(secret) != old).await;
        let new = view(&secrets.get("one.livestream").await.unwrap());
        runtime.told_that(|desired| desired.access.as_ref().unwrap().view.as_bytes() == new).await;
        new
    };
    let told = tokio::time::timeout(PATIENCE, told).await;
    secrets.patch("two.livestream", &PatchParams::default(), &finalizers(Value::Null)).await.unwrap();
    let new = told.expect("one that stays must not hold up others");
    world.until("two", "accepted", |live| says(live, "Accepted", "True", "Accepted")).await;
    world.until("two.livestream", "the same", move |secret: &Secret| view(secret) == new).await;
    runtime.end().await;
    operator.end().await;
}

/// As an operator made it for an earlier object.
async fn left_behind(world: &World, name: &str, kind: &str, owner: &str, finalizers: &[&str]) {
    let secret = json!({
        "metadata": {
            "name": name, "finalizers": finalizers, "labels": {"app.kubernetes.io/managed-by": "understudy-operator"},
            "ownerReferences": [{"apiVersion": "understudy.dev/v1alpha1", "kind": kind, "name": owner,
                "uid": "2f4b9c1e-77aa-4b51-9d9e-0d3c6f1e7b11", "controller": true}]
        },
        "type": "understudy.dev/access", "stringData": {"view": "v", "control": "c", "admin": "a"}
    });
    let secret: Secret = serde_json::from_value(secret).unwrap();
    world.api().create(&PostParams::default(), &secret).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_an_earlier_object_is_replaced_and_one_that_does_not_go_holds_up_no_other() {
    let world = World::new().await;
    let operator = quick(&world).await;
    left_behind(&world, "one.livestream", "Livestream", "one", &[]).await;
    left_behind(&world, "ada-access", "VirtualParticipant", "ada", &[]).await;
    left_behind(&world, "kept.livestream", "Livestream", "kept", &["example.com/kept"]).await;
    let told = async {
        world.livestream_from("kept", at(URL)).await;
        let unusable = |live: &Livestream| says(live, "Accepted", "False", "AccessSecretUnusable");
        world.until("kept", "told so", unusable).await;
        let live = world.livestream_from("one", at(URL)).await;
        let ada: VirtualParticipant = world.apply("ada", json!({})).await;
        world.pod_of(&live, 1).await;
        world.pod(&ada, 1).await;
        (live, ada)
    };
    let told = tokio::time::timeout(PATIENCE, told).await;
    let freed: Patch<Value> = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    world.api::<Secret>().patch("kept.livestream", &PatchParams::default(), &freed).await.unwrap();
    let (live, ada) = told.expect("it must not hold up others");
    for (name, uid) in [("one.livestream", live.uid()), ("ada-access", ada.uid())] {
        let secret: Secret = world.api().get(name).await.unwrap();
        assert_eq!(secret.owner_references()[0].uid, uid.unwrap());
        assert_ne!(view(&secret), b"v");
    }
    world.until("kept", "accepted", |live| says(live, "Accepted", "True", "Accepted")).await;
    operator.end().await;
}
