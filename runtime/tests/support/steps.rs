//! A program whose picture is encoded in steps while somebody is shown them, served as [`super::stage::Stage`] serves its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use understudy_core::media::Kind;
use understudy_core::rendition::{Audio, Step, Video};
use understudy_core::test_picture::FRAME_RATE;
use understudy_runtime::broadcast::{self, Hub};
use understudy_runtime::program::{Ladder, Program};
use understudy_runtime::rtc::{self, Handle};

use super::encoder::Encoder;
use super::stage::{LOOPS, app, listen, transport};

pub struct Steps {
    pub program: Program,
    pub driver: Handle,
    pub http: SocketAddr,
    metrics: Registry,
    ticks: JoinHandle<()>,
    _shutdown: DropGuard,
}

impl Steps {
    pub async fn open() -> Self {
        understudy_runtime::gst::init().expect("GStreamer must start");
        let (number, numbers) = watch::channel(0);
        let ticks = tokio::spawn(async move {
            let mut clock = tokio::time::interval(Duration::from_secs(1) / FRAME_RATE);
            loop {
                clock.tick().await;
                number.send_modify(|number| *number += 1);
            }
        });
        let program = program(&numbers);
        let (rtc, mut metrics) = (rtc::Metrics::default(), Registry::default());
        rtc.register(&mut metrics);
        let shutdown = CancellationToken::new();
        let driver = transport(Ipv4Addr::LOCALHOST.into(), LOOPS, rtc, shutdown.clone());
        let http = listen(app(driver.clone(), [("program", program.clone())])).await;
        Self { program, driver, http, metrics, ticks, _shutdown: shutdown.drop_guard() }
    }

    pub fn whep(&self) -> String {
        format!("http://{}/whep/program", self.http)
    }

    /// Whether somebody reads that step, as each loop does in which it is shown: then it is encoded.
    pub fn is_read(&self, step: Step) -> bool {
        *self.program.video(Video { step, ..Video::default() }).demand().borrow() > 0
    }

    /// The value of a metric of the transport, by its name and labels.
    pub fn metric(&self, name: &str) -> u64 {
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &self.metrics).expect("it must be written");
        let name = format!("understudy_rtc_{name} ");
        let value = page.lines().find_map(|line| line.strip_prefix(&name));
        value.map_or(0, |value| value.parse().expect("a count must be a number"))
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.ticks.abort();
    }
}

fn program(numbers: &watch::Receiver<u64>) -> Program {
    let hub = |kind| move || Hub::new(kind, broadcast::Metrics::default());
    let (pictures, sounds) = (numbers.clone(), numbers.clone());
    let pictures = Ladder::new(hub(Kind::Video), move |rendition: Video, hub: Hub| {
        let encoder = Encoder::of_pictures(rendition.step, hub, pictures.clone());
        runs(encoder)
    });
    let sounds =
        Ladder::new(hub(Kind::Audio), move |_: Audio, hub: Hub| runs(Encoder::of_sound(hub, sounds.clone())));
    Program::new(pictures, sounds, watch::channel(true).1)
}

async fn runs(encoder: Encoder) {
    let _encoder = encoder;
    std::future::pending::<()>().await;
}
