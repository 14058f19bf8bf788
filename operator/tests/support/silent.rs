//! Streams of the control link on which nothing is ever said, by somebody who shows no token.

use crate::support::World;
use k8s_openapi::api::core::v1::ConfigMap;
use tokio::task::JoinSet;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use understudy_operator::names;
use understudy_proto::v1::control_link_client::ControlLinkClient;

/// They last until this is dropped.
pub struct Silent {
    _streams: JoinSet<()>,
}

impl Silent {
    /// As many as that, over one connection.
    pub async fn open(world: &World, count: usize) -> Self {
        let authority: ConfigMap = world.api().get(names::CA_CONFIG_MAP).await.unwrap();
        let root = Certificate::from_pem(&authority.data.unwrap()[names::CA_KEY]);
        let channel = Endpoint::from_shared(format!("https://127.0.0.1:{}", world.port))
            .unwrap()
            .tls_config(ClientTlsConfig::new().ca_certificate(root))
            .unwrap()
            .connect()
            .await
            .unwrap();
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
