//! The ways out, put together: what is watched by name, over what, and what is sent to others.

use anyhow::Context;
use futures::future::BoxFuture;
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use understudy_core::spec::Output;

use super::guards::Guards;
use super::rtmp::Doors;
use crate::access::Policy;
use crate::config::Run;
use crate::egress::rtmp::{self, Rtmp};
use crate::egress::{self, Senders, push, sender, socket, whep, whip};
use crate::net::Families;
use crate::process::RtmpDoor;
use crate::{program, rtc, session};

pub(super) struct Outward {
    pub(super) programs: program::Registry,
    pub(super) senders: Senders,
    pub(super) peers: rtc::Handle,
    rtmp: Rtmp,
    doors: Doors,
    metrics: egress::Metrics,
}

impl Outward {
    pub(super) fn open(
        config: &Run,
        peers: rtc::Handle,
        guards: &Guards,
        policy: watch::Receiver<Policy>,
        registry: &mut Registry,
    ) -> anyhow::Result<Self> {
        let programs = program::Registry::default();
        let (metrics, of_rtmp) = (egress::Metrics::default(), rtmp::Metrics::default());
        metrics.register(registry);
        of_rtmp.register(registry);
        let own_token = uuid::Uuid::new_v4().simple().to_string().into();
        let rtmp =
            Rtmp { streams: rtmp::Streams::new(programs.clone()), policy, own_token, metrics: of_rtmp };
        let guard = guards.media.policy.clone();
        let tls = egress::trust().context("servers of TLS cannot be told from others")?;
        let push = push::Reach { streams: rtmp.streams.clone(), guard: guard.clone(), tls: tls.clone() };
        let whip = whip::Reach { transport: peers.clone(), guard, tls };
        let senders = Senders::new(sender::Reach { push, whip });
        let doors = Doors::open(config, Families::here())?;
        Ok(Self { programs, senders, peers, rtmp, doors, metrics })
    }

    /// Of RTMP and RTMPS; none where it does not listen.
    pub(super) fn rtmp_ports(&self) -> [Option<u16>; 2] {
        self.doors.ports()
    }

    /// Of what leaves over sockets.
    pub(super) fn metrics(&self) -> egress::Metrics {
        self.metrics.clone()
    }

    /// Who may do what.
    pub(super) fn policies(&self) -> watch::Receiver<Policy> {
        self.rtmp.policy.clone()
    }

    /// Our own RTMP, for processes of ours.
    pub(super) fn rtmp_door(&self) -> Option<RtmpDoor> {
        let at = self.doors.at()?;
        Some(RtmpDoor::new(at, Families::here(), self.rtmp.own_token.to_string()))
    }

    /// What is watched over HTTP.
    pub(super) fn router(&self, config: &Run, session: &session::Handle) -> axum::Router {
        let streams = session.streams();
        let enabled = move |name: &str| {
            let streams = streams.borrow();
            let named = streams.iter().find(|stream| stream.livestream.name == name);
            named.is_none_or(|stream| stream.livestream.output == Output::MpegTs)
        };
        let sockets = socket::router(self.programs.clone(), enabled, self.metrics.clone());
        let ice_servers = config.ice_servers.clone();
        whep::router(self.peers.clone(), self.programs.clone(), ice_servers).merge(sockets)
    }

    /// What serves RTMP until `shutdown`, and what ends those who watch what is served no longer.
    pub(super) fn serve(self, shutdown: &CancellationToken) -> Vec<(&'static str, BoxFuture<'static, ()>)> {
        let ending = end_viewers(self.peers, self.programs, shutdown.clone());
        let mut serving = self.doors.serve(&self.rtmp, shutdown);
        serving.push(("what ends viewers", Box::pin(ending)));
        serving
    }
}

/// Whoever watches what is served no longer is told so.
pub(super) async fn end_viewers(
    peers: rtc::Handle,
    programs: program::Registry,
    shutdown: CancellationToken,
) {
    let gone = |name: String| {
        let peers = peers.clone();
        async move { peers.end(&name).await }
    };
    let _ = shutdown.run_until_cancelled(programs.tell_gone(gone)).await;
}
