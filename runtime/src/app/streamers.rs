//! Streamers, put together.

use anyhow::Context;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use super::outward::Outward;
use super::tasks::Tasks;
use crate::config::Run;
use crate::streamer::{self, Sharing, Site, Streamers, Table};
use crate::{session, steering};

/// Those that there will be.
pub(super) fn open(
    config: &Run,
    (session, outward): (&session::Handle, &Outward),
    (registry, tasks): (&mut Registry, &mut Tasks),
    shutdown: &CancellationToken,
) -> anyhow::Result<Streamers> {
    let (metrics, of_desk) = (streamer::Metrics::default(), steering::Metrics::default());
    metrics.register(registry);
    of_desk.register(registry);
    let settings = &config.steering;
    let desk = steering::Desk::open(settings.steering_layout, of_desk)
        .context("nothing can be opened for those who steer")?;
    let sharing = Sharing {
        steering: settings.steering.may(),
        layout: settings.steering_layout,
        clipboard: settings.steering_clipboard,
    };
    let site = Site {
        session: session.clone(),
        programs: outward.programs.clone(),
        transport: outward.peers.clone(),
        ice_servers: config.ice_servers.servers().to_vec(),
        title: super::identity(config).vp,
        most_viewers: settings.steering_max_viewers.into(),
        table: Table::new(sharing, desk, metrics.clone()),
        metrics,
    };
    let (streamers, task) = streamer::start(site, shutdown.clone());
    tasks.start("streamers", task);
    Ok(streamers)
}
