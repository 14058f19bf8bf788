//! A page that calls with its browser's own WebRTC, as clients of the source system do where calls are not made for them.

use super::*;

/// Comes to a hub as `web`; `request()` rings. What it shows is a square that grows brighter; what it says is a tone of 440 Hz.
/// `window.numbers` are those of the pictures that it is shown.
const PEER: &str = include_str!("../fixtures/caller.js");

async fn come(page: &Page, session: &Session) {
    let hub = session.url("/api/call/hub?peer=web").replacen("http", "ws", 1);
    let begun = page.evaluate(&PEER.replace("HUB", &hub).replace("CHANNEL", CHANNEL)).await;
    assert_eq!(begun.expect("the page must run it"), true);
    browser::becomes_true(page, "socket.readyState === WebSocket.OPEN").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_its_own_webrtc_calls_and_each_sees_and_hears_the_other() {
    let ada = participant("ada", None, &["--calls-auto-accept", "true"]);
    ada.until_live(SOON * 2).await;
    let chromium = Chromium::launch().await;
    let caller = chromium.open(&ada.url("/status")).await;
    come(&caller, &ada).await;
    caller.evaluate("request(); true").await.expect("the page must run it");
    until_connected(&ada).await;
    browser::becomes_true(&caller, "numbers.size > 30 && level() > 0.01").await;
    browser::photograph(&caller, "call-browser.png").await;

    // What it sends is seen at the participant's page, over WebM and over the loopback.
    // A page that nobody sees shows nothing: who looks has a browser of their own.
    let viewers = Chromium::launch().await;
    let beside = viewers.open(&ada.url("/status")).await;
    play(&beside, &ada, "media").await;
    let seen = "video.error === null && video.currentTime > 1 && video.videoWidth > 0 && lightest() > 60 \
        && video.webkitAudioDecodedByteCount > 0";
    browser::becomes_true(&beside, seen).await;
    let looped = viewers.open(&ada.url("/status")).await;
    let path = format!("/api/call/loopback/{CHANNEL}");
    let begun = looped.evaluate(&LOOPBACK.replace("PATH", &path)).await;
    assert_eq!(begun.expect("the page must run it"), true);
    browser::becomes_true(&looped, "video.currentTime > 1 && video.videoWidth > 0 && candidates.length > 0")
        .await;

    caller.evaluate("say({ type: 'call-hangup' }); true").await.expect("the page must run it");
    let over = || async {
        let call = active(&ada).await;
        call.is_none().then_some(()).ok_or_else(|| format!("{call:?}"))
    };
    wait::until(SOON, over).await;
}

/// Plays the other side with WebRTC, and hears of candidates.
const LOOPBACK: &str = "(() => {
    window.candidates = [];
    const video = document.createElement('video');
    [video.muted, video.autoplay] = [true, true];
    document.body.replaceChildren(video);
    window.video = video;
    const connection = new RTCPeerConnection();
    const stream = new MediaStream();
    video.srcObject = stream;
    connection.ontrack = ({ track }) => stream.addTrack(track);
    for (const kind of ['video', 'audio']) connection.addTransceiver(kind, { direction: 'recvonly' });
    const post = (what, body) => fetch('PATH/' + what, { method: 'POST', body: JSON.stringify(body) }).then(a => a.json());
    connection.onicecandidate = ({ candidate }) => candidate && post('ice', candidate);
    const told = new EventSource('PATH/ice');
    told.addEventListener('candidate', ({ data }) => candidates.push(JSON.parse(data)));
    (async () => {
        await connection.setLocalDescription();
        const { sdp } = await post('offer', { sdp: connection.localDescription.sdp });
        await connection.setRemoteDescription({ type: 'answer', sdp });
    })();
})(); true";

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_its_own_webrtc_is_called() {
    let ada = participant("ada", None, &[]);
    ada.until_live(SOON * 2).await;
    let chromium = Chromium::launch().await;
    let called = chromium.open(&ada.url("/status")).await;
    come(&called, &ada).await;
    done(&ada, "/api/call/start", with("web")).await;
    until_connected(&ada).await;
    browser::becomes_true(&called, "numbers.size > 30 && level() > 0.01").await;
    done(&ada, "/api/call/hangup", json!({ "channel_id": CHANNEL })).await;
    browser::becomes_true(&called, "said.includes('call-hangup')").await;
}
