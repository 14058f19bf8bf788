//! How the displays of a participant are shared.

use super::{accepts, admin, refuses, tried};
use serde_json::{Value, json};

fn sharing(sharing: Value) -> Value {
    json!({"sharing": sharing})
}

fn pages(pages: &[Value]) -> Value {
    sharing(json!({"pages": pages}))
}

fn named(name: &str) -> Value {
    json!({"name": name, "url": "understudy:mirror"})
}

fn sized(member: &str, value: i64) -> Value {
    pages(&[json!({"name": "a", "url": "understudy:mirror", member: value})])
}

#[tokio::test]
async fn sharing_that_makes_sense_is_let_in() {
    let client = admin().await;
    let seven = ["a", "b", "c", "d", "e", "f", "0-9"].map(named);
    let specs = [
        sharing(json!({})),
        sharing(json!({"mode": "Union", "maxViewers": 1, "clipboard": false, "layout": "US"})),
        sharing(json!({"mode": "Host", "maxViewers": 100, "clipboard": true, "layout": "Japanese"})),
        sharing(json!({"mode": "Off", "layout": "German"})),
        sharing(json!({"layout": "French"})),
        pages(&[]),
        pages(&seven),
        pages(&[
            named(&"a".repeat(63)),
            json!({"name": "b", "url": "https://notes.example/x?y#z", "width": 3840, "height": 2160, "frameRate": 60}),
        ]),
    ];
    accepts(&client, "VirtualParticipant", &specs).await;
}

#[tokio::test]
async fn what_is_not_said_of_sharing_is_what_most_want() {
    let client = admin().await;
    let stored = tried(&client, "VirtualParticipant", "ada", pages(&[named("notes")])).await.unwrap();
    let page =
        json!({"name": "notes", "url": "understudy:mirror", "width": 1280, "height": 720, "frameRate": 30});
    let expected =
        json!({"mode": "Union", "maxViewers": 32, "clipboard": true, "layout": "US", "pages": [page]});
    assert_eq!(stored.data["spec"]["sharing"], expected);
    let without = tried(&client, "VirtualParticipant", "ada", json!({})).await.unwrap();
    assert_eq!(without.data["spec"].get("sharing"), None, "what an older version wrote says nothing of it");
}

#[tokio::test]
async fn sharing_that_makes_no_sense_is_refused_by_the_name_of_the_field() {
    let client = admin().await;
    let eight = ["a", "b", "c", "d", "e", "f", "g", "h"].map(named);
    let at = |url: &str| pages(&[json!({"name": "a", "url": url})]);
    let (name, url) = ("sharing.pages.name must be", "sharing.pages.url must be");
    let table = [
        (sharing(json!({"mode": "Everybody"})), "spec.sharing.mode"),
        // As YAML reads it without quotes.
        (sharing(json!({"mode": false})), "spec.sharing.mode"),
        (sharing(json!({"maxViewers": 0})), "spec.sharing.maxViewers"),
        (sharing(json!({"maxViewers": 101})), "spec.sharing.maxViewers"),
        (sharing(json!({"clipboard": "yes"})), "spec.sharing.clipboard"),
        (sharing(json!({"layout": "de"})), "spec.sharing.layout"),
        (pages(&eight), "spec.sharing.pages"),
        (pages(&[named("a"), named("b"), named("a")]), "sharing.pages must have names of their own"),
        (pages(&[json!({"url": "understudy:mirror"})]), "spec.sharing.pages[0].name"),
        (pages(&[named("")]), "spec.sharing.pages[0].name"),
        (pages(&[named(&"a".repeat(64))]), "spec.sharing.pages[0].name"),
        (pages(&[named("-a")]), name),
        (pages(&[named("a.b")]), name),
        (pages(&[named("A")]), name),
        (pages(&[json!({"name": "a"})]), "spec.sharing.pages[0].url"),
        (at("file:///etc/passwd"), url),
        (at("https://user:password@notes.example/"), url),
        (at("javascript:alert(1)"), url),
        (sized("width", 319), "spec.sharing.pages[0].width"),
        (sized("width", 1284), "spec.sharing.pages[0].width"),
        (sized("height", 2168), "spec.sharing.pages[0].height"),
        (sized("frameRate", 61), "spec.sharing.pages[0].frameRate"),
    ];
    refuses(&client, "VirtualParticipant", &table).await;
}
