//! What the endpoint of a process answers.

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::support::ground::{COPY, Ground, PLAIN, file};
use crate::whep::players;

const SDP: &str = "application/sdp";
const OFFER: &str = include_str!("../fixtures/chromium_offer.sdp");

/// As they write it, with nobody behind it, and how many sections of it are answered with something that is sent. The sound that the
/// last one asks for is PCMU, for the sake of which its picture has a transport.
const OFFERS: [(&str, &str, usize); 4] = [
    ("Chromium", OFFER, 2),
    ("Firefox", include_str!("../fixtures/firefox_offer.sdp"), 2),
    ("Safari", include_str!("../fixtures/safari_offer.sdp"), 2),
    ("GStreamer's whepsrc", include_str!("../fixtures/whepsrc_offer.sdp"), 1),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_endpoint_of_a_process_answers_as_the_api_around_it() {
    let (ground, http) = (Ground::open().await, Client::new());
    let post = |url: String, body: &'static str| http.post(url).header(CONTENT_TYPE, SDP).body(body).send();
    let created = post(ground.whep(), OFFER).await.unwrap();
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(created.headers()[CONTENT_TYPE], SDP);
    let location = created.headers()[LOCATION].to_str().unwrap().to_owned();
    assert!(location.starts_with("/api/v3/process/the-process/whep/"), "{location}");
    let place = format!("http://{}{location}", ground.http);

    let options = http.request(Method::OPTIONS, ground.whep()).send().await.unwrap();
    assert_eq!(options.status(), StatusCode::NO_CONTENT);
    let trickled =
        http.patch(&place).header(CONTENT_TYPE, "application/trickle-ice-sdpfrag").header("If-Match", "*");
    assert_eq!(trickled.body("").send().await.unwrap().status(), StatusCode::NO_CONTENT);
    for url in [place, format!("{}/nobody", ground.whep()), format!("{}/nobody", ground.whep_of("nothing"))] {
        for _ in 0..2 {
            let left = http.delete(&url).send().await.unwrap();
            assert_eq!(left.status(), StatusCode::NO_CONTENT, "{url}");
        }
    }

    let unknown = post(ground.whep_of("nothing"), OFFER).await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    let told = json!({"code": 404, "message": "Not Found", "details": ["stream not found"], "error": "stream not found"});
    assert_eq!(unknown.json::<Value>().await.unwrap(), told);
    for (answer, status) in [
        (post(ground.whep(), "no offer").await.unwrap(), StatusCode::BAD_REQUEST),
        (http.post(ground.whep()).json(&json!({})).send().await.unwrap(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (http.put(ground.whep()).send().await.unwrap(), StatusCode::METHOD_NOT_ALLOWED),
        (http.get(ground.whep_of("nothing")).send().await.unwrap(), StatusCode::NOT_FOUND),
    ] {
        assert_eq!(answer.status(), status);
        let told = answer.json::<Value>().await.unwrap();
        assert_eq!(told["code"], status.as_u16());
        assert_eq!(told["details"][0], told["error"], "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_offers_is_sent_picture_and_sound_of_a_process() {
    let (ground, http) = (Ground::open().await, Client::new());
    for (who, offer, sent) in OFFERS {
        let answer = http.post(ground.whep()).header(CONTENT_TYPE, SDP).body(offer).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED, "{who}");
        let answer = answer.text().await.unwrap();
        assert_eq!(answer.lines().filter(|line| *line == "a=sendonly").count(), sent, "{who}: {answer}");
        assert!(answer.contains("H264/90000"), "{who}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_players_of_others_play_a_process_and_leave() {
    let ground = Ground::open().await;
    let _child = ground.plays(&file(PLAIN), COPY);
    ground.sees(|seen| seen.keyframes > 0).await;
    players::all_play_and_leave(&ground.whep(), &ground.driver.viewers("process/the-process")).await;
}
