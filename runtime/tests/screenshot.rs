//! Screenshots, as the source system's clients take them.

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use understudy_e2e::client;

use crate::support::session::Session;

const MIRROR: &str = include_str!("../../examples/session.yaml");

async fn take(session: &Session, body: String) -> Response {
    Client::new().post(session.url("/computer/screenshot")).body(body).send().await.unwrap()
}

/// What a decoder that is not ours finds: its size, and how bright it is on average.
async fn decoded(answer: Response) -> (String, f64) {
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[CONTENT_TYPE]),
        (200, &"image/png".parse().unwrap())
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.png"), answer.bytes().await.unwrap()).unwrap();
    let entries = "frame=width,height:frame_tags=lavfi.signalstats.YAVG";
    let probe =
        format!("ffprobe -v error -f lavfi -i movie=a.png,signalstats -show_entries {entries} -of csv=p=0");
    let told = client::shell(&probe, folder.path()).await.unwrap();
    let (size, bright) = told.trim().rsplit_once(',').unwrap_or_else(|| panic!("{told}"));
    (size.to_owned(), bright.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_display_or_a_part_of_it_is_a_png() {
    let session = Session::live(MIRROR).await;
    let (size, bright) = decoded(take(&session, String::new()).await).await;
    assert!(size == "1280,720" && bright > 20.0, "{size}, {bright}");
    let part = json!({"region": {"x": 1270, "y": 0, "width": 10, "height": 700}});
    assert_eq!(decoded(take(&session, part.to_string()).await).await.0, "10,700");

    let beyond = json!({"region": {"x": 1270, "y": 0, "width": 11, "height": 700}});
    let refused = take(&session, beyond.to_string()).await;
    assert_eq!(refused.status(), 400);
    let told: Value = refused.json().await.unwrap();
    assert_eq!(told["message"], "region.width: must be 1 to 10 pixels, got 11: the display ends there");
    let unread = take(&session, r#"{"region": {"x": 1}}"#.to_owned()).await;
    assert_eq!(unread.status(), 400);
    assert!(unread.text().await.unwrap().starts_with("can't decode JSON body: region"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_display_there_is_none() {
    let session = Session::start("displayName: Ada\n");
    session.until_reason("PageReady", "NotWanted").await;
    let refused = take(&session, String::new()).await;
    assert!(refused.status() == 409 && refused.headers().contains_key(RETRY_AFTER), "{refused:?}");
    let resized =
        Client::new().patch(session.url("/display")).body(r#"{"width": 800}"#).send().await.unwrap();
    assert_eq!(resized.status(), 409);
}
