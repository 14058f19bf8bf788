//! Streamers, put together.

use anyhow::Context;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use super::outward::Outward;
use super::tasks::Tasks;
use crate::config::Run;
use crate::streamer::{self, Setup, Sharing, Site, Streamers};
use crate::{session, steering};

/// Those that there will be.
pub(super) fn open(
    config: &Run,
    (session, pages, outward): (&session::Handle, session::Config, &Outward),
    (registry, tasks): (&mut Registry, &mut Tasks),
    shutdown: &CancellationToken,
) -> anyhow::Result<Streamers> {
    let (metrics, of_desk) = (streamer::Metrics::default(), steering::Metrics::default());
    metrics.register(registry);
    of_desk.register(registry);
    let settings = &config.steering;
    let sharing = Sharing {
        mode: settings.steering.mode(),
        layout: settings.steering_layout,
        clipboard: settings.steering_clipboard,
        most_viewers: settings.steering_max_viewers.into(),
    };
    let site = Site {
        programs: outward.programs.clone(),
        transport: outward.peers.clone(),
        ice_servers: config.ice_servers.servers().to_vec(),
        metrics: metrics.clone(),
    };
    let title = super::identity(config).vp;
    let setup = Setup { session: session.clone(), pages, title, sharing, metrics, of_desk };
    let opened = streamer::start(site, setup, shutdown.clone());
    let (streamers, task) = opened.context("nothing can be opened for those who steer")?;
    tasks.start("streamers", task);
    Ok(streamers)
}
