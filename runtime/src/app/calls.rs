//! Calls, put together.

use std::path::Path;

use anyhow::Context;
use prometheus_client::registry::Registry;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use understudy_hub::{Hold, Hub};

use super::outward::Outward;
use super::tasks::Tasks;
use crate::api::calls::Site;
use crate::call::{self, Address, Away, Calls, Legs, Setup, Stage};
use crate::camera::Picture;
use crate::capture::{self, Screen, Subjects, View};
use crate::config::{self, Run};
use crate::program::Program;
use crate::session::{self, Carried};
use crate::{broadcast, egress};

/// Peers at one hub.
const MOST_PEERS: usize = 1024;

/// What is asked of them over HTTP; none: they are switched off.
pub(super) fn open(
    config: &Run,
    (session, pages, outward): (&session::Handle, &session::Config, &Outward),
    (registry, tasks): (&mut Registry, &mut Tasks),
    shutdown: &CancellationToken,
) -> anyhow::Result<Option<Site>> {
    if !config.calls.calls {
        return Ok(None);
    }
    let metrics = call::Metrics::default();
    metrics.register(registry);
    let me = super::identity(config).vp;
    let hubs = pages.broadcast_metrics.clone();
    let setup = Setup {
        me: me.clone(),
        manners: config.calls.manners(),
        legs: Legs::new(outward.peers.clone(), hubs.clone()),
        stage: stage(session.carried(), pages, hubs),
        metrics,
    };
    let hub = Hub::new(MOST_PEERS);
    let calls = match &config.calls.calls_hub {
        Some(url) => {
            let settings = &config.calls;
            let address = Address::new(url, &me, settings.calls_hub_token_file.clone(), trust(settings)?);
            let address = address.with_context(|| format!("UNDERSTUDY_CALLS_HUB cannot be used ({url})"))?;
            begin(call::start(setup, Away::new(address), shutdown.clone()), tasks)
        }
        None => {
            let member =
                hub.join(&me, Hold::Fast).context("this participant cannot be called by its name")?;
            begin(call::start(setup, member, shutdown.clone()), tasks)
        }
    };
    Ok(Some(Site { calls, hub, transport: outward.peers.clone(), metrics: outward.metrics() }))
}

fn begin<F: Future<Output = ()> + Send + 'static>((calls, driving): (Calls, F), tasks: &mut Tasks) -> Calls {
    tasks.start("calls", driving);
    calls
}

/// What camera and microphone carry, and a black picture of the same size for when that is switched off.
fn stage(carried: Carried, pages: &session::Config, metrics: broadcast::Metrics) -> Stage {
    let Carried { camera, microphone } = carried;
    let speaker = microphone.clone();
    let size = pages.camera_size;
    let darkness = camera.clone();
    let (black, picture) = (watch::Sender::new(None::<Screen>), Picture::new(size));
    picture.show_black();
    let dark_screen = black.subscribe();
    // Whoever sees it sees no other size than before.
    tokio::spawn(follow(darkness, black, picture));
    let program = |screen, speaker| {
        let subjects = Subjects {
            screen,
            speaker,
            shows: watch::channel(true).1,
            silence: watch::Sender::default(),
            ffmpeg: pages.ffmpeg.clone(),
        };
        let complain = |fault| tracing::warn!(error = fault, "what a call shows cannot be encoded");
        capture::program(subjects, &metrics, complain)
    };
    let carried: Program = program(camera, microphone);
    let dark = program(dark_screen, watch::channel(None).1);
    Stage { carried, dark, speaker, metrics }
}

async fn follow(
    mut camera: watch::Receiver<Option<Screen>>,
    black: watch::Sender<Option<Screen>>,
    picture: Picture,
) {
    loop {
        let screen = camera.borrow_and_update().clone();
        let dark = screen.map(|screen| Screen { view: View::Camera(picture.clone()), ..screen });
        black.send_replace(dark);
        if camera.changed().await.is_err() {
            return;
        }
    }
}

fn trust(settings: &config::Calls) -> anyhow::Result<TlsConnector> {
    Ok(match &settings.calls_hub_ca_file {
        Some(file) => egress::trusting(authorities(file)?)?,
        None => egress::trust()?,
    })
}

fn authorities(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found =
        read.with_context(|| format!("UNDERSTUDY_CALLS_HUB_CA_FILE cannot be used ({})", file.display()))?;
    anyhow::ensure!(
        !found.is_empty(),
        "UNDERSTUDY_CALLS_HUB_CA_FILE holds no certificate ({})",
        file.display()
    );
    Ok(found)
}
