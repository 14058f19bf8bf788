//! Whoever sits at a desk: a process on another WebRTC stack, or a page.

use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use understudy_core::offer::{Description, Type};
use understudy_devtools::Page;
use understudy_e2e::probe;
use understudy_runtime::rtc::{Candidate, Desk, Said, Told};

use crate::support::link::Link;

/// Start, handshake and first pictures, in software, or a step up and what follows it, on a machine that does more than this.
const PATIENCE: Duration = Duration::from_secs(60);
/// A page is asked that often.
const LOOK: Duration = Duration::from_millis(50);

/// Says `said` as it goes, and hears what it is told with `hear`. It has offered by then.
pub const PAGE: &str = "window.said = []; (async () => {
    const peer = window.peer = new RTCPeerConnection();
    const tell = (what) => said.push(what);
    const follow = (channel) => {
        channel.onmessage = ({ data }) => tell(data);
        window[channel.label] = channel;
        if (channel.label === 'keyboard') channel.onopen = () => channel.send('typed');
    };
    follow(peer.createDataChannel('keyboard'));
    follow(peer.createDataChannel('moves', { ordered: false, maxRetransmits: 0 }));
    peer.ondatachannel = ({ channel }) => follow(channel);
    peer.ontrack = ({ track, streams }) => {
        if (track.kind !== 'video') return;
        const video = document.body.appendChild(document.createElement('video'));
        Object.assign(video, { srcObject: streams[0] ?? new MediaStream([track]), muted: true });
        window.look = (word) => video.requestVideoFrameCallback(() => tell(word));
        look('pictures');
        video.play();
    };
    const gathered = new Promise((done) => {
        peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && done();
    });
    peer.onicecandidate = ({ candidate }) => candidate && tell({ candidate: candidate.toJSON() });
    window.hear = async ({ ty, sdp, candidate }) => {
        if (candidate) return peer.addIceCandidate(candidate);
        // Chromium that takes back an offer while it still gathers candidates for it gathers none for what comes next.
        if (peer.signalingState === 'have-local-offer') await gathered;
        await peer.setRemoteDescription({ type: ty, sdp });
        if (ty !== 'offer') return;
        await peer.setLocalDescription();
        tell({ ty: 'answer', sdp: peer.localDescription.sdp });
    };
    window.restart = async () => {
        peer.restartIce();
        await peer.setLocalDescription();
        tell({ ty: 'offer', sdp: peer.localDescription.sdp });
    };
    await peer.setLocalDescription();
    tell('offer');
    tell({ ty: 'offer', sdp: peer.localDescription.sdp });
})(); true";

/// Who can be told something, and says something.
pub trait Peer {
    async fn hear(&mut self, said: Value);

    /// May be given up on without losing anything.
    async fn said(&mut self) -> Value;
}

/// A process on aiortc.
pub struct Guest {
    process: Child,
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
}

/// A page in which that script runs.
pub struct Browser {
    page: Page,
    /// Of what it says.
    next: usize,
}

/// A desk and who is at it, between whom descriptions and candidates go.
pub struct Sitting<P> {
    pub desk: Desk,
    pub guest: P,
    pub told: Vec<Told>,
    said: Vec<Value>,
    /// Over which the guest is sent to.
    link: Option<Arc<Link>>,
}

impl Guest {
    pub fn start(arguments: &[&str]) -> Self {
        let mut process = probe::at_desk(arguments);
        let to = process.stdin.take().expect("it must be spoken to");
        let from = process.stdout.take().expect("it must be heard");
        Self { process, to, from: BufReader::new(from).lines() }
    }

    pub async fn tell(&mut self, line: &str) {
        self.to.write_all(format!("{line}\n").as_bytes()).await.expect("the guest must listen");
    }

    pub fn signal(&self, signal: Signal) {
        let id = self.process.id().and_then(|id| i32::try_from(id).ok()).expect("the guest must run");
        kill(Pid::from_raw(id), signal).expect("the guest must be there");
    }
}

impl Peer for Guest {
    async fn hear(&mut self, said: Value) {
        self.tell(&said.to_string()).await;
    }

    async fn said(&mut self) -> Value {
        let line = self.from.next_line().await.expect("the guest must be heard");
        serde_json::from_str(&line.expect("the guest must go on")).expect("it says JSON")
    }
}

