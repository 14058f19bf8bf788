//! Players of others, from npm, in a browser and as they are; their page is of another origin than the endpoint.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::Html;
use axum::routing::get;
use understudy_e2e::browser::{self, Chromium};
use understudy_e2e::client;

use tokio::sync::watch::Receiver;

use super::settles;
use crate::support::stage::{Stage, listen};

/// What each of them needs in a page beside its own script. `leave` is what its users call at the end.
const PAGE: &str = "<!doctype html><script src='/players.js'></script><video muted autoplay></video><script>
    const video = document.querySelector('video');
    const frames = () => video.getVideoPlaybackQuality().totalVideoFrames;
    const plays = ({ streams }) => { video.srcObject = streams[0]; };
    const requests = window.understudy = [];
    const fetched = window.fetch;
    window.fetch = async (url, options = {}) => {
        const answer = await fetched(url, options);
        requests.push((options.method ?? 'GET') + ' ' + answer.status);
        return answer;
    };
</script>";

/// A player: its name, how it is started, how it is left, and what it asked for by then. (A connection that was
/// closed before has ended its session: DELETE is 204.)
const PLAYERS: [(&str, &str, &str, &[&str]); 3] = [
    (
        "whip-whep",
        "(async () => {
            const peer = new RTCPeerConnection();
            for (const kind of ['video', 'audio']) peer.addTransceiver(kind, { direction: 'recvonly' });
            peer.ontrack = plays;
            window.player = new players.WHEPClient();
            await player.view(peer, URL, 'token');
        })(); true",
        "player.stop(); true",
        &["POST 201", "PATCH 204", "DELETE 20"],
    ),
    (
        "webrtc-player",
        "window.player = new players.WebRTCPlayer({ video, type: 'whep', iceServers: [] });
         player.load(new window.URL(URL), 'Bearer token'); true",
        "player.unload(); true",
        &["POST 201", "DELETE 20"],
    ),
    (
        "mediamtx's reader",
        "window.player = new players.MediaMTXWebRTCReader({ url: URL, onTrack: plays, token: 'token',
            onError: (error) => requests.push(error) }); true",
        "player.close(); true",
        &["OPTIONS 204", "POST 201", "PATCH 204"],
    ),
];

async fn site() -> String {
    let script = std::fs::read(client::whep_players()).expect("the players must be read");
    let players = ([(CONTENT_TYPE, "text/javascript")], script);
    let app = Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route("/players.js", get(|| async move { players.clone() }));
    format!("http://{}/", listen(app).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_players_of_others_play_and_leave() {
    let stage = Stage::open().await;
    all_play_and_leave(&stage.whep(), &stage.media.video.demand()).await;
}

/// What is watched there, until nobody does.
pub async fn all_play_and_leave(endpoint: &str, watching: &Receiver<usize>) {
    let (site, chromium) = (site().await, Chromium::launch().await);
    for (name, start, leave, asked) in PLAYERS {
        println!("{name}");
        let page = chromium.open(&site).await;
        let start = start.replace("URL,", &format!("'{endpoint}',"));
        let start = start.replace("URL(URL)", &format!("URL('{endpoint}')"));
        page.evaluate(&start).await.expect("the player must start");
        browser::becomes_true(&page, "frames() > 30").await;
        page.evaluate(leave).await.expect("it must be left");
        settles(watching, 0).await;
        let list = serde_json::to_string(asked).expect("a list of words");
        browser::becomes_true(
            &page,
            &format!("{list}.every((one) => requests.some((request) => request.startsWith(one)))"),
        )
        .await;
        browser::becomes_true(&page, "requests.every((one) => / 20[014]$/.test(one))").await;
    }
}
