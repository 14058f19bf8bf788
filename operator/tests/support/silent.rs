//! Streams of the control link on which nothing is ever said, by somebody who shows no token.

use crate::support::World;
use tokio::task::JoinSet;
use understudy_proto::v1::control_link_client::ControlLinkClient;

/// They last until this is dropped.
pub struct Silent {
    _streams: JoinSet<()>,
}

impl Silent {
    /// As many as that, over one connection.
    pub async fn open(world: &World, count: usize) -> Self {
        let channel = world.channel().await;
        let mut streams = JoinSet::new();
        for _ in 0..count {
            let mut client = ControlLinkClient::new(channel.clone());
            streams.spawn(async move {
                let _ = client.link(tokio_stream::pending()).await;
            });
        }
        Self { _streams: streams }
    }
}