impl Browser {
    pub fn new(page: Page) -> Self {
        Self { page, next: 0 }
    }
}

impl Peer for Browser {
    async fn hear(&mut self, said: Value) {
        let heard =
            self.page.evaluate(&format!("hear({said}).then(() => true, (error) => String(error))")).await;
        assert!(heard.is_ok(), "{heard:?}");
    }

    async fn said(&mut self) -> Value {
        loop {
            let said = self.page.evaluate(&format!("said[{}] ?? null", self.next)).await;
            if let Ok(said) = said
                && !said.is_null()
            {
                self.next += 1;
                return said;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl<P: Peer> Sitting<P> {
    pub fn new(desk: Desk, guest: P) -> Self {
        Self { desk, guest, told: vec![], said: vec![], link: None }
    }

    /// The same, over that link.
    pub fn over(link: &Arc<Link>, desk: Desk, guest: P) -> Self {
        Self { link: Some(Arc::clone(link)), ..Self::new(desk, guest) }
    }

    /// Returns when that was told, now or before.
    pub async fn is_told(&mut self, wanted: &Told) {
        // Of what is told again and again, this time is meant.
        let again = matches!(wanted, Told::Silent | Told::Heard);
        let from = if again { self.told.len() } else { 0 };
        self.until(|sitting| sitting.told[from..].contains(wanted), &format!("{wanted:?}")).await;
    }

    pub async fn guest_says(&mut self, wanted: &str) {
        self.until(|sitting| sitting.guest_said(wanted), wanted).await;
    }

    pub fn guest_said(&self, wanted: &str) -> bool {
        let wanted = serde_json::from_str(wanted).unwrap_or_else(|_| Value::from(wanted));
        self.said.contains(&wanted)
    }

    pub async fn becomes(&mut self, is_there: impl FnMut(&Self) -> bool) {
        self.until(is_there, "what was waited for").await;
    }

    /// The same, of what it says from now on.
    pub async fn guest_says_again(&mut self, wanted: &str) {
        self.said.clear();
        self.guest_says(wanted).await;
    }

    /// Both are there for so long, whatever they say.
    pub async fn goes_on(&mut self, time: Duration) {
        let until = tokio::time::Instant::now() + time;
        self.until(|_| tokio::time::Instant::now() >= until, "anything").await;
    }

    async fn until(&mut self, mut is_there: impl FnMut(&Self) -> bool, wanted: &str) {
        let until = tokio::time::Instant::now() + PATIENCE;
        while !is_there(self) {
            tokio::select! {
                told = self.desk.told() => self.pass(told).await,
                said = self.guest.said() => self.answer(said).await,
                () = tokio::time::sleep_until(until) => {
                    panic!("not {wanted}; told {:?}, the guest said {:?}", self.told, self.said)
                }
            }
        }
    }

    async fn pass(&mut self, told: Told) {
        match &told {
            Told::Description(Description { ty, sdp }) => {
                let ty = if *ty == Type::Offer { "offer" } else { "answer" };
                let sdp = self.link.as_ref().map_or_else(|| sdp.clone(), |link| link.through(sdp));
                self.guest.hear(json!({ "ty": ty, "sdp": sdp })).await;
            }
            // After its end there is nothing else.
            Told::Closed(_) if self.told.last() == Some(&told) => {
                panic!("it is over: {:?}, the guest said {:?}", self.told, self.said)
            }
            _ => {}
        }
        self.told.push(told);
    }

    async fn answer(&mut self, said: Value) {
        if let (Some(ty), Some(sdp)) = (said["ty"].as_str(), said["sdp"].as_str()) {
            let ty = if ty == "offer" { Type::Offer } else { Type::Answer };
            let heard = self.desk.hear(Said::Description(Description { ty, sdp: sdp.to_owned() })).await;
            heard.expect("what the guest says must be taken");
        } else if let Some(candidate) = said.get("candidate") {
            let word = |name: &str| candidate[name].as_str().map(str::to_owned);
            let said = Candidate {
                candidate: word("candidate").unwrap_or_default(),
                sdp_mid: word("sdpMid"),
                sdp_mline_index: None,
                username_fragment: word("usernameFragment"),
            };
            self.desk.hear(Said::Candidate(said)).await.expect("candidates are not needed");
        }
        self.said.push(said);
    }
}
